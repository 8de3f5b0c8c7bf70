// What an enclave must be comes from the operator's own side and nowhere else (docs/control.md): a file that he names, caisson.yaml as it lies here, or
// his policy folder. Not from the state folder, the ready line, or anything a parent sends: whoever wrote those would choose what passes.
import { existsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { PolicyError } from '@caisson/core/errors';
import { type AttestationPolicy, checkPolicy } from '@caisson/verify/policy';
import { chooseEnclave, readCompose } from '../compose/index.ts';
import { readPolicyFile } from '../policy/index.ts';
import type { OperatorErrorCode } from './error-code.ts';
import { operatorFolder, requireOwnFolder } from './folder.ts';
import { hasOwnPolicy } from './own-policy.ts';

export interface FoundPolicy {
  readonly policy: AttestationPolicy;
  /** The file that it was read from. */
  readonly source: string;
}

export interface FindPolicyOptions {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The enclave as the operator calls it: a name, or a CID. */
  readonly enclave: string;
  /** `--policy`. */
  readonly file?: string | undefined;
  /** caisson.yaml; default the one in `folder`, where there is one. */
  readonly composeFile?: string | undefined;
  /** Default: where the command runs. */
  readonly folder?: string;
  /** What `${NAME}` stands for in caisson.yaml. Default: the environment. */
  readonly variables?: Readonly<Record<string, string | undefined>>;
  /** True if the enclave is dialled from this machine and not through another. */
  readonly isHere?: boolean;
}

/** Rejects PolicyError OPERATOR_POLICY where there is none, and what reading a policy rejects. */
export async function findPolicy({
  env,
  enclave,
  file,
  composeFile,
  folder = '.',
  isHere = false,
  variables = env,
}: FindPolicyOptions): Promise<FoundPolicy> {
  if (file !== undefined) return { policy: await readPolicyFile(file), source: file };
  const compose = composeFile ?? join(folder, 'caisson.yaml');
  const own = join(operatorFolder(env), 'policies', `${enclave}.yaml`);
  if (composeFile !== undefined || existsSync(compose)) {
    const found = await policyOfCompose(compose, enclave, variables);
    // The same caisson.yaml is simulated here and run on hardware there: what its policy says of hardware cannot hold of a simulation that `up`
    // has just started for this user, and what `up` wrote for that one says SIMULATED wherever it is used. Never through another's machine.
    const isSimulation = isHere && found?.policy.backend === 'nitro' && (await hasOwnPolicy(env, enclave));
    if (found !== undefined && !isSimulation) return found;
  }
  if (/^[a-z0-9][a-z0-9-]{0,62}$/.test(enclave) && existsSync(own)) {
    // Whoever can write there decides what this operator trusts.
    for (const folder of [operatorFolder(env), dirname(own)]) await requireOwnFolder(folder);
    return { policy: await readPolicyFile(own), source: own };
  }
  // `up` writes that of a simulation when it is ready, and not before: only then has it seen that the enclave is what was built.
  const soon = isHere ? `caisson wait ${enclave}, if up has only just started it; else ` : '';
  throw new PolicyError<OperatorErrorCode>(
    'OPERATOR_POLICY',
    `a policy must say what enclave ${enclave} must be, got none`,
    {
      hint: `${soon}give --policy FILE, policy.attest in caisson.yaml, or ${own}; caisson attest policy create makes one`,
    },
  );
}

async function policyOfCompose(
  file: string,
  enclave: string,
  variables: FindPolicyOptions['env'],
): Promise<FoundPolicy | undefined> {
  const compose = await readCompose(file, { variables });
  if (!compose.enclaves.has(enclave)) return undefined;
  const attest = chooseEnclave(compose, enclave).spec.policy?.attest;
  if (attest === undefined) return undefined;
  if (typeof attest !== 'string') return { policy: checkPolicy(attest), source: file };
  const path = resolve(dirname(file), attest);
  return { policy: await readPolicyFile(path), source: path };
}
