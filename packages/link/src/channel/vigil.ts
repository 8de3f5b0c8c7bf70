// The deadlines of a connection itself: HELLO, a frame begun, signs of life, idleness. Timers are armed once per period and look what
// has happened since; none is touched by a message.
import { type CaissonError, LimitError } from '@caisson/core/errors';
import type { ChannelErrorCode } from './error-code.ts';
import type { ChannelSettings } from './options.ts';

export interface Watched {
  /** Frames and bytes that have come. */
  frames(): number;
  bytes(): number;
  /** A frame has begun and not ended. */
  partial(): boolean;
  /** Requests of either end are under way. */
  busy(): boolean;
  ping(deadlineMs: number): Promise<number>;
  close(): void;
  fail(error: CaissonError): void;
}

type Limits = Pick<ChannelSettings, 'helloTimeoutMs' | 'frameTimeoutMs' | 'keepAliveMs' | 'idleTimeoutMs'>;

// Chosen: how often a frame's time is looked at; it is then at most an eighth late.
const looksPerFrameTimeout = 8;

export class Vigil {
  readonly #watched: Watched;
  readonly #timers = new Set<NodeJS.Timeout>();
  #hello: NodeJS.Timeout | undefined;

  constructor(limits: Limits, watched: Watched) {
    this.#watched = watched;
    const { helloTimeoutMs, frameTimeoutMs, keepAliveMs, idleTimeoutMs } = limits;
    if (helloTimeoutMs > 0) {
      const late = `the other end's HELLO did not come within ${helloTimeoutMs} ms`;
      this.#hello = setTimeout(() => this.#fail('CHANNEL_HELLO_LATE', late), helloTimeoutMs).unref();
    }
    if (frameTimeoutMs > 0) this.#watchFrames(frameTimeoutMs);
    if (keepAliveMs > 0) this.#watchSilence(keepAliveMs);
    if (idleTimeoutMs > 0) this.#watchIdleness(idleTimeoutMs);
  }

  greeted(): void {
    clearTimeout(this.#hello);
  }

  stop(): void {
    clearTimeout(this.#hello);
    for (const timer of this.#timers) clearInterval(timer);
    this.#timers.clear();
  }

  /** One byte a second must not keep a frame going. */
  #watchFrames(timeoutMs: number): void {
    let frames = -1;
    let looks = 0;
    this.#every(timeoutMs / looksPerFrameTimeout, () => {
      const same = this.#watched.partial() && this.#watched.frames() === frames;
      frames = this.#watched.partial() ? this.#watched.frames() : -1;
      looks = same ? looks + 1 : 0;
      if (looks < looksPerFrameTimeout) return;
      this.#fail('CHANNEL_FRAME_LATE', `a frame was begun and not finished within ${timeoutMs} ms`);
    });
  }

  #watchSilence(periodMs: number): void {
    let bytes = 0;
    this.#every(periodMs, () => {
      const silent = this.#watched.bytes() === bytes;
      bytes = this.#watched.bytes();
      if (!silent || !this.#watched.busy()) return;
      this.#watched.ping(periodMs).catch(() => {
        if (this.#watched.bytes() !== bytes) return;
        this.#fail('CHANNEL_SILENT', `nothing came for ${2 * periodMs} ms, not even the answer to a ping`);
      });
    });
  }

  #watchIdleness(timeoutMs: number): void {
    let bytes = -1;
    this.#every(timeoutMs, () => {
      const idle = this.#watched.bytes() === bytes && !this.#watched.busy();
      bytes = this.#watched.bytes();
      if (idle) this.#watched.close();
    });
  }

  #every(periodMs: number, look: () => void): void {
    this.#timers.add(setInterval(look, Math.max(1, periodMs)).unref());
  }

  #fail(code: ChannelErrorCode, message: string): void {
    this.#watched.fail(new LimitError<ChannelErrorCode>(code, message));
  }
}
