// The asking half: requests leave while the other end's window has room, replies come in any order, and each request ends in
// exactly one way: a reply, an error of the other end, its deadline, its caller, or the end of the connection.
//
// queued -- window --> outstanding -- final frame --> done
// A deadline or a cancel answers the caller at once and sends CANCEL; the id and its share of the window stay taken until the
// other end's final frame, so that no late frame meets another request.
import { concatBytes } from '@caisson/core/bytes';
import { CaissonError, LimitError, ParseError } from '@caisson/core/errors';
import { MESSAGE_CRC_BYTES, MESSAGE_MIN_LENGTH } from '@caisson/core/frame';
import { Call, type Done, type OpenOptions, type OutgoingStream, type RequestOptions } from './call.ts';
import type { ChannelErrorCode } from './error-code.ts';
import { encodeUint32, frameType, helloFloorBytes, requestCostBytes } from './messages.ts';
import type { ChannelSettings } from './options.ts';
import { ReceiveFlow } from './receive-flow.ts';
import { parseRefusal } from './refusal.ts';
import { RequestTable } from './request-table.ts';
import { SendFlow, streamEnded } from './send-flow.ts';
import type { Counters } from './stats.ts';
import { Sweeper } from './sweeper.ts';
import type { FrameWriter } from './writer.ts';

const noBytes = new Uint8Array();

export class Requester {
  readonly #settings: ChannelSettings;
  readonly #writer: FrameWriter;
  readonly #counters: Counters;
  readonly #table: RequestTable<Call>;
  readonly #sweeper = new Sweeper(() => this.#sweep());
  readonly #onIdle: () => void;
  #queue: Call[] = [];
  #queueStart = 0;
  #usedBytes = 0;
  /** Until the other end's HELLO, what every end allows. */
  #windowBytes = helloFloorBytes;
  #maxFrameBytes = helloFloorBytes;
  /** A listener is silent until it has greeted. */
  #silent: boolean;
  /** Why nothing new is sent. */
  #refusal: CaissonError | undefined;

  constructor(settings: ChannelSettings, writer: FrameWriter, counters: Counters, onIdle: () => void) {
    this.#settings = settings;
    this.#writer = writer;
    this.#counters = counters;
    this.#table = new RequestTable(settings.role);
    this.#silent = settings.role === 'listener';
    this.#onIdle = onIdle;
  }

  get outstanding(): number {
    return this.#table.size;
  }

  get waiting(): number {
    return this.#queue.length - this.#queueStart;
  }

  allow(windowBytes: number, maxFrameBytes: number): void {
    this.#windowBytes = windowBytes;
    this.#maxFrameBytes = maxFrameBytes;
    this.#silent = false;
    this.#pump();
  }

  call(kind: number, payload: Uint8Array, done: Done, options: RequestOptions | undefined): void {
    const call = new Call(kind, payload, done);
    this.#start(call, options, payload.length <= this.#roomOfFrame());
  }

  open(kind: number, payload: Uint8Array, options: OpenOptions): OutgoingStream {
    if (payload.length > this.#roomOfFrame()) {
      throw new TypeError(`the first payload of a stream must have at most ${this.#roomOfFrame()} bytes`);
    }
    const { promise: reply, resolve, reject } = Promise.withResolvers<Uint8Array>();
    // Whoever only iterates learns it there.
    reply.catch(() => {});
    const call = new Call(kind, payload, (error, bytes) => (error === undefined ? resolve(bytes) : reject(error)));
    const windowBytes = options.windowBytes ?? this.#settings.streamWindowBytes;
    const receiver = new ReceiveFlow(
      windowBytes,
      (bytes) => this.#credit(call, bytes),
      () => this.#cancel(call, cancelled('its reader left')),
      options.pieces === true,
    );
    call.receiver = receiver;
    call.open = true;
    if (options.end !== true) call.sender = this.#sendFlow(call);
    this.#start(call, options, options.end === true);
    return {
      reply,
      write: (bytes) => call.sender?.write(bytes, false) ?? Promise.reject(streamEnded('it was opened ended')),
      end: (bytes = noBytes) => call.sender?.write(bytes, true) ?? Promise.resolve(),
      cancel: () => this.#cancel(call, cancelled('this end cancelled it')),
      [Symbol.asyncIterator]: () => receiver,
    };
  }

  /** Nothing new from now on; what is outstanding goes on. */
  refuse(error: CaissonError): void {
    if (this.#refusal !== undefined) return;
    this.#refusal = error;
    const queued = this.#queue.slice(this.#queueStart);
    this.#queue = [];
    this.#queueStart = 0;
    for (const call of queued) this.#finish(call, error);
  }

  /** The connection is gone. */
  fail(error: CaissonError): void {
    this.refuse(error);
    this.#sweeper.stop();
    for (const call of [...this.#table]) {
      this.#table.remove(call);
      this.#finish(call, error);
    }
  }

  reply(id: number, last: boolean, payload: Uint8Array): void {
    const call = this.#table.get(id);
    if (call === undefined) throw unasked('REPLY', id);
    if (call.replied) throw new ParseError<ChannelErrorCode>('CHANNEL_PROTOCOL', `REPLY to request ${id} came twice`);
    call.replied = true;
    if (last) this.#release(call);
    if (call.settled) return;
    if (call.open) {
      call.deadlineAtMs = 0;
      // The end of a stream that has no chunk after its first frame.
      if (last) this.#endStream(call);
      call.settle(undefined, payload);
    } else if (last) {
      if (payload.length > this.#settings.maxMessageBytes) this.#finish(call, this.#tooLarge());
      else this.#finish(call, undefined, payload);
    } else {
      call.parts = [payload];
      call.partsBytes = payload.length;
      call.receiver = this.#collector(call);
      call.receiver.open();
    }
  }

  error(id: number, payload: Uint8Array): void {
    const call = this.#table.get(id);
    if (call === undefined) throw unasked('ERROR', id);
    this.#release(call);
    this.#finish(call, parseRefusal(payload));
  }

  data(id: number, last: boolean, payload: Uint8Array, more: boolean): void {
    const call = this.#table.get(id);
    if (call === undefined || !call.replied) throw unasked('DATA', id);
    if (last) this.#release(call);
    if (call.receiver === undefined) throw unasked('DATA', id);
    call.receiver.push(payload, last, more);
    if (call.open && last) this.#endStream(call);
    if (call.parts !== undefined && !call.settled) this.#collect(call, payload, last);
  }

  credit(id: number, bytes: number): void {
    const call = this.#table.get(id);
    if (call === undefined) throw unasked('CREDIT', id);
    call.sender?.grant(bytes);
  }

  #endStream(call: Call): void {
    call.unwatch();
    call.receiver?.finish();
    call.sender?.finish(streamEnded('the other end has ended the request'));
  }

  #start(call: Call, options: RequestOptions | undefined, whole: boolean): void {
    const deadlineMs = options?.deadlineMs ?? this.#settings.deadlineMs;
    const signal = options?.signal;
    if (this.#refusal !== undefined || signal?.aborted) {
      call.settle(this.#refusal ?? signal?.reason);
      return;
    }
    if (signal !== undefined) call.watch(signal, () => this.#cancel(call, signal.reason));
    call.cost = Math.min(call.payload.length, this.#roomOfFrame()) + requestCostBytes;
    if (!whole && call.sender === undefined) call.sender = this.#sendFlow(call);
    const atOnce = this.waiting === 0 && !this.#silent && this.#usedBytes + call.cost <= this.#windowBytes;
    // What is not sent ends no turn, and the cached time would grow old.
    const nowMs = atOnce ? this.#sweeper.now(this.#writer.turns) : performance.now();
    if (deadlineMs > 0) {
      call.deadlineAtMs = nowMs + deadlineMs;
      this.#sweeper.watch(call.deadlineAtMs);
    }
    if (atOnce) {
      this.#send(call);
    } else {
      call.queuedAtMs = nowMs;
      this.#queue.push(call);
    }
  }

  #send(call: Call): void {
    this.#table.add(call);
    this.#usedBytes += call.cost;
    const { payload, sender } = call;
    const first = call.cost - requestCostBytes;
    const whole = first === payload.length;
    this.#writer.request(sender === undefined, call.id, call.kind, whole ? payload : payload.subarray(0, first));
    if (call.open) call.receiver?.open();
    // It fails with the call, which says so itself.
    if (!call.open && sender !== undefined) sender.write(payload.subarray(first), true).catch(() => {});
  }

  #pump(): void {
    while (this.#queueStart < this.#queue.length) {
      const call = this.#queue[this.#queueStart]!;
      if (!call.settled) {
        if (this.#usedBytes + call.cost > this.#windowBytes) return;
        this.#counters.creditWaitMs += performance.now() - call.queuedAtMs;
        this.#send(call);
      }
      this.#queueStart += 1;
    }
    this.#queue = [];
    this.#queueStart = 0;
  }

  #release(call: Call): void {
    this.#table.remove(call);
    this.#usedBytes -= call.cost;
    if (this.#queueStart < this.#queue.length) this.#pump();
    if (this.#table.size === 0) this.#onIdle();
  }

  #finish(call: Call, error: unknown, reply?: Uint8Array): void {
    call.unwatch();
    call.parts = undefined;
    call.settle(error, reply);
  }

  #cancel(call: Call, reason: unknown): void {
    const outstanding = call.id > 0 && this.#table.get(call.id) === call;
    const first = !call.settled || call.open;
    this.#finish(call, reason);
    if (first && outstanding) this.#writer.frame(frameType.cancel, false, call.id);
    call.open = false;
  }

  #sweep(): void {
    const nowMs = performance.now();
    let nextMs = Number.POSITIVE_INFINITY;
    const late: Call[] = [];
    const look = (call: Call): void => {
      if (call.settled || call.deadlineAtMs === 0) return;
      if (call.deadlineAtMs <= nowMs) late.push(call);
      else nextMs = Math.min(nextMs, call.deadlineAtMs);
    };
    for (const call of this.#table) look(call);
    for (let index = this.#queueStart; index < this.#queue.length; index += 1) look(this.#queue[index]!);
    for (const call of late) {
      const { length } = call.payload;
      const message = `request of type ${call.kind} with ${length} bytes has no reply within its deadline`;
      this.#cancel(call, new LimitError<ChannelErrorCode>('CHANNEL_DEADLINE', message));
    }
    if (nextMs < Number.POSITIVE_INFINITY) this.#sweeper.watch(nextMs);
  }

  #collector(call: Call): ReceiveFlow {
    const { streamWindowBytes } = this.#settings;
    return new ReceiveFlow(
      streamWindowBytes,
      (bytes) => this.#credit(call, bytes),
      () => {},
      true,
    );
  }

  #collect(call: Call, payload: Uint8Array, last: boolean): void {
    call.parts?.push(payload);
    call.partsBytes += payload.length;
    // Taken at once: the bound is that of the message.
    void call.receiver?.next();
    if (call.partsBytes > this.#settings.maxMessageBytes) {
      if (last) this.#finish(call, this.#tooLarge());
      else this.#cancel(call, this.#tooLarge());
      call.parts = undefined;
    } else if (last) {
      this.#finish(call, undefined, concatBytes(...(call.parts ?? [])));
    }
  }

  #tooLarge(): LimitError<ChannelErrorCode> {
    const { maxMessageBytes } = this.#settings;
    return new LimitError('CHANNEL_MESSAGE_SIZE', `reply must have at most ${maxMessageBytes} bytes, more came`);
  }

  #credit(call: Call, bytes: number): void {
    if (this.#table.get(call.id) === call) this.#writer.frame(frameType.credit, false, call.id, encodeUint32(bytes));
  }

  #sendFlow(call: Call): SendFlow {
    const emit = (chunk: Uint8Array, last: boolean): void => {
      this.#writer.frame(frameType.data, last, call.id, chunk);
    };
    const room = (): number => this.#maxFrameBytes - MESSAGE_MIN_LENGTH - MESSAGE_CRC_BYTES;
    return new SendFlow(emit, this.#counters, room);
  }

  /** Bytes of an application in a REQUEST frame: one byte of it is the type. */
  #roomOfFrame(): number {
    const frame = this.#maxFrameBytes - MESSAGE_MIN_LENGTH - MESSAGE_CRC_BYTES - 1;
    return Math.min(frame, this.#windowBytes - requestCostBytes);
  }
}

function unasked(frame: string, id: number): ParseError<ChannelErrorCode> {
  return new ParseError('CHANNEL_PROTOCOL', `${frame} came for id ${id}, which is no request that waits for it`);
}

function cancelled(why: string): CaissonError<ChannelErrorCode> {
  return new CaissonError('CHANNEL_CANCELLED', `request was cancelled: ${why}`);
}
