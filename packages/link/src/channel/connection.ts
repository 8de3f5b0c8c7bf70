// The life of a channel.
//
// greeting -- both HELLOs --> open -- close() or GOAWAY --> draining -- nothing outstanding --> CLOSE sent -- CLOSE seen --> closed
//     any state -- end of stream, fault, time --> failed: everything outstanding gets the error
//
// The dialler speaks first; the listener answers when it has seen five bytes, because by the fifth it knows whether the JSON form is
// spoken. The end of the stream is an end only after CLOSE: on vsock a reset looks the same.
import type { Duplex } from 'node:stream';
import { CaissonError, LimitError } from '@caisson/core/errors';
import { MessageReader } from '@caisson/core/frame';
import type { Done, OpenOptions, OutgoingStream, RequestOptions } from './call.ts';
import type { Channel } from './channel.ts';
import type { ChannelErrorCode } from './error-code.ts';
import { closedHere, closing, protocolFault, versionFault, wentAway } from './fault.ts';
import type { Handlers } from './handler.ts';
import { serveJson } from './json-server.ts';
import {
  CHANNEL_VERSION,
  connectionId,
  encodeHello,
  frameType,
  helloFloorBytes,
  JSON_MARK,
  parseHello,
  parseUint32,
  pingBytes,
} from './messages.ts';
import type { ChannelSettings } from './options.ts';
import { Pings } from './pings.ts';
import { encodeRefusal } from './refusal.ts';
import { Requester } from './requester.ts';
import { checkType, Responder } from './responder.ts';
import { type ChannelStats, Counters, sampleEvery } from './stats.ts';
import { Vigil } from './vigil.ts';
import { FrameWriter } from './writer.ts';

const noBytes = new Uint8Array();
/** Of a connection: enough to tell the JSON form from a frame. */
const markBytes = 5;
// Chosen.
const closeDeadlineMs = 5_000;

export class Connection implements Channel {
  readonly opened: Promise<void>;
  readonly closed: Promise<CaissonError | undefined>;
  readonly #duplex: Duplex;
  readonly #settings: ChannelSettings;
  readonly #counters = new Counters();
  readonly #reader: MessageReader;
  readonly #writer: FrameWriter;
  readonly #requester: Requester;
  readonly #responder: Responder;
  readonly #pings = new Pings();
  readonly #vigil: Vigil;
  readonly #settle: { readonly opened: () => void; readonly closed: (why: CaissonError | undefined) => void };
  readonly #ids: { readonly own: number };
  /** What was read of a connection that may be JSON. */
  #mark: Uint8Array | undefined;
  #greeted = false;
  #helloSeen = false;
  #draining = false;
  #closeSent = false;
  #closeSeen = false;
  #ended = false;
  #closeTimer: NodeJS.Timeout | undefined;

  constructor(duplex: Duplex, settings: ChannelSettings) {
    this.#duplex = duplex;
    this.#settings = settings;
    const [opened, closed] = [Promise.withResolvers<void>(), Promise.withResolvers<CaissonError | undefined>()];
    this.opened = opened.promise;
    this.opened.catch(() => {});
    this.closed = closed.promise;
    this.#settle = { opened: opened.resolve, closed: closed.resolve };
    void closed.promise.then((why) => opened.reject(why ?? closedHere()));
    this.#ids = { own: settings.role === 'dialler' ? 1 : 0 };
    this.#reader = new MessageReader((type, last, id, bytes, more) => this.#take(type, last, id, bytes, more), {
      maxFrameBytes: helloFloorBytes,
      pieceType: frameType.data,
    });
    const { maxWriteBytes, padTo, writeTimeoutMs } = settings;
    const stalled = `the socket took nothing for ${writeTimeoutMs} ms`;
    this.#writer = new FrameWriter({
      duplex,
      counters: this.#counters,
      maxWriteBytes,
      padTo,
      writeTimeoutMs,
      onStalled: () => this.destroy(new LimitError<ChannelErrorCode>('CHANNEL_STALLED', stalled)),
      onProgress: () => {
        this.#responder.resume();
        if (this.#closeSeen) this.#goOnClosing();
      },
    });
    this.#writer.crc = settings.crc;
    const idle = (): void => this.#goOnClosing();
    this.#requester = new Requester(settings, this.#writer, this.#counters, idle);
    this.#responder = new Responder(settings, this.#writer, this.#counters, idle);
    this.#vigil = new Vigil(settings, {
      frames: () => this.#reader.frames,
      bytes: () => this.#counters.bytesReceived,
      partial: () => this.#reader.pendingBytes > 0 || this.#mark !== undefined,
      busy: () => this.#requester.outstanding + this.#responder.active + this.#responder.running > 0,
      ping: (deadlineMs) => this.ping({ deadlineMs }),
      close: () => void this.close(),
      fail: (error) => this.destroy(error),
    });
    duplex.on('data', this.#onData);
    duplex.on('end', this.#onEnd);
    duplex.on('error', this.#onError);
    duplex.on('close', this.#onEnd);
    if (settings.role === 'dialler') this.#greet();
    else this.#mark = noBytes;
  }

  request(type: number, payload: Uint8Array, options?: RequestOptions): Promise<Uint8Array> {
    checkType(type);
    return new Promise((resolve, reject) => {
      this.#requester.call(
        type,
        payload,
        (error, reply) => (error === undefined ? resolve(reply) : reject(error)),
        options,
      );
    });
  }

  call(type: number, payload: Uint8Array, done: Done, options?: RequestOptions): void {
    checkType(type);
    this.#requester.call(type, payload, done, options);
  }

  open(type: number, payload: Uint8Array = noBytes, options: OpenOptions = {}): OutgoingStream {
    checkType(type);
    return this.#requester.open(type, payload, options);
  }

  serve(handlers: Handlers): void {
    this.#responder.serve(handlers);
  }

  async ping(options: { readonly deadlineMs?: number } = {}): Promise<number> {
    await this.opened;
    const deadlineMs = options.deadlineMs ?? this.#settings.deadlineMs;
    return await this.#pings.ask(deadlineMs, (payload) =>
      this.#writer.frame(frameType.ping, false, connectionId, payload),
    );
  }

  close(options: { readonly deadlineMs?: number } = {}): Promise<CaissonError | undefined> {
    if (this.#ended) return this.closed;
    const deadlineMs = options.deadlineMs ?? closeDeadlineMs;
    clearTimeout(this.#closeTimer);
    const late = `the channel did not close within ${deadlineMs} ms`;
    this.#closeTimer = setTimeout(() => {
      this.destroy(new LimitError<ChannelErrorCode>('CHANNEL_CLOSED', late));
    }, deadlineMs).unref();
    if (!this.#draining) {
      this.#drain(closing('this end is closing'));
      this.#greet();
      this.#writer.frame(frameType.goAway, false, connectionId, encodeRefusal(closing('this end is closing')));
    }
    this.#goOnClosing();
    return this.closed;
  }

  destroy(error: CaissonError = closedHere()): void {
    this.#finish(error);
    this.#duplex.destroy();
  }

  stats(): ChannelStats {
    const counters = this.#counters;
    const { messagesReceived, messagesSent, bytesReceived, bytesSent, writes, creditWaitMs, socketWaitMs } = counters;
    return {
      messagesReceived,
      messagesSent,
      bytesReceived,
      bytesSent,
      writes,
      reads: counters.chunks,
      ...counters.histograms(),
      timeMs: {
        decode: counters.decodeMs * sampleEvery,
        handler: counters.handlerMs * sampleEvery,
        encode: counters.encodeMs * sampleEvery,
        creditWait: creditWaitMs,
        socketWait: socketWaitMs,
      },
      outstanding: this.#requester.outstanding,
      waitingForWindow: this.#requester.waiting,
      running: this.#responder.running,
      queued: this.#responder.queued,
      backlogBytes: this.#writer.backlogBytes,
    };
  }

  #greet(): void {
    if (this.#greeted) return;
    this.#greeted = true;
    const { maxFrameBytes, windowBytes, crc } = this.#settings;
    const hello = encodeHello({ versions: [CHANNEL_VERSION], maxFrameBytes, windowBytes, crc });
    this.#writer.frame(frameType.hello, false, connectionId, hello);
  }

  readonly #onData = (chunk: Uint8Array): void => {
    const counters = this.#counters;
    counters.bytesReceived += chunk.length;
    if (this.#mark !== undefined) {
      this.#readMark(chunk);
      return;
    }
    counters.chunks += 1;
    const sampling = counters.chunks % sampleEvery === 0;
    if (!sampling) {
      this.#push(chunk);
      return;
    }
    counters.sampling = true;
    const beforeMs = performance.now() - counters.handlerMs - counters.encodeMs;
    this.#push(chunk);
    counters.decodeMs += performance.now() - counters.handlerMs - counters.encodeMs - beforeMs;
    counters.sampling = false;
  };

  #push(chunk: Uint8Array): void {
    try {
      this.#reader.push(chunk);
    } catch (error) {
      if (!(error instanceof CaissonError)) throw error;
      this.#fault(error);
    }
  }

  #readMark(chunk: Uint8Array): void {
    const first = this.#mark?.length === 0 ? chunk : Buffer.concat([this.#mark ?? noBytes, chunk]);
    this.#mark = first;
    if (first.length < markBytes) return;
    this.#mark = undefined;
    const { json, frameTimeoutMs, idleTimeoutMs } = this.#settings;
    if (first[markBytes - 1] !== JSON_MARK || json === undefined) {
      this.#greet();
      this.#push(first);
      return;
    }
    this.#detach();
    this.#duplex.pause();
    this.#duplex.unshift(first);
    this.#end(undefined, serveJson(this.#duplex, json, { frameTimeoutMs, idleTimeoutMs }));
  }

  #take(type: number, last: boolean, id: number, payload: Uint8Array, more: boolean): void {
    if (!more) this.#counters.messagesReceived += 1;
    if (!this.#helloSeen) {
      this.#takeHello(type, last, id, payload);
    } else if (id === connectionId) {
      this.#takeOwn(type, last, payload);
    } else if (this.#closeSeen) {
      throw protocolFault(`frame of type ${type} came after CLOSE`);
    } else if ((id & 1) === this.#ids.own) {
      if (type === frameType.reply) this.#requester.reply(id, last, payload);
      else if (type === frameType.data) this.#requester.data(id, last, payload, more);
      else if (type === frameType.error && last) this.#requester.error(id, payload);
      else if (type === frameType.credit && !last) this.#requester.credit(id, parseUint32(payload, 'CREDIT'));
      else throw protocolFault(`frame of type ${type}, last ${last}, came for a request of its receiver`);
    } else if (!this.#closeSent) {
      if (type === frameType.request) this.#responder.request(id, last, payload);
      else if (type === frameType.data) this.#responder.data(id, last, payload, more);
      else if (type === frameType.cancel && !last) this.#responder.cancel(id);
      else if (type === frameType.credit && !last) this.#responder.credit(id, parseUint32(payload, 'CREDIT'));
      else throw protocolFault(`frame of type ${type}, last ${last}, came for a request of its sender`);
    }
  }

  #takeHello(type: number, last: boolean, id: number, payload: Uint8Array): void {
    if (type !== frameType.hello || last || id !== connectionId) {
      throw protocolFault(`first frame must be HELLO, got type ${type}`);
    }
    const hello = parseHello(payload);
    if (!hello.versions.includes(CHANNEL_VERSION)) throw versionFault(hello.versions);
    this.#helloSeen = true;
    const maxFrameBytes = Math.min(hello.maxFrameBytes, this.#settings.maxFrameBytes);
    this.#reader.maxFrameBytes = maxFrameBytes;
    this.#reader.requireCrc = hello.crc;
    this.#writer.crc ||= hello.crc;
    this.#vigil.greeted();
    this.#responder.allow(maxFrameBytes);
    this.#requester.allow(hello.windowBytes, maxFrameBytes);
    this.#settle.opened();
  }

  #takeOwn(type: number, last: boolean, payload: Uint8Array): void {
    if (last) throw protocolFault(`frame of type ${type} came for the connection with the last flag`);
    if (type === frameType.pong) this.#pings.answered(payload);
    else if (type === frameType.ping) this.#answerPing(payload);
    else if (type === frameType.goAway) this.#drain(wentAway(payload));
    else if (type === frameType.close) this.#takeClose();
    else throw protocolFault(`frame of type ${type} came for the connection`);
  }

  #answerPing(payload: Uint8Array): void {
    if (payload.length !== pingBytes) throw protocolFault(`PING must have ${pingBytes} bytes, got ${payload.length}`);
    // Who asks and does not read gets no heap of answers.
    if (this.#closeSent || this.#writer.backlogBytes > this.#settings.windowBytes) return;
    this.#writer.frame(frameType.pong, false, connectionId, payload);
  }

  /** No new requests from this end; those under way go on. */
  #drain(error: CaissonError): void {
    this.#draining = true;
    this.#requester.refuse(error);
    this.#responder.refuse(error);
  }

  #takeClose(): void {
    if (this.#closeSeen) throw protocolFault('CLOSE came twice');
    this.#closeSeen = true;
    this.#drain(closing('the other end has closed'));
    // The other end answered every request that reached it. What is still outstanding here crossed its CLOSE and was never begun.
    this.#requester.fail(closing('the other end has closed, and this request was not begun'));
    this.#goOnClosing();
  }

  #goOnClosing(): void {
    if (this.#ended || !(this.#closeTimer !== undefined || this.#closeSeen)) return;
    const outstanding = this.#requester.outstanding + this.#responder.active;
    if (outstanding > 0 && !this.#closeSeen) return;
    if (!this.#closeSent) {
      this.#closeSent = true;
      this.#writer.frame(frameType.close, false, connectionId);
    }
    if (!this.#closeSeen) return;
    // The writer calls again when CLOSE has gone.
    if (this.#writer.backlogBytes > 0) return;
    this.#finish(undefined);
    this.#duplex.end();
    // An other end that never ends its side must not keep this one open.
    const timer = setTimeout(() => this.#duplex.destroy(), closeDeadlineMs).unref();
    this.#duplex.once('close', () => clearTimeout(timer)).once('end', () => this.#duplex.destroy());
  }

  readonly #onEnd = (): void => {
    if (this.#ended) return;
    // Both ends have said CLOSE. Only this end's last bytes may still be on their way, to an end that no longer needs them.
    if (this.#closeSeen && this.#closeSent) {
      this.#finish(undefined);
      this.#duplex.destroy();
      return;
    }
    let why = 'the stream ended without CLOSE';
    try {
      this.#reader.end();
    } catch (error) {
      why = `the stream ended inside a frame: ${(error as Error).message}`;
    }
    const { outstanding } = this.#requester;
    this.destroy(new CaissonError<ChannelErrorCode>('CHANNEL_LOST', `${why}, with ${outstanding} replies outstanding`));
  };

  readonly #onError = (cause: Error): void => {
    if (this.#ended) return;
    this.destroy(new CaissonError<ChannelErrorCode>('CHANNEL_LOST', `the stream failed: ${cause.message}`, { cause }));
  };

  /** The other end broke the protocol: it is told its code, as far as the socket takes it now. */
  #fault(error: CaissonError): void {
    this.#reader.stop();
    if (this.#greeted && !this.#closeSent)
      this.#writer.frame(frameType.goAway, false, connectionId, encodeRefusal(error));
    this.#writer.flush();
    this.#finish(error);
    this.#duplex.end();
    setImmediate(() => this.#duplex.destroy());
  }

  #finish(why: CaissonError | undefined): void {
    if (this.#ended) return;
    this.#end(why, Promise.resolve());
    const error = why ?? closing('the channel is closed');
    this.#requester.fail(error);
    this.#responder.fail(error);
    this.#pings.fail(error);
    this.#reader.stop();
  }

  #end(why: CaissonError | undefined, done: Promise<void>): void {
    this.#ended = true;
    clearTimeout(this.#closeTimer);
    this.#vigil.stop();
    this.#writer.stop();
    void done.then(() => this.#settle.closed(why));
  }

  #detach(): void {
    this.#duplex.off('data', this.#onData);
    this.#duplex.off('end', this.#onEnd);
    this.#duplex.off('error', this.#onError);
    this.#duplex.off('close', this.#onEnd);
  }
}
