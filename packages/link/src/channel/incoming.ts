// One request of the other end that a handler works on: what the handler holds of it, and where its frames go.
import type { IncomingCall, IncomingStream } from './handler.ts';
import type { ReceiveFlow } from './receive-flow.ts';
import { type SendFlow, streamEnded } from './send-flow.ts';

const noBytes = new Uint8Array();

export class Incoming implements IncomingCall {
  readonly type: number;
  readonly id: number;
  readonly cost: number;
  /** The body beyond the first frame; undefined when there is none. */
  receiver: ReceiveFlow | undefined;
  sender: SendFlow | undefined;
  /** The final frame was sent: what the handler still says goes nowhere. */
  answered = false;
  replied = false;
  #controller: AbortController | undefined;
  #reason: unknown;

  constructor(type: number, id: number, cost: number) {
    this.type = type;
    this.id = id;
    this.cost = cost;
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#reason !== undefined) this.#controller.abort(this.#reason);
    }
    return this.#controller.signal;
  }

  abort(reason: unknown): void {
    this.#reason = reason;
    this.receiver?.fail(reason);
    this.sender?.fail(reason);
    this.#controller?.abort(reason);
  }
}

/** How a stream handler's side of a request reaches the wire. */
export interface StreamFrames {
  reply(incoming: Incoming, last: boolean, payload: Uint8Array): void;
}

export class HandledStream implements IncomingStream {
  readonly payload: Uint8Array;
  readonly #incoming: Incoming;
  readonly #frames: StreamFrames;

  constructor(incoming: Incoming, payload: Uint8Array, frames: StreamFrames) {
    this.#incoming = incoming;
    this.payload = payload;
    this.#frames = frames;
  }

  get type(): number {
    return this.#incoming.type;
  }

  get signal(): AbortSignal {
    return this.#incoming.signal;
  }

  reply(payload: Uint8Array): void {
    if (this.#incoming.replied) throw new TypeError('a stream is replied to once');
    this.#frames.reply(this.#incoming, false, payload);
  }

  async write(bytes: Uint8Array): Promise<void> {
    this.#open();
    await this.#incoming.sender?.write(bytes, false);
  }

  async end(bytes: Uint8Array = noBytes): Promise<void> {
    const { answered, replied } = this.#incoming;
    if (answered) throw streamEnded('it has ended');
    if (!replied && bytes.length === 0) this.#frames.reply(this.#incoming, true, noBytes);
    else {
      this.#open();
      await this.#incoming.sender?.write(bytes, true);
    }
  }

  [Symbol.asyncIterator](): AsyncIterator<Uint8Array, undefined> {
    return this.#incoming.receiver ?? ended();
  }

  #open(): void {
    if (this.#incoming.answered) throw streamEnded('it has ended');
    if (!this.#incoming.replied) this.#frames.reply(this.#incoming, false, noBytes);
  }
}

async function* ended(): AsyncGenerator<Uint8Array, undefined> {}
