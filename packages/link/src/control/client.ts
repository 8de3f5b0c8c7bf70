// The asking end: a proven session, its channel, and proof asked for again while it lasts. What an enclave was at the start says little about it ten
// minutes later only if it could change; so the same enclave must answer for the same session, again, until it ends.
import { randomBytes } from 'node:crypto';
import type { Duplex } from 'node:stream';
import { equalBytes, parseHex } from '@caisson/core/bytes';
import { CaissonError, VerificationError } from '@caisson/core/errors';
import { type Channel, createChannel } from '../channel/channel.ts';
import { RemoteError } from '../channel/error-code.ts';
import { type Approval, hashAct, refusal, type SignedApproval, signApproval, verifyApproval } from './approval.ts';
import { isSameApproval } from './approval-file.ts';
import type { ControlErrorCode } from './error-code.ts';
import type { ControlIdentity } from './identity.ts';
import { NONCE_BYTES } from './messages.ts';
import { type OpenClientOptions, openClient, type ProvenEnclave, prove, verifyOrigin } from './open-client.ts';
import { encodeSignedApproval } from './own-handler.ts';
import { CONTROL_REQUEST } from './request-type.ts';
import { parseSessionInfo, type SessionInfo } from './session-info.ts';
import type { ControlVerb } from './verb.ts';

export interface ConnectControlOptions extends OpenClientOptions {
  /** A connection to the enclave's control port: over vsock, or through somebody's pipe. */
  dial(): Promise<Duplex>;
  /** Between proofs. Default 600,000. */
  readonly reproveMs?: number;
}

export interface ControlSession {
  /** For verbs: requests of type 64 and above. */
  readonly channel: Channel;
  /** As it was proven last. */
  readonly enclave: ProvenEnclave;
  info(): Promise<SessionInfo>;
  /** Asks for proof now. `nonce`: 32 bytes of somebody else's challenge; default: fresh ones. Rejects as the opening does, and ends the session then. */
  prove(nonce?: Uint8Array): Promise<ProvenEnclave>;
  /** What has to be signed for one request of `type` with `payload`; holds for `seconds` (default 900) by the enclave's clock. */
  draftApproval(verb: ControlVerb, type: number, payload: Uint8Array, seconds?: number): Approval;
  /** Approves it, by this session's operator and by `others`, whose keys are here too. */
  approve(verb: ControlVerb, type: number, payload: Uint8Array, others?: readonly ControlIdentity[]): Promise<void>;
  /** The same with approvals that others gave elsewhere. Rejects PolicyError CONTROL_APPROVAL, unsent, where one is for another act. */
  approveWith(verb: ControlVerb, type: number, payload: Uint8Array, signed: readonly SignedApproval[]): Promise<void>;
  /** Replaces the operator list in force. */
  sendOperatorList(list: Uint8Array): Promise<void>;
  /** Resolves when the session has ended: undefined if both ends said so. */
  readonly closed: Promise<CaissonError | undefined>;
  close(): Promise<void>;
}

// Chosen (docs/control.md).
const defaultReproveMs = 600_000;
const approvalSeconds = 900;

/** Rejects CONTROL_SIMULATED before it dials, and as `dial` and `openClient` do. */
export async function connectControl(options: ConnectControlOptions): Promise<ControlSession> {
  const { identity, reproveMs = defaultReproveMs } = options;
  verifyOrigin(options);
  const { stream, secure, enclave: first } = await openClient(await options.dial(), options);
  const channel = createChannel(stream, { role: 'dialler' });
  let enclave = first;

  const reprove = async (nonce = Uint8Array.from(randomBytes(NONCE_BYTES))): Promise<ProvenEnclave> => {
    if (nonce.length !== NONCE_BYTES) throw new TypeError(`nonce must have ${NONCE_BYTES} bytes, got ${nonce.length}`);
    try {
      const document = await channel.request(CONTROL_REQUEST.attest, nonce);
      const next = await prove(document, nonce, secure, options);
      // TLS has held the key; these say that nothing behind it was exchanged.
      const isSame =
        equalBytes(next.facts.bootId, first.facts.bootId) &&
        equalBytes(next.facts.configSha384, first.facts.configSha384);
      if (!isSame) {
        throw new VerificationError<ControlErrorCode>(
          'CONTROL_BINDING',
          'enclave must be the one of this session, got another boot or config',
        );
      }
      enclave = next;
      return next;
    } catch (cause) {
      const error =
        cause instanceof CaissonError ? cause : new CaissonError('CONTROL_CLOSED', 'proof failed', { cause });
      channel.destroy(error);
      throw error;
    }
  };
  const draftApproval: ControlSession['draftApproval'] = (verb, type, payload, seconds = approvalSeconds) => ({
    verb,
    actSha256: hashAct(type, payload),
    actId: Uint8Array.from(randomBytes(16)),
    bootId: first.facts.bootId,
    serverKeySha256: parseHex(first.serverKeySha256),
    // By the enclave's clock, which its document has told: this machine's may be wrong.
    notAfter: Math.floor(enclave.attestation.timestamp / 1_000) + seconds,
  });
  const submit = async (signed: SignedApproval): Promise<void> => {
    await said(channel.request(CONTROL_REQUEST.approve, encodeSignedApproval(signed)));
  };
  const timer = setInterval(() => void reprove().catch(() => {}), reproveMs).unref();
  const closed = channel.closed.finally(() => {
    clearInterval(timer);
    secure.tls.destroySoon();
  });

  return {
    channel,
    closed,
    get enclave() {
      return enclave;
    },
    info: async () => parseSessionInfo(await said(channel.request(CONTROL_REQUEST.session, new Uint8Array()))),
    prove: reprove,
    draftApproval,
    async approve(verb, type, payload, others = []) {
      const approval = draftApproval(verb, type, payload);
      for (const signer of [identity, ...others]) await submit(await signApproval(approval, signer));
    },
    async approveWith(verb, type, payload, signed) {
      const read = await Promise.all(signed.map(verifyApproval));
      const [first] = read;
      if (first === undefined) throw new TypeError('signed must have at least one approval, got none');
      const { actId, notAfter } = first;
      const wanted: Approval = { ...draftApproval(verb, type, payload), actId, notAfter };
      const isForThis = read.every((approval) => isSameApproval(approval, wanted));
      if (!isForThis) throw refusal('it is for another act, or for this act of another enclave or boot');
      for (const one of [await signApproval(wanted, identity), ...signed]) await submit(one);
    },
    async sendOperatorList(list) {
      await said(channel.request(CONTROL_REQUEST.operators, list));
    },
    async close() {
      await channel.close();
    },
  };
}

/** An enclave's refusal with its own code, where the code is of this channel: callers tell `not ready` from `may not` by it. */
export async function said<Result>(answer: Promise<Result>): Promise<Result> {
  try {
    return await answer;
  } catch (error) {
    if (!(error instanceof RemoteError) || error.remoteText === '') throw error;
    throw new CaissonError(error.remoteCode, `enclave: ${error.remoteText}`, { cause: error });
  }
}
