// The asking end up to READY (docs/wire/control.md): nothing of the operator's leaves before the enclave has proven, inside this very TLS session
// and under a nonce of now, that it is what the operator's own policy wants. The order is the protection; see docs/control.md.
import { randomBytes } from 'node:crypto';
import type { Duplex } from 'node:stream';
import { toHex } from '@caisson/core/bytes';
import { CaissonError, PolicyError } from '@caisson/core/errors';
import { type VerifiedAttestation, verifyAttestation } from '@caisson/verify';
import type { AttestationPolicy } from '@caisson/verify/policy';
import { type EnclaveFacts, verifyBinding } from './binding.ts';
import type { ControlErrorCode, ControlRefusal } from './error-code.ts';
import type { ControlIdentity } from './identity.ts';
import { MessageStream } from './message-stream.ts';
import { type ControlMessage, MAX_SERVER_MESSAGE_BYTES, NONCE_BYTES } from './messages.ts';
import { type SecureStream, secureStream } from './secure.ts';

/** What an enclave has proven about itself in one session. */
export interface ProvenEnclave {
  readonly facts: EnclaveFacts;
  readonly attestation: VerifiedAttestation;
  /** What it was proven with, as it came, for whoever wants to judge it again. */
  readonly document: Uint8Array;
  /** That it answers. */
  readonly nonce: Uint8Array;
  /** Hex. */
  readonly serverKeySha256: string;
  /** True if the document holds under a root that only the policy names: a simulation, which proves nothing about hardware. */
  readonly simulated: boolean;
}

export interface OpenClientOptions {
  readonly identity: ControlIdentity;
  /** The operator's own, of his own machine: never from the parent, the state folder or the enclave. */
  readonly policy: AttestationPolicy;
  /** Refuse a policy with roots of its own: for a session through somebody else's machine. */
  readonly refuseSimulated?: boolean;
  /** For all of it. Default 10,000. */
  readonly timeoutMs?: number;
  /** Unix seconds; default now. */
  readonly now?: () => number;
  /** The last look before READY, of whoever remembers more: throws to refuse. */
  readonly onProven?: (enclave: ProvenEnclave) => void | Promise<void>;
}

export interface OpenedClient {
  readonly stream: Duplex;
  readonly secure: SecureStream;
  readonly enclave: ProvenEnclave;
}

const defaultTimeoutMs = 10_000;

const refusals: Readonly<Record<ControlRefusal, string>> = {
  key: 'its operator list does not name the key of this operator',
  list: 'its operator list has run out',
  message: 'it did not understand this program',
  nsm: 'its NSM gave no document',
  busy: 'it has as many sessions as it may',
  time: 'the session did not open in its time',
};

/**
 * Rejects CONTROL_TLS, CONTROL_KEY, CONTROL_TIMEOUT, CONTROL_CLOSED, CONTROL_MESSAGE; CONTROL_REFUSED with
 * the enclave's word; VerificationError of the verifier or CONTROL_BINDING. The stream is destroyed then.
 */
export async function openClient(stream: Duplex, options: OpenClientOptions): Promise<OpenedClient> {
  const { identity, timeoutMs = defaultTimeoutMs } = options;
  const deadlineMs = performance.now() + timeoutMs;
  const secure = await secureStream(stream, 'client', identity, timeoutMs);
  try {
    const messages = new MessageStream(secure.tls, { maxBytes: MAX_SERVER_MESSAGE_BYTES, deadlineMs });
    const nonce = Uint8Array.from(randomBytes(NONCE_BYTES));
    messages.send({ kind: 'hello', nonce });
    const document = documentOf(await messages.next());
    const enclave = await prove(document, nonce, secure, options);
    await options.onProven?.(enclave);
    messages.send({ kind: 'ready' });
    return { stream: messages.release(), secure, enclave };
  } catch (error) {
    secure.tls.destroy();
    stream.destroy();
    throw error;
  }
}

/** Call it before anybody is dialled. Throws PolicyError CONTROL_SIMULATED. */
export function verifyOrigin({ policy, refuseSimulated }: Pick<OpenClientOptions, 'policy' | 'refuseSimulated'>): void {
  if (policy.backend === 'nitro' || refuseSimulated !== true) return;
  throw new PolicyError<ControlErrorCode>(
    'CONTROL_SIMULATED',
    `policy of a remote enclave must have the root of AWS, got backend ${policy.backend} with roots of its own`,
    { hint: 'whoever holds that root can pass for the enclave; --allow-simulated takes it all the same' },
  );
}

/** A document against the policy, the nonce and the session it came in: the same at the start and at every asking again. */
export async function prove(
  document: Uint8Array,
  nonce: Uint8Array,
  { peerSpki, bindingOf }: SecureStream,
  { policy, now }: Pick<OpenClientOptions, 'policy' | 'now'>,
): Promise<ProvenEnclave> {
  const attestation = await verifyAttestation(document, {
    ...policy,
    ...(now !== undefined && { at: now() }),
    nonce,
    publicKey: peerSpki,
  });
  const binding = bindingOf(nonce);
  const facts = verifyBinding(attestation.userData, binding);
  return {
    facts,
    attestation,
    document,
    nonce,
    serverKeySha256: toHex(binding.serverKeySha256),
    simulated: attestation.root === 'custom',
  };
}

function documentOf(message: ControlMessage): Uint8Array {
  if (message.kind === 'attest') return message.document;
  if (message.kind === 'refused') throw refused(message.reason);
  throw new CaissonError<ControlErrorCode>('CONTROL_MESSAGE', `enclave must answer with attest, got ${message.kind}`);
}

function refused(reason: ControlRefusal): CaissonError<ControlErrorCode> {
  const hint =
    reason === 'key' || reason === 'list'
      ? 'caisson operator show NAME prints the key that a list must name'
      : undefined;
  return new CaissonError('CONTROL_REFUSED', `enclave refuses the session (${reason}): ${refusals[reason]}`, {
    ...(hint !== undefined && { hint }),
  });
}
