// The answering half. A request whose handler answers at once is read, answered and forgotten within one call; everything else
// is kept by its id until its final frame.
//
// What a peer can make this end hold is bounded: requests by the window, handlers at work by maxRunning, replies by the backlog (a
// peer that does not read gets no more handlers started), bodies by credit. A cancelled handler counts until it returns, so that
// asking and cancelling in turn starts no crowd.
import { concatBytes } from '@caisson/core/bytes';
import { CaissonError, LimitError, ParseError, PolicyError } from '@caisson/core/errors';
import { MESSAGE_CRC_BYTES, MESSAGE_MIN_LENGTH } from '@caisson/core/frame';
import type { ChannelErrorCode } from './error-code.ts';
import type { Handlers, MessageHandler, StreamHandler } from './handler.ts';
import { HandledStream, Incoming } from './incoming.ts';
import {
  encodeUint32,
  FIRST_REQUEST_TYPE,
  frameType,
  helloFloorBytes,
  JSON_MARK,
  LAST_REQUEST_TYPE,
  requestCostBytes,
} from './messages.ts';
import type { ChannelSettings } from './options.ts';
import { ReceiveFlow } from './receive-flow.ts';
import { encodeRefusal } from './refusal.ts';
import { SendFlow } from './send-flow.ts';
import type { Counters } from './stats.ts';
import type { FrameWriter } from './writer.ts';

interface Queued {
  readonly incoming: Incoming;
  readonly payload: Uint8Array;
  readonly last: boolean;
}

const noBytes = new Uint8Array();

export class Responder {
  readonly #settings: ChannelSettings;
  readonly #writer: FrameWriter;
  readonly #counters: Counters;
  readonly #onIdle: () => void;
  readonly #handlers: (MessageHandler | StreamHandler | undefined)[] = [];
  readonly #active = new Map<number, Incoming>();
  #queue: Queued[] = [];
  /** Bodies that wait for credit because maxStreams others have it. */
  readonly #closedBodies: Incoming[] = [];
  #openBodies = new Set<Incoming>();
  #running = 0;
  #usedBytes = 0;
  #maxFrameBytes = helloFloorBytes;
  #refusal: CaissonError | undefined;

  constructor(settings: ChannelSettings, writer: FrameWriter, counters: Counters, onIdle: () => void) {
    this.#settings = settings;
    this.#writer = writer;
    this.#counters = counters;
    this.#onIdle = onIdle;
  }

  get running(): number {
    return this.#running;
  }

  get queued(): number {
    return this.#queue.length;
  }

  /** Requests that were not answered. */
  get active(): number {
    return this.#active.size;
  }

  allow(maxFrameBytes: number): void {
    this.#maxFrameBytes = maxFrameBytes;
  }

  serve(handlers: Handlers): void {
    for (const [key, handler] of Object.entries(handlers)) {
      const type = Number(key);
      checkType(type);
      if (this.#handlers[type] !== undefined) throw new TypeError(`type ${type} has a handler already`);
      this.#handlers[type] = handler;
    }
  }

  /** Requests that come from now on are refused; those that were begun go on. */
  refuse(error: CaissonError): void {
    this.#refusal ??= error;
  }

  fail(error: CaissonError): void {
    this.refuse(error);
    this.#queue = [];
    for (const incoming of [...this.#active.values()]) {
      incoming.answered = true;
      incoming.abort(error);
    }
    this.#active.clear();
  }

  request(id: number, last: boolean, frame: Uint8Array): void {
    if (frame.length === 0) throw new ParseError<ChannelErrorCode>('CHANNEL_PROTOCOL', 'REQUEST must have a type');
    const type = frame[0]!;
    const payload = frame.subarray(1);
    const handler = this.#handlers[type];
    const cost = payload.length + requestCostBytes;
    if (this.#usedBytes + cost > this.#settings.windowBytes) {
      throw new LimitError<ChannelErrorCode>(
        'CHANNEL_PROTOCOL',
        `requests outstanding must fit into ${this.#settings.windowBytes} bytes, ${this.#usedBytes} are and ${cost} came`,
      );
    }
    if (this.#active.size > 0 && this.#active.has(id)) {
      throw new ParseError<ChannelErrorCode>(
        'CHANNEL_PROTOCOL',
        `id ${id} is taken by a request that was not answered`,
      );
    }
    if (handler === undefined || this.#refusal !== undefined) {
      this.#writer.frame(frameType.error, true, id, encodeRefusal(this.#refusal ?? unknownType(type)));
    } else if (last && typeof handler === 'function' && this.#queue.length === 0 && this.#mayStart()) {
      this.#answer(handler, payload, new Incoming(type, id, cost));
    } else {
      this.#keep({ incoming: new Incoming(type, id, cost), payload, last });
    }
  }

  cancel(id: number): void {
    const incoming = this.#active.get(id);
    // Late: the answer was under way.
    if (incoming === undefined) return;
    const error = new CaissonError<ChannelErrorCode>('CHANNEL_CANCELLED', 'the other end cancelled its request');
    this.#end(incoming, frameType.error, encodeRefusal(error));
    incoming.abort(error);
    this.#queue = this.#queue.filter((queued) => queued.incoming !== incoming);
  }

  data(id: number, last: boolean, payload: Uint8Array, more: boolean): void {
    // Without one: the rest of a body whose request was answered before its end.
    this.#active.get(id)?.receiver?.push(payload, last, more);
  }

  credit(id: number, bytes: number): void {
    this.#active.get(id)?.sender?.grant(bytes);
  }

  /** To be called when the backlog has gone or a handler has returned. */
  resume(): void {
    while (this.#queue.length > 0 && this.#mayStart()) {
      const next = this.#queue.shift()!;
      this.#run(next);
    }
  }

  /** A peer that does not take its replies gets no more of them made. */
  #mayStart(): boolean {
    return this.#running < this.#settings.maxRunning && this.#writer.backlogBytes < this.#settings.windowBytes;
  }

  #keep({ incoming, payload, last }: Queued): void {
    this.#hold(incoming);
    if (!last) incoming.receiver = this.#body(incoming);
    if (this.#queue.length === 0 && this.#mayStart()) this.#run({ incoming, payload, last });
    // What waits must not keep a whole read alive for a few bytes.
    else this.#queue.push({ incoming, payload: Uint8Array.prototype.slice.call(payload), last });
  }

  #hold(incoming: Incoming): void {
    if (this.#active.has(incoming.id)) return;
    this.#active.set(incoming.id, incoming);
    this.#usedBytes += incoming.cost;
  }

  #run({ incoming, payload, last }: Queued): void {
    const handler = this.#handlers[incoming.type]!;
    if (typeof handler !== 'function') {
      this.#openBody(incoming);
      this.#stream(handler, payload, incoming);
    } else if (last) {
      this.#answer(handler, payload, incoming);
    } else {
      this.#openBody(incoming);
      this.#settle(
        incoming,
        this.#collect(incoming, payload).then((whole) => handler(whole, incoming)),
      );
    }
  }

  /** The way of almost every message. */
  #answer(handler: MessageHandler, payload: Uint8Array, incoming: Incoming): void {
    const counters = this.#counters;
    const startMs = counters.sampling ? performance.now() : 0;
    let reply: ReturnType<MessageHandler>;
    try {
      reply = handler(payload, incoming);
    } catch (error) {
      this.#end(incoming, frameType.error, encodeRefusal(error));
      return;
    }
    const doneMs = counters.sampling ? performance.now() : 0;
    if (reply instanceof Promise) {
      this.#hold(incoming);
      this.#settle(incoming, reply);
    } else {
      this.#reply(incoming, reply ?? noBytes);
    }
    if (!counters.sampling) return;
    counters.handlerMs += doneMs - startMs;
    counters.encodeMs += performance.now() - doneMs;
  }

  #settle(incoming: Incoming, reply: Promise<Uint8Array | undefined>): void {
    this.#running += 1;
    reply
      .then(
        (payload) => this.#reply(incoming, payload ?? noBytes),
        (error: unknown) => this.#end(incoming, frameType.error, encodeRefusal(error)),
      )
      .finally(() => this.#returned());
  }

  #stream(handler: StreamHandler, payload: Uint8Array, incoming: Incoming): void {
    this.#running += 1;
    incoming.sender = this.#sendFlow(incoming);
    const stream = new HandledStream(incoming, payload, { reply: (to, last, bytes) => this.#head(to, last, bytes) });
    const run = async (): Promise<void> => {
      await handler.stream(stream);
      if (!incoming.answered && incoming.sender?.ended !== true) await stream.end();
    };
    run()
      .catch((error: unknown) => this.#end(incoming, frameType.error, encodeRefusal(error)))
      .finally(() => this.#returned());
  }

  #returned(): void {
    this.#running -= 1;
    this.resume();
    this.#idle();
  }

  #reply(incoming: Incoming, payload: Uint8Array): void {
    const room = this.#maxFrameBytes - MESSAGE_MIN_LENGTH - MESSAGE_CRC_BYTES;
    if (payload.length <= room) {
      this.#end(incoming, frameType.reply, payload);
      return;
    }
    if (incoming.answered) return;
    this.#hold(incoming);
    incoming.sender = this.#sendFlow(incoming);
    this.#head(incoming, false, payload.subarray(0, room));
    incoming.sender.write(payload.subarray(room), true).catch(() => {});
  }

  #head(incoming: Incoming, last: boolean, payload: Uint8Array): void {
    if (incoming.answered) return;
    incoming.replied = true;
    if (last) this.#end(incoming, frameType.reply, payload);
    else this.#writer.frame(frameType.reply, false, incoming.id, payload);
  }

  /** The final frame, unless there was one. */
  #end(incoming: Incoming, type: number, payload: Uint8Array): void {
    if (incoming.answered) return;
    this.#writer.frame(type, true, incoming.id, payload);
    this.#forget(incoming);
  }

  #forget(incoming: Incoming): void {
    incoming.answered = true;
    if (!this.#active.delete(incoming.id)) return;
    this.#usedBytes -= incoming.cost;
    if (incoming.receiver !== undefined) this.#closeBody(incoming);
    this.#idle();
  }

  #idle(): void {
    if (this.#active.size === 0) this.#onIdle();
  }

  #sendFlow(incoming: Incoming): SendFlow {
    const emit = (chunk: Uint8Array, last: boolean): void => {
      if (incoming.answered) return;
      this.#writer.frame(frameType.data, last, incoming.id, chunk);
      if (last) this.#forget(incoming);
    };
    const room = (): number => this.#maxFrameBytes - MESSAGE_MIN_LENGTH - MESSAGE_CRC_BYTES;
    return new SendFlow(emit, this.#counters, room);
  }

  #body(incoming: Incoming): ReceiveFlow {
    const grant = (bytes: number): void => {
      if (!incoming.answered) this.#writer.frame(frameType.credit, false, incoming.id, encodeUint32(bytes));
    };
    const handler = this.#handlers[incoming.type];
    // A message is joined from whatever comes.
    const pieces = typeof handler === 'function' || handler?.pieces === true;
    return new ReceiveFlow(this.#settings.streamWindowBytes, grant, () => {}, pieces);
  }

  #openBody(incoming: Incoming): void {
    if (incoming.receiver === undefined) return;
    if (this.#openBodies.size >= this.#settings.maxStreams) {
      this.#closedBodies.push(incoming);
      return;
    }
    this.#openBodies.add(incoming);
    incoming.receiver.open();
  }

  #closeBody(incoming: Incoming): void {
    this.#openBodies.delete(incoming);
    while (this.#openBodies.size < this.#settings.maxStreams) {
      const next = this.#closedBodies.shift();
      if (next === undefined) return;
      if (!next.answered) this.#openBody(next);
    }
  }

  async #collect(incoming: Incoming, first: Uint8Array): Promise<Uint8Array> {
    const { maxMessageBytes } = this.#settings;
    const parts = [first];
    let bytes = first.length;
    for await (const chunk of incoming.receiver!) {
      parts.push(chunk);
      bytes += chunk.length;
      if (bytes <= maxMessageBytes) continue;
      const message = `request must have at most ${maxMessageBytes} bytes, more came`;
      throw new LimitError<ChannelErrorCode>('CHANNEL_MESSAGE_SIZE', message, { safe: message });
    }
    return concatBytes(...parts);
  }
}

/** Throws TypeError for what is no request type. */
export function checkType(type: number): void {
  if (Number.isInteger(type) && type >= FIRST_REQUEST_TYPE && type <= LAST_REQUEST_TYPE && type !== JSON_MARK) return;
  const range = `${FIRST_REQUEST_TYPE}..${LAST_REQUEST_TYPE}`;
  throw new TypeError(`a request type must be an integer in ${range} and not ${JSON_MARK}, got ${type}`);
}

function unknownType(type: number): PolicyError<ChannelErrorCode> {
  return new PolicyError('CHANNEL_UNKNOWN_TYPE', `nothing handles requests of type ${type}`);
}
