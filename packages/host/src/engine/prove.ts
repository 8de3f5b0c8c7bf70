// Whether the running enclave is what was built: opens an operator's session, which holds a fresh document to a policy of this side. No proof is a
// failure only where somebody asked for one; a proof that does not hold always is.
import { existsSync } from 'node:fs';
import { CaissonError, VerificationError } from '@caisson/core/errors';
import { readCompose } from '../compose/index.ts';
import { hintOfError } from '../explain/index.ts';
import { findOperator, openOperatorSession, ownPolicyPath, writeOwnPolicy } from '../operator/index.ts';
import type { RecordedSpec, RecordedState } from '../record/index.ts';
import type { Verdict } from './result.ts';

export interface ProveOptions {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Values for `${NAME}` in the caisson.yaml. */
  readonly variables: Readonly<Record<string, string | undefined>>;
  readonly spec: RecordedSpec;
  readonly state: RecordedState;
  /** The file that the operator named in this command. A path from a record would not be the operator's word. */
  readonly composeFile: string | undefined;
  /** Name or path of a key; by default chosen as in every other command. */
  readonly operator?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

// Codes that mean that this side has nothing to prove with.
const unprepared = ['OPERATOR_POLICY', 'OPERATOR_KEY_FILE', 'OPERATOR_NAME', 'CONTROL_REFUSED'];
// Codes that mean that the proof was not of the enclave that was asked.
const refusals = ['OPERATOR_ROLLBACK', 'CONTROL_BINDING', 'CONTROL_KEY'];

/** Rejects only with the reason of `signal`. */
export async function proveEnclave(options: ProveOptions): Promise<Verdict> {
  const { env, variables, spec, state, operator, composeFile, signal } = options;
  const { name, backend } = spec;
  const written = backend === 'nitro' ? undefined : await writeOwnPolicy(env, spec, state).catch(faultOf);
  if (!spec.hasControl) {
    return not(
      'its image has no control channel',
      'operators in caisson.yaml give it one; operators: { local: NAME } makes a key for development',
    );
  }
  // A policy that the operator wrote is used as it stands.
  if (written?.written === false && !existsSync(ownPolicyPath(env, name))) return not(written.why, written.hint);
  try {
    const key = await findOperator({ env, variables, operator, enclave: name, composeFile });
    let policy = name;
    const session = await openOperatorSession({
      env,
      variables,
      enclave: name,
      operator: key,
      composeFile,
      ...(composeFile === undefined && written?.written === true && { policyFile: written.path }),
      say: () => {},
      onPolicy: ({ source }) => {
        policy = source;
      },
      ...(signal !== undefined && { signal }),
    });
    try {
      const { attestation, simulated } = session.enclave;
      const pcrs = Object.fromEntries(Object.entries(attestation.pcrs).map(([index, hex]) => [`PCR${index}`, hex]));
      return { holds: true, simulated, policy, operator: key, pcrs };
    } finally {
      await session.close();
    }
  } catch (error) {
    signal?.throwIfAborted();
    if (!(error instanceof Error)) throw error;
    return await judged(error, options);
  }
}

async function judged(error: Error, { composeFile, spec, variables }: ProveOptions): Promise<Verdict> {
  const code = error instanceof CaissonError ? error.code : '';
  const hint = hintOfError(error) ?? null;
  const isRefusal = error instanceof VerificationError || refusals.includes(code);
  // A policy in caisson.yaml is a request for the proof.
  const isWanted = composeFile !== undefined && (await hasPolicy(composeFile, spec.name, variables));
  const broken = isRefusal || (isWanted && !unprepared.includes(code));
  return { holds: false, why: error.message, hint, broken };
}

async function hasPolicy(file: string, name: string, variables: ProveOptions['variables']): Promise<boolean> {
  const compose = await readCompose(file, { variables }).catch(() => undefined);
  return compose?.enclaves.get(name)?.policy?.attest !== undefined;
}

function faultOf(error: unknown): { readonly written: false; readonly why: string; readonly hint: string | null } {
  const why = error instanceof Error ? error.message : String(error);
  return { written: false, why: `its policy cannot be written: ${why}`, hint: hintOfError(error) ?? null };
}

function not(why: string, hint: string | null): Verdict {
  return { holds: false, why, hint, broken: false };
}
