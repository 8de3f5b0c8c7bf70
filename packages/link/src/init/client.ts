// The asking end of /run/init.sock, in JSON-RPC: one connection, one call at a time, and the lines of a log that is followed.
import { connect, type Socket } from 'node:net';
import { CaissonError } from '@caisson/core/errors';
import { checkPath } from '../nsm/messages.ts';
import type { InitSocketErrorCode } from './error-code.ts';
import { type InitVerb, MAX_INIT_ANSWER_BYTES } from './messages.ts';
import { DocumentSplitter } from './split-document.ts';

export interface InitClientOptions {
  /** For the connect and for each answer. Default 60,000: a service has up to 30 s to stop. */
  readonly timeoutMs?: number;
}

/** A line of a followed log; `line` is it as the log file has it. */
export interface FollowedLine {
  readonly service: string;
  readonly line: string;
  /** Unix milliseconds by the enclave's clock, where the answer says so. */
  readonly timeMs?: number;
}

export interface InitClient {
  /**
   * Resolves with the result (docs/wire/init-control.md). Rejects INIT_SOCKET_REFUSED with the supervisor's words, INIT_SOCKET_TIMEOUT,
   * INIT_SOCKET_ANSWER for what is no answer, and Node-style errors of the socket.
   */
  call(method: InitVerb, params?: object): Promise<unknown>;
  /** Lines until `stop` (then resolves) or the other end closes (then rejects). Resolves `begun` once lines can come. */
  follow(name: string, onLine: (line: FollowedLine) => void, stop: AbortSignal, onBegun?: () => void): Promise<void>;
  close(): void;
}

const defaultTimeoutMs = 60_000;

/** Rejects ENOENT, ECONNREFUSED, EACCES ..., ENAMETOOLONG, or INIT_SOCKET_TIMEOUT. */
export async function openInitClient(path: string, options: InitClientOptions = {}): Promise<InitClient> {
  checkPath(path, 'connect');
  const timeoutMs = options.timeoutMs ?? defaultTimeoutMs;
  const socket = connect({ path });
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(() => socket.destroy(timeout(path, `no connection within ${timeoutMs} ms`)), timeoutMs);
    socket.once('error', (cause) => reject(unreached(path, cause))).once('connect', resolve);
    socket.once('close', () => clearTimeout(timer)).once('connect', () => clearTimeout(timer));
  });
  return new SocketClient(socket, path, timeoutMs);
}

interface Message {
  readonly id?: unknown;
  readonly method?: unknown;
  readonly params?: unknown;
  readonly result?: unknown;
  readonly error?: { readonly message?: unknown; readonly data?: { readonly hint?: unknown } };
}

class SocketClient implements InitClient {
  readonly #socket: Socket;
  readonly #path: string;
  readonly #timeoutMs: number;
  readonly #splitter = new DocumentSplitter(MAX_INIT_ANSWER_BYTES);
  #lastId = 0;
  #waiting: { readonly id: number; readonly settle: (message: Message | Error) => void } | undefined;
  #onLine: ((line: FollowedLine) => void) | undefined;
  #onFailure: ((error: Error) => void) | undefined;
  #failure: Error | undefined;

  constructor(socket: Socket, path: string, timeoutMs: number) {
    [this.#socket, this.#path, this.#timeoutMs] = [socket, path, timeoutMs];
    socket.on('data', (chunk: Uint8Array) => this.#take(chunk));
    socket.on('error', (error) => this.#fail(error));
    socket.on('close', () =>
      this.#fail(answerError(`${path}: the supervisor closed the connection before it answered`)),
    );
  }

  async call(method: InitVerb, params?: object): Promise<unknown> {
    if (this.#waiting !== undefined) throw new TypeError('one call at a time: the one before has no answer yet');
    if (this.#failure !== undefined) throw this.#failure;
    this.#lastId += 1;
    const id = this.#lastId;
    const { promise, resolve, reject } = Promise.withResolvers<Message>();
    this.#waiting = { id, settle: (one) => (one instanceof Error ? reject(one) : resolve(one)) };
    const timer = setTimeout(() => {
      this.#fail(timeout(this.#path, `no answer to ${method} within ${this.#timeoutMs} ms`));
    }, this.#timeoutMs);
    this.#socket.write(`${JSON.stringify({ jsonrpc: '2.0', id, method, params })}\n`);
    try {
      const { error, result } = await promise;
      if (error === undefined) return result;
      const hint = error.data?.hint;
      const options = typeof hint === 'string' ? { hint } : {};
      throw new CaissonError<InitSocketErrorCode>('INIT_SOCKET_REFUSED', String(error.message), options);
    } finally {
      clearTimeout(timer);
      this.#waiting = undefined;
    }
  }

  async follow(
    name: string,
    onLine: (line: FollowedLine) => void,
    stop: AbortSignal,
    onBegun?: () => void,
  ): Promise<void> {
    this.#onLine = onLine;
    await this.call('ServiceLogsStream', { name });
    onBegun?.();
    await new Promise<void>((resolve, reject) => {
      if (stop.aborted) return resolve();
      this.#onFailure = reject;
      if (this.#failure !== undefined) reject(this.#failure);
      stop.addEventListener('abort', () => resolve(), { once: true });
    });
  }

  close(): void {
    this.#onFailure = undefined;
    this.#socket.destroy();
  }

  #take(chunk: Uint8Array): void {
    try {
      for (const document of this.#splitter.push(chunk)) this.#hear(JSON.parse(Buffer.from(document).toString()));
    } catch (cause) {
      this.#fail(answerError(`${this.#path}: the other end sent what is no answer`, cause));
    }
  }

  #hear(message: Message): void {
    if (message.method === 'LogLine' || message.method === 'LogLinesLost') {
      const { service, line, count } = message.params as { service: string; line?: string; count?: number };
      this.#onLine?.({ service, line: line ?? `(${count} lines were lost: they came faster than they were read)` });
      return;
    }
    // An error without an id is about the whole connection: this caller may not ask at all.
    const isOurs = this.#waiting !== undefined && (message.id === this.#waiting.id || message.id === null);
    if (!isOurs) throw new TypeError('an answer to no call');
    this.#waiting?.settle(message);
  }

  #fail(error: Error): void {
    if (this.#failure !== undefined) return;
    this.#failure = error;
    this.#waiting?.settle(error);
    this.#onFailure?.(error);
    this.#socket.destroy();
  }
}

/** With the code of the socket's error. INIT_SOCKET_TIMEOUT as it is. */
function unreached(path: string, cause: NodeJS.ErrnoException): Error {
  const { code } = cause;
  if (cause instanceof CaissonError || code === undefined) return cause;
  const isBarred = code === 'EACCES' || code === 'EPERM';
  const reason = isBarred
    ? 'only root and the supervisor’s owner may command it'
    : 'no supervisor listens there; it does inside of an enclave';
  return Object.assign(new Error(`${path}: ${reason} (${code})`, { cause }), { code });
}

function answerError(message: string, cause?: unknown): CaissonError<InitSocketErrorCode> {
  return new CaissonError('INIT_SOCKET_ANSWER', message, cause === undefined ? {} : { cause });
}

function timeout(path: string, reason: string): CaissonError<InitSocketErrorCode> {
  return new CaissonError('INIT_SOCKET_TIMEOUT', `${path}: ${reason}`);
}
