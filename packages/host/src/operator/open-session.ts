// A session of an operator as commands ask for it: his key, his policy, a way to the enclave, the versions that he has seen. The order is fixed:
// what is his is found first, and only then is anybody dialled.
import type { Duplex } from 'node:stream';
import { CONTROL_PORT, type ControlSession, connectControl } from '@caisson/link/control';
import type { Transport } from '@caisson/link/transport';
import { isEnclaveName } from '../record/index.ts';
import { dialEnclave, dialVia, findEnclave, openEnclaveTransport } from './dial.ts';
import { findOperator } from './find-operator.ts';
import { type FoundPolicy, findPolicy } from './find-policy.ts';
import { readOperatorKey } from './operator-key.ts';
import { isOwnPolicyFile } from './own-policy.ts';
import { noteSeenVersion } from './seen-version.ts';

export interface OpenSessionOptions {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** A name, a CID, or `vsock:CID:PORT`. */
  readonly enclave: string;
  /** A name of `operator create`, or a path; default CAISSON_OPERATOR, else `operators.local` of caisson.yaml, else the only key there is. */
  readonly operator?: string | undefined;
  readonly policyFile?: string | undefined;
  readonly composeFile?: string | undefined;
  /** What `${NAME}` stands for in it. Default: the environment. */
  readonly variables?: Readonly<Record<string, string | undefined>>;
  readonly port?: number | undefined;
  /** `ssh:HOST`: through somebody else's machine. */
  readonly via?: string | undefined;
  readonly allowSimulated?: boolean;
  /**
   * Opens the transport of this machine; not called with `via`. `vsock` is the way to an enclave that was found here. Default:
   * `openEnclaveTransport`.
   */
  readonly openTransport?: (vsock?: string) => Transport;
  /** For people: `SIMULATED ...` before anything else is said, and what ssh says. */
  readonly say: (line: string) => void;
  readonly signal?: AbortSignal;
  /** Called with the policy before the enclave is dialled. */
  readonly onPolicy?: (found: FoundPolicy) => void;
}

/**
 * Rejects OPERATOR_KEY_FILE, OPERATOR_POLICY, OPERATOR_ENCLAVE, OPERATOR_VIA, OPERATOR_ROLLBACK; what reading a policy rejects; what `connectControl`
 * rejects; Node-style errors of the dial.
 */
export async function openOperatorSession(options: OpenSessionOptions): Promise<ControlSession> {
  const { env, enclave, via, say, signal, port = CONTROL_PORT, variables = env } = options;
  const named = /^vsock:([0-9]+)/.exec(enclave)?.[1] ?? enclave;
  const { policyFile: file, composeFile: composed } = options;
  const wanted = { env, enclave: named, file, composeFile: composed, isHere: via === undefined, variables };
  // First, because for an enclave that does not run here, or takes nobody's commands, a missing policy or key is not the fault.
  if (via === undefined && isEnclaveName(enclave)) await findEnclave(enclave, env, port);
  const { policy, source } = await findPolicy(wanted);
  const { operator, composeFile } = options;
  const name = await findOperator({
    env,
    operator,
    enclave: named,
    composeFile,
    variables,
    isHere: via === undefined,
  });
  const identity = await readOperatorKey(name, env, env['CAISSON_KEY_PASSPHRASE']);
  const openTransport = options.openTransport ?? ((vsock) => openEnclaveTransport(env, vsock));
  const dial = async (): Promise<Duplex> => {
    if (via !== undefined) return dialVia(via, enclave, { port, env, stderr: (text) => say(text.trimEnd()) });
    const address = await findEnclave(enclave, env, port);
    return await dialEnclave(openTransport(address.vsock), address, signal);
  };
  // Versions seen of a trial on this machine must not count against an enclave of the same name elsewhere.
  const isTrial = policy.backend !== 'nitro' && (await isOwnPolicyFile(source));
  options.onPolicy?.({ policy, source });
  if (policy.backend !== 'nitro')
    say(`SIMULATED: the policy has roots of its own (${policy.backend}); nothing here proves hardware`);
  return await connectControl({
    dial,
    identity,
    policy,
    refuseSimulated: via !== undefined && options.allowSimulated !== true,
    onProven: ({ facts }) => (isTrial ? undefined : noteSeenVersion(env, named, facts)),
  });
}
