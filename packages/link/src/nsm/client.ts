// The asking end of an NSM socket, as an NsmDevice: requests go out at once, answers come back in the order of the requests.
// There are no numbers on the messages, so a lost or late answer loses the place of all: the socket is then closed, what
// waits fails, and so does what comes later. It does not connect again by itself: PCR state behind a path may have changed.
import { connect, type Socket } from 'node:net';
import { encodeFrame, FrameReader } from '@caisson/core/frame';
import type { NsmDevice } from '@caisson/sys';
import { checkPath, createNsmSocketError, requestFrame, responseFrame } from './messages.ts';

export interface NsmSocketOptions {
  /**
   * Longest silence while an answer is due, and longest connect. Default 10,000. Not the sum over pipelined requests: each
   * answer starts it anew. The driver's own limit for one request is 120,000.
   */
  readonly timeoutMs?: number;
}

interface Waiting {
  readonly resolve: (answer: Uint8Array) => void;
  readonly reject: (error: Error) => void;
}

// Chosen.
const defaultTimeoutMs = 10_000;

/**
 * Rejects ENOENT, ECONNREFUSED, EACCES ..., ETIMEDOUT or ENAMETOOLONG. Requests reject EMSGSIZE (over 4,096 bytes),
 * ETIMEDOUT, ECONNRESET (the other end closed), EPROTO (it sent what is no answer) or EBADF (closed before).
 */
export async function openNsmSocket(path: string, options: NsmSocketOptions = {}): Promise<NsmDevice> {
  checkPath(path, 'connect');
  const timeoutMs = options.timeoutMs ?? defaultTimeoutMs;
  const socket = connect({ path });
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      socket.destroy(createNsmSocketError('ETIMEDOUT', 'connect', path, `no connection within ${timeoutMs} ms`));
    }, timeoutMs);
    const refuse = (error: Error): void => {
      clearTimeout(timer);
      reject(error);
    };
    socket.once('error', refuse);
    socket.once('connect', () => {
      clearTimeout(timer);
      socket.off('error', refuse);
      resolve(new NsmSocket(socket, path, timeoutMs));
    });
  });
}

class NsmSocket implements NsmDevice {
  readonly #socket: Socket;
  readonly #path: string;
  readonly #timeoutMs: number;
  readonly #reader = new FrameReader(responseFrame);
  readonly #waiting: Waiting[] = [];
  readonly #closed: Promise<void>;
  #timer: NodeJS.Timeout | undefined;
  /** Why nothing works any more. */
  #failure: Error | undefined;

  constructor(socket: Socket, path: string, timeoutMs: number) {
    this.#socket = socket;
    this.#path = path;
    this.#timeoutMs = timeoutMs;
    this.#closed = new Promise((resolve) => socket.once('close', () => resolve()));
    socket.on('data', (chunk: Uint8Array) => this.#take(chunk));
    socket.on('error', (cause) => this.#fail(this.#error('ECONNRESET', 'the connection broke', cause)));
    socket.on('end', () => this.#fail(this.#error('ECONNRESET', 'the other end closed the connection')));
    socket.on('close', () => this.#fail(this.#error('ECONNRESET', 'the connection is closed')));
  }

  async request(request: Uint8Array): Promise<Uint8Array> {
    const { maxBytes } = requestFrame;
    if (request.length > maxBytes) {
      throw this.#error('EMSGSIZE', `a request must have at most ${maxBytes} bytes, got ${request.length}`);
    }
    if (this.#failure !== undefined) {
      throw this.#error('EBADF', `closed before, because of ${this.#failure.message}`, this.#failure);
    }
    this.#socket.write(encodeFrame(request));
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      if (this.#waiting.length === 1) this.#watch();
    });
  }

  async close(): Promise<void> {
    this.#fail(this.#error('ECONNRESET', 'this end closed the connection'));
    await this.#closed;
  }

  #take(chunk: Uint8Array): void {
    this.#reader.push(chunk);
    for (;;) {
      let answer: Uint8Array | undefined;
      try {
        answer = this.#reader.next();
      } catch (cause) {
        this.#fail(this.#error('EPROTO', 'the other end sent what is no answer', cause));
        return;
      }
      if (answer === undefined) return;
      const first = this.#waiting.shift();
      if (first === undefined) {
        this.#fail(this.#error('EPROTO', `the other end sent an answer of ${answer.length} bytes to no request`));
        return;
      }
      this.#watch();
      first.resolve(answer);
    }
  }

  /** One deadline, for the oldest request; bytes of half an answer do not move it. */
  #watch(): void {
    clearTimeout(this.#timer);
    if (this.#waiting.length === 0) return;
    this.#timer = setTimeout(() => {
      this.#fail(this.#error('ETIMEDOUT', `no answer within ${this.#timeoutMs} ms`));
    }, this.#timeoutMs);
  }

  #fail(error: Error): void {
    if (this.#failure !== undefined) return;
    this.#failure = error;
    clearTimeout(this.#timer);
    this.#socket.destroy();
    for (const { reject } of this.#waiting.splice(0)) reject(error);
  }

  #error(code: Parameters<typeof createNsmSocketError>[0], reason: string, cause?: unknown): Error {
    return createNsmSocketError(code, 'request', this.#path, reason, cause);
  }
}
