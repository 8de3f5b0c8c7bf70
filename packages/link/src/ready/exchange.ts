// One question and one answer over a socket, both u32 big endian length and bytes, with the four ways in which it can go wrong
// told apart. "It accepted" is not "it lives": a kernel accepts for a process that hangs, and vsock ends a dead peer's stream as
// cleanly as a living one's.
import type { Socket } from 'node:net';
import { CaissonError } from '@caisson/core/errors';
import { encodeFrame, FrameReader } from '@caisson/core/frame';

export type FrameExchange =
  | { readonly kind: 'answered'; readonly answer: Uint8Array }
  /** Accepted, and no whole answer within the time; `bytes` of one had come. */
  | { readonly kind: 'silent'; readonly bytes: number; readonly afterMs: number }
  /** The other end closed, or reset, before a whole answer. */
  | { readonly kind: 'closed-early'; readonly bytes: number }
  /** What came is no frame, or a longer one than can be an answer. */
  | { readonly kind: 'garbage'; readonly why: string };

export interface ExchangeOptions {
  readonly timeoutMs: number;
  /** Of the answer. */
  readonly maxBytes: number;
  readonly signal?: AbortSignal;
}

/** Takes a connected socket and destroys it. Rejects only with the reason of `signal`. */
export function exchangeFrame(socket: Socket, request: Uint8Array, options: ExchangeOptions): Promise<FrameExchange> {
  const { timeoutMs, maxBytes, signal } = options;
  return new Promise((resolve, reject) => {
    const reader = new FrameReader({ maxBytes, name: 'answer' });
    const finish = (outcome: FrameExchange): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', abort);
      socket.destroy();
      resolve(outcome);
    };
    const closedEarly = (): void => finish({ kind: 'closed-early', bytes: reader.pendingBytes });
    const abort = (): void => {
      // First: a promise keeps the first answer it gets.
      reject(signal?.reason);
      closedEarly();
    };
    const timer = setTimeout(() => {
      finish({ kind: 'silent', bytes: reader.pendingBytes, afterMs: timeoutMs });
    }, timeoutMs);
    socket
      .on('data', (chunk: Buffer) => {
        try {
          reader.push(chunk);
          const answer = reader.next();
          if (answer !== undefined) finish({ kind: 'answered', answer });
        } catch (error) {
          if (!(error instanceof CaissonError)) throw error;
          finish({ kind: 'garbage', why: error.message });
        }
      })
      .on('end', closedEarly)
      .on('error', closedEarly)
      .on('close', closedEarly);
    if (signal?.aborted) {
      clearTimeout(timer);
      socket.destroy();
      reject(signal.reason);
      return;
    }
    signal?.addEventListener('abort', abort, { once: true });
    socket.write(encodeFrame(request));
  });
}
