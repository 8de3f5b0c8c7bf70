// Questions for a sign of life, and what was not answered.
import { type CaissonError, LimitError } from '@caisson/core/errors';
import type { ChannelErrorCode } from './error-code.ts';
import { pingBytes } from './messages.ts';

interface Ping {
  readonly sentAtMs: number;
  readonly resolve: (roundTripMs: number) => void;
  readonly reject: (error: CaissonError) => void;
  readonly timer: NodeJS.Timeout;
}

export class Pings {
  readonly #waiting = new Map<bigint, Ping>();
  #next = 0n;
  #error: CaissonError | undefined;

  /** Resolves with milliseconds; rejects CHANNEL_SILENT after `deadlineMs`. `send` gets the payload. */
  ask(deadlineMs: number, send: (payload: Uint8Array) => void): Promise<number> {
    if (this.#error !== undefined) return Promise.reject(this.#error);
    return new Promise((resolve, reject) => {
      const number = this.#next;
      this.#next += 1n;
      const timer = setTimeout(() => {
        this.#waiting.delete(number);
        reject(new LimitError<ChannelErrorCode>('CHANNEL_SILENT', `no answer to a ping within ${deadlineMs} ms`));
      }, deadlineMs).unref();
      this.#waiting.set(number, { sentAtMs: performance.now(), resolve, reject, timer });
      const payload = Buffer.alloc(pingBytes);
      payload.writeBigUInt64BE(number);
      send(payload);
    });
  }

  /** A PONG that answers none of ours is padding. */
  answered(payload: Uint8Array): void {
    if (payload.length !== pingBytes) return;
    const number = Buffer.from(payload.buffer, payload.byteOffset, pingBytes).readBigUInt64BE();
    const ping = this.#waiting.get(number);
    if (ping === undefined) return;
    this.#waiting.delete(number);
    clearTimeout(ping.timer);
    ping.resolve(performance.now() - ping.sentAtMs);
  }

  fail(error: CaissonError): void {
    this.#error = error;
    for (const { reject, timer } of this.#waiting.values()) {
      clearTimeout(timer);
      reject(error);
    }
    this.#waiting.clear();
  }
}
