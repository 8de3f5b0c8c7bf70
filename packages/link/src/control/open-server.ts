// The answering end up to READY (docs/wire/control.md). The states, each with its bound:
//
//   TLS        5 s for everything below; nothing of ours allocated but the socket
//   key        the operator list asked before a byte inside TLS is read; a stranger costs no document and hears one word
//   HELLO      at most 64 bytes
//   ATTEST     one document of the NSM for this session
//   READY      at most 64 bytes; from here on the channel

import type { Duplex } from 'node:stream';
import { toHex } from '@caisson/core/bytes';
import { CaissonError, LimitError, PolicyError } from '@caisson/core/errors';
import type { MeasuredOperator } from '@caisson/core/measured';
import type { ControlAuthority } from './authority.ts';
import { type EnclaveFacts, encodeBinding } from './binding.ts';
import type { ControlErrorCode, ControlRefusal } from './error-code.ts';
import type { ControlIdentity } from './identity.ts';
import { sha256 } from './identity.ts';
import { MessageStream } from './message-stream.ts';
import { type ControlMessage, encodeControlMessage, MAX_CLIENT_MESSAGE_BYTES } from './messages.ts';
import { type SecureStream, secureStream } from './secure.ts';

/** The fields of a document that is asked for; the NSM of the enclave, which nobody else may ask with this user_data. */
export type IssueDocument = (
  fields: { readonly nonce: Uint8Array; readonly publicKey: Uint8Array; readonly userData: Uint8Array },
  /** Hex hash of the key of the operator who asks: each has a rate of his own. */
  by: string,
) => Promise<Uint8Array>;

export interface OpenServerOptions {
  readonly identity: ControlIdentity;
  readonly authority: ControlAuthority;
  readonly issue: IssueDocument;
  readonly facts: EnclaveFacts;
  readonly timeoutMs: number;
  /** No further session fits. Asked of operators only: a stranger does not learn it. */
  readonly isFull?: () => boolean;
  /** The key is an operator's: whoever it is no longer counts as a stranger. */
  readonly onKnown?: () => void;
}

export interface OpenedServer {
  readonly stream: Duplex;
  readonly secure: SecureStream;
  readonly operator: MeasuredOperator;
  readonly keySha256: string;
  /** Another document for this session. */
  attest(nonce: Uint8Array): Promise<Uint8Array>;
}

/** Rejects with why not, the stream destroyed or ended; `keySha256` is on the error where a key was shown. */
export async function openServer(stream: Duplex, options: OpenServerOptions): Promise<OpenedServer> {
  const { identity, authority, issue, facts, timeoutMs } = options;
  const deadlineMs = performance.now() + timeoutMs;
  const secure = await secureStream(stream, 'server', identity, timeoutMs);
  const keySha256 = toHex(sha256(secure.peerSpki));
  const attest = (nonce: Uint8Array): Promise<Uint8Array> =>
    issue({ nonce, publicKey: identity.spki, userData: encodeBinding(secure.bindingOf(nonce), facts) }, keySha256);
  try {
    const operator = authority.operatorOf(keySha256);
    if (operator === undefined) {
      const lapsed = authority.hasLapsed(keySha256);
      throw new PolicyError<ControlErrorCode>(
        lapsed ? 'CONTROL_LIST_TIME' : 'CONTROL_KEY',
        `key ${keySha256} must be in an operator list that holds now, got ${lapsed ? 'one that has run out' : 'no entry'}`,
      );
    }
    options.onKnown?.();
    if (options.isFull?.() === true) {
      throw new LimitError<ControlErrorCode>('CONTROL_BUSY', 'enclave has as many sessions as it may');
    }
    const messages = new MessageStream(secure.tls, { maxBytes: MAX_CLIENT_MESSAGE_BYTES, deadlineMs });
    const hello = expect(await messages.next(), 'hello');
    const document = await within(deadlineMs, attest(hello.nonce));
    messages.send({ kind: 'attest', document });
    expect(await messages.next(), 'ready');
    return { stream: messages.release(), secure, operator, keySha256, attest };
  } catch (error) {
    // Waited for: until he is gone he counts as one of those under way.
    await refuse(secure, stream, reasonOf(error));
    throw error;
  }
}

/** An NSM that does not answer must not hold a handshake for ever. */
async function within(deadlineMs: number, document: Promise<Uint8Array>): Promise<Uint8Array> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error('no answer in time')), Math.max(0, deadlineMs - performance.now()));
  try {
    return await Promise.race([document, late]);
  } catch (cause) {
    const message = 'nsm must give a document for the session in its time';
    throw new CaissonError<ControlErrorCode>('CONTROL_REFUSED', message, { cause });
  } finally {
    clearTimeout(timer);
  }
}

/** Says one word inside TLS and closes. An operator learns what to change, and a stranger nothing else. */
async function refuse({ tls }: SecureStream, stream: Duplex, reason: ControlRefusal): Promise<void> {
  if (stream.destroyed) return;
  const gone = new Promise<void>((resolve) => stream.once('close', () => resolve()));
  if (tls.writable) tls.end(encodeControlMessage({ kind: 'refused', reason }));
  tls.resume();
  const timer = setTimeout(() => {
    tls.destroy();
    stream.destroy();
  }, refusalTimeoutMs);
  tls.once('end', () => tls.destroy());
  await gone;
  clearTimeout(timer);
}

// Chosen: for the word to arrive.
const refusalTimeoutMs = 1_000;

function expect<Kind extends ControlMessage['kind']>(message: ControlMessage, kind: Kind) {
  if (message.kind === kind) return message as ControlMessage & { readonly kind: Kind };
  throw new CaissonError<ControlErrorCode>('CONTROL_MESSAGE', `client must say ${kind} now, got ${message.kind}`);
}

function reasonOf(error: unknown): ControlRefusal {
  const code = error instanceof CaissonError ? error.code : '';
  if (code === 'CONTROL_KEY') return 'key';
  if (code === 'CONTROL_LIST_TIME') return 'list';
  if (code === 'CONTROL_REFUSED') return 'nsm';
  if (code === 'CONTROL_BUSY') return 'busy';
  return code === 'CONTROL_TIMEOUT' ? 'time' : 'message';
}
