// Whether what runs is what was built: an operator's session, which checks a document of now against a policy of this side. No proof is no failure
// where nobody asked for one; a proof that does not hold always is one.
import { existsSync } from 'node:fs';
import { CaissonError, VerificationError } from '@caisson/core/errors';
import { readCompose } from '../compose/index.ts';
import { hintOfError } from '../explain/index.ts';
import { findOperator, openOperatorSession, ownPolicyPath, writeOwnPolicy } from '../operator/index.ts';
import type { RecordedSpec, RecordedState } from '../record/index.ts';
import type { Verdict } from './result.ts';

export interface ProveOptions {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** For caisson.yaml. */
  readonly variables: Readonly<Record<string, string | undefined>>;
  readonly spec: RecordedSpec;
  readonly state: RecordedState;
  /** As the operator named it now; what a record says of it is no word of his. */
  readonly composeFile: string | undefined;
  /** A name or a path; default: as every command chooses. */
  readonly operator?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

// What says of an operator's own side that there is nothing to prove with.
const unprepared = ['OPERATOR_POLICY', 'OPERATOR_KEY_FILE', 'OPERATOR_NAME', 'CONTROL_REFUSED'];
// A proof that was given and is not that of the enclave that was asked for.
const refusals = ['OPERATOR_ROLLBACK', 'CONTROL_BINDING', 'CONTROL_KEY'];

/** Rejects with the reason of `signal`, and with nothing else. */
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
  // One that the operator wrote himself is used as it is, whatever it says.
  if (written?.written === false && !existsSync(ownPolicyPath(env, name))) return not(written.why, written.hint);
  try {
    const key = await findOperator({ env, variables, operator, enclave: name, composeFile });
    const session = await openOperatorSession({
      env,
      variables,
      enclave: name,
      operator: key,
      composeFile,
      ...(composeFile === undefined && written?.written === true && { policyFile: written.path }),
      say: () => {},
      ...(signal !== undefined && { signal }),
    });
    try {
      const { attestation, simulated } = session.enclave;
      const pcrs = Object.fromEntries(Object.entries(attestation.pcrs).map(([index, hex]) => [`PCR${index}`, hex]));
      return { holds: true, simulated, policy: written?.written === true ? written.path : name, operator: key, pcrs };
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
  // Whoever wrote a policy into caisson.yaml has asked for the proof.
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
