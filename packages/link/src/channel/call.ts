// One request of this end, from the moment it is asked for to its final frame, and how its caller sees it.
import type { ReceiveFlow } from './receive-flow.ts';
import type { SendFlow } from './send-flow.ts';

export interface RequestOptions {
  /** Until the whole reply; for a stream, until its first frame. Default: the channel's. 0 is none. */
  readonly deadlineMs?: number;
  readonly signal?: AbortSignal;
}

export interface OpenOptions extends RequestOptions {
  /** True: nothing is written after `payload`. Default false. */
  readonly end?: boolean;
  /** Bytes that may wait here for the reader. Default: the channel's. */
  readonly windowBytes?: number;
  /** True: chunks come as they were read, not as they were written, and are copied less. Default false. */
  readonly pieces?: boolean;
}

/** Called once, with an error or with the reply. */
export type Done = (error: unknown, reply: Uint8Array) => void;

/** A request whose two directions are streams. Iterating gives what comes after the reply's first frame, chunk by chunk. */
export interface OutgoingStream extends AsyncIterable<Uint8Array> {
  /** The payload of the reply's first frame. Rejects when the request fails before it. */
  readonly reply: Promise<Uint8Array>;
  /**
   * Resolves when the other end's credit has covered all bytes. A write of at most MAX_CHUNK_BYTES arrives as one chunk. The bytes
   * are given away: they must not change afterwards.
   */
  write(bytes: Uint8Array): Promise<void>;
  /** Ends this end's direction. */
  end(bytes?: Uint8Array): Promise<void>;
  /** Gives the request up in both directions; what waits rejects with CHANNEL_CANCELLED. */
  cancel(): void;
}

const noBytes = new Uint8Array();

export class Call {
  id = 0;
  readonly kind: number;
  readonly payload: Uint8Array;
  readonly done: Done;
  /** What it takes of the window while it is outstanding; set when it is sent. */
  cost = 0;
  /** On the clock of performance.now; 0 is none. */
  deadlineAtMs = 0;
  queuedAtMs = 0;
  /** The caller was answered or gave up. The id stays taken until the other end's final frame. */
  settled = false;
  /** The first frame of the reply has come. */
  replied = false;
  sender: SendFlow | undefined;
  receiver: ReceiveFlow | undefined;
  /** Frames of a long reply that is not a stream, in order. */
  parts: Uint8Array[] | undefined;
  partsBytes = 0;
  /** A stream whose first frame is not its last. */
  open = false;
  #signal: AbortSignal | undefined;
  #abort: (() => void) | undefined;

  constructor(kind: number, payload: Uint8Array, done: Done) {
    this.kind = kind;
    this.payload = payload;
    this.done = done;
  }

  watch(signal: AbortSignal, abort: () => void): void {
    this.#signal = signal;
    this.#abort = abort;
    signal.addEventListener('abort', abort, { once: true });
  }

  unwatch(): void {
    if (this.#abort !== undefined) this.#signal?.removeEventListener('abort', this.#abort);
    this.#abort = undefined;
  }

  /** Tells the caller, once. A stream that was answered goes on until it fails or ends. */
  settle(error: unknown, reply: Uint8Array = noBytes): void {
    if (error !== undefined) {
      this.sender?.fail(error);
      this.receiver?.fail(error);
    }
    if (this.settled) return;
    this.settled = true;
    this.done(error, reply);
  }
}
