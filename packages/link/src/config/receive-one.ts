// One sender of a boot config, from accept to the last byte: framed by its length, raw by its end. Bounded in bytes before they are kept
// and in time from the accept on, so that a sender who stalls costs one place for that long and nothing else.
import type { Socket } from 'node:net';
import { CaissonError, LimitError, ParseError } from '@caisson/core/errors';
import type { ConfigForm } from './deliver.ts';
import type { DeliveryErrorCode } from './error-code.ts';
import { framedHeader, framedPrefixBytes } from './messages.ts';

export interface SenderLimits {
  readonly maxBytes: number;
  readonly timeoutMs: number;
}

/**
 * Resolves with the bytes when all are there; a framed sender still waits for its reply then. Rejects DELIVERY_TOO_LARGE, DELIVERY_LATE,
 * DELIVERY_CUT or DELIVERY_FRAME; the socket is left to the caller.
 */
export function receiveOne(socket: Socket, form: ConfigForm, what: string, limits: SenderLimits): Promise<Uint8Array> {
  const arrival = form === 'framed' ? new FramedArrival(what, limits.maxBytes) : new RawArrival(what, limits.maxBytes);
  return new Promise((resolve, reject) => {
    const done = (settle: () => void): void => {
      clearTimeout(timer);
      socket.off('data', take).off('end', end).off('error', cut).off('close', close);
      settle();
    };
    const attempt = (step: () => Uint8Array | undefined): void => {
      try {
        const bytes = step();
        if (bytes !== undefined) done(() => resolve(bytes));
      } catch (error) {
        done(() => reject(error));
      }
    };
    const timer = setTimeout(() => {
      const text = `${what} came to ${arrival.length} bytes and no end within ${limits.timeoutMs} ms`;
      done(() => reject(new LimitError<DeliveryErrorCode>('DELIVERY_LATE', text)));
    }, limits.timeoutMs);
    const take = (chunk: Buffer): void => attempt(() => arrival.push(chunk));
    const end = (): void => attempt(() => arrival.end());
    const cut = (cause: Error): void => done(() => reject(broken(what, arrival.length, cause)));
    const close = (): void => done(() => reject(broken(what, arrival.length)));
    socket.on('data', take).on('end', end).on('error', cut).on('close', close);
  });
}

abstract class Arrival {
  #buffer = new Uint8Array(0);
  protected readonly what: string;
  protected readonly maxBytes: number;
  length = 0;

  constructor(what: string, maxBytes: number) {
    this.what = what;
    this.maxBytes = maxBytes;
  }

  /** One buffer, at most twice what is here: a list of single bytes would cost a hundred times as much. */
  protected keep(chunk: Uint8Array): void {
    const length = this.length + chunk.length;
    if (length > this.#buffer.length) {
      const grown = new Uint8Array(Math.max(length, this.#buffer.length * 2));
      grown.set(this.bytes);
      this.#buffer = grown;
    }
    this.#buffer.set(chunk, this.length);
    this.length = length;
  }

  protected get bytes(): Uint8Array<ArrayBuffer> {
    return this.#buffer.subarray(0, this.length);
  }

  protected tooLarge(): LimitError<DeliveryErrorCode> {
    return new LimitError('DELIVERY_TOO_LARGE', `${this.what} has more than ${this.maxBytes} bytes`);
  }

  /** The whole config once it is there. */
  abstract push(chunk: Uint8Array): Uint8Array | undefined;
  abstract end(): Uint8Array;
}

class RawArrival extends Arrival {
  push(chunk: Uint8Array): undefined {
    if (this.length + chunk.length > this.maxBytes) throw this.tooLarge();
    this.keep(chunk);
  }

  end(): Uint8Array {
    return this.bytes;
  }
}

class FramedArrival extends Arrival {
  #announced: number | undefined;

  push(chunk: Uint8Array): Uint8Array | undefined {
    this.keep(chunk);
    if (this.#announced === undefined) this.#readPrefix();
    if (this.#announced === undefined) return undefined;
    const whole = framedPrefixBytes + this.#announced;
    if (this.length > whole) {
      const text = `${this.what} must end after the ${this.#announced} bytes announced, got ${this.length - whole} more`;
      throw new ParseError<DeliveryErrorCode>('DELIVERY_FRAME', text);
    }
    return this.length === whole ? this.bytes.subarray(framedPrefixBytes) : undefined;
  }

  /** The length is the end mark: an end before it is a cut, whatever the transport calls it. */
  end(): Uint8Array {
    throw broken(this.what, this.length);
  }

  #readPrefix(): void {
    const start = this.bytes;
    if (framedHeader.some((byte, index) => index < start.length && start[index] !== byte)) {
      throw new ParseError<DeliveryErrorCode>('DELIVERY_FRAME', `${this.what} must begin with CSNCFG1 and a newline`);
    }
    if (start.length < framedPrefixBytes) return;
    this.#announced = new DataView(start.buffer, start.byteOffset).getUint32(framedHeader.length);
    if (this.#announced > this.maxBytes) throw this.tooLarge();
  }
}

function broken(what: string, length: number, cause?: unknown): CaissonError<DeliveryErrorCode> {
  const text = `${what} broke off after ${length} bytes`;
  return new CaissonError('DELIVERY_CUT', text, cause === undefined ? {} : { cause });
}
