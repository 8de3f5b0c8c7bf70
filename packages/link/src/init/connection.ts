// One caller of the control socket, from accept to close: documents in, one answer each, in order; lines of the logs it follows between them.
// Nothing is read while an answer is made, so a caller who sends faster than it reads waits in the kernel's buffer. A caller that
// follows a log and does not read loses the oldest it has not seen, is told how many, and slows nobody.
import type { Socket } from 'node:net';
import { parseStrictJson } from '@caisson/core/config';
import { CaissonError } from '@caisson/core/errors';
import { answerRequest, isStreamRequest, type StreamRequest } from './answer-request.ts';
import type { Control, ServiceLogLine } from './control.ts';
import type { InitSocketErrorCode } from './error-code.ts';
import { answerRpc, errorText, isRpc, type RpcCall, rpcError, rpcNotification } from './json-rpc.ts';
import { type InitReply, type InitRequest, MAX_INIT_REQUEST_BYTES } from './messages.ts';
import { parseTaggedRequest } from './parse-request.ts';
import { failure, logText, success } from './reply.ts';
import { DocumentSplitter } from './split-document.ts';

export interface InitConnectionLimits {
  /** Between documents, while no log is followed. */
  readonly idleTimeoutMs: number;
  /** From the first byte of a document to its last, and for an answer to be taken. */
  readonly documentTimeoutMs: number;
}

// Chosen: as much of a followed log as may wait for a slow reader.
const maxWaitingBytes = 1 << 20;
const maxDepth = 16;

/** Resolves when the caller is gone, whoever ended it; never rejects for what a caller does. */
export async function serveInitConnection(
  socket: Socket,
  control: Control,
  limits: InitConnectionLimits,
): Promise<void> {
  const connection = new InitConnection(socket, control, limits);
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  // After the last read nobody else listens: an answer that meets a dead caller must not end the process.
  socket.on('error', () => {});
  try {
    await connection.serve();
  } finally {
    connection.end();
    await closed;
  }
}

class InitConnection {
  readonly #socket: Socket;
  readonly #control: Control;
  readonly #limits: InitConnectionLimits;
  readonly #streams = new Map<string, AbortController>();
  #lost = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(socket: Socket, control: Control, limits: InitConnectionLimits) {
    [this.#socket, this.#control, this.#limits] = [socket, control, limits];
  }

  async serve(): Promise<void> {
    const splitter = new DocumentSplitter(MAX_INIT_REQUEST_BYTES);
    this.#setDeadline(splitter, false);
    try {
      for await (const chunk of this.#socket.iterator({ destroyOnReturn: false })) {
        const before = splitter.pendingBytes;
        let complete = false;
        for (const document of splitter.push(chunk as Uint8Array)) {
          complete = true;
          clearTimeout(this.#timer);
          await this.#answer(document);
        }
        // Only the first bytes of a document start its time: one byte a second must not keep it going.
        this.#setDeadline(splitter, before > 0 && !complete);
      }
      const rest = splitter.end();
      if (rest !== undefined) await this.#answer(rest);
    } catch (error) {
      // A document that is too long: the caller is told, and what follows it has no beginning any more.
      if (error instanceof CaissonError) this.#write(failure(`Invalid request: ${error.message}`).tagged);
    }
  }

  end(): void {
    for (const stream of this.#streams.values()) stream.abort();
    this.#streams.clear();
    clearTimeout(this.#timer);
    if (this.#socket.closed) return;
    this.#timer = setTimeout(() => this.#socket.destroy(), this.#limits.documentTimeoutMs);
    this.#socket.once('close', () => clearTimeout(this.#timer));
    // Our end first; what the caller still sends is read away, so that its answers are not lost to a reset.
    this.#socket.end();
    this.#socket.resume();
  }

  #setDeadline(splitter: DocumentSplitter, keep: boolean): void {
    if (keep) return;
    clearTimeout(this.#timer);
    const isPending = splitter.pendingBytes > 0;
    if (!isPending && this.#streams.size > 0) return;
    const { documentTimeoutMs, idleTimeoutMs } = this.#limits;
    this.#timer = setTimeout(() => this.#socket.destroy(), isPending ? documentTimeoutMs : idleTimeoutMs);
  }

  async #answer(bytes: Uint8Array): Promise<void> {
    let document: ReturnType<typeof parseStrictJson>;
    try {
      document = parseStrictJson(bytes, { maxBytes: MAX_INIT_REQUEST_BYTES, maxDepth });
    } catch (error) {
      await this.#send(failure(`Invalid request: ${errorText(error)}`).tagged);
      return;
    }
    if (isRpc(document)) {
      const answer = await answerRpc(document, (call) => this.#ask(call.request, call));
      if (answer !== undefined) await this.#send(answer);
      return;
    }
    try {
      await this.#send((await this.#ask(parseTaggedRequest(document))).tagged);
    } catch (error) {
      const isForm = error instanceof CaissonError && /^INIT_SOCKET_(?:REQUEST|METHOD)$/.test(error.code);
      await this.#send(failure(`${isForm ? 'Invalid request: ' : ''}${errorText(error)}`).tagged);
    }
  }

  async #ask(request: InitRequest, call?: RpcCall): Promise<InitReply> {
    return isStreamRequest(request) ? this.#stream(request, call) : answerRequest(request, this.#control);
  }

  #stream(request: StreamRequest, call: RpcCall | undefined): InitReply {
    const { name } = request;
    if (request.verb === 'ServiceLogsStreamStop') {
      const stream = this.#streams.get(name);
      if (stream === undefined) throw streamError(`no log of ${name} is followed on this connection`);
      stream.abort();
      this.#streams.delete(name);
      return success(`log of ${name} is no longer followed`);
    }
    if (request.vsockCid !== null || request.vsockPort !== null) {
      throw streamError(
        `log of ${name} cannot be sent to vsock ${request.vsockCid ?? 3}:${request.vsockPort ?? 0}: lines come over the connection that asks`,
        'leave vsock_cid and vsock_port out; from outside use the control channel',
      );
    }
    if (this.#streams.has(name)) throw streamError(`log of ${name} is already followed on this connection`);
    if (call !== undefined && call.id === undefined) throw streamError('a log cannot be followed by a notification');
    const stop = new AbortController();
    this.#control.followLogs(name, (line) => this.#line(name, line, call !== undefined), stop.signal);
    this.#streams.set(name, stop);
    return { tagged: { LogsStreamStarted: { service: name } }, result: { service: name } };
  }

  #line(service: string, line: ServiceLogLine, isRpcStream: boolean): void {
    if (this.#socket.destroyed) return;
    if (this.#socket.writableLength > maxWaitingBytes) {
      this.#lost += 1;
      return;
    }
    const tell = (method: string, body: object): void =>
      void this.#write(isRpcStream ? rpcNotification(method, body) : { [method]: body });
    if (this.#lost > 0) tell('LogLinesLost', { service, count: this.#lost });
    this.#lost = 0;
    tell('LogLine', { service, time_ms: line.timeMs, stream: line.stream, text: line.text, line: logText(line) });
  }

  /** Resolves when the kernel has room again, or when there is nobody to write to. */
  async #send(answer: unknown): Promise<void> {
    if (this.#write(answer)) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const deadline = setTimeout(() => this.#socket.destroy(), this.#limits.documentTimeoutMs);
    this.#socket.once('drain', resolve).once('close', resolve);
    await promise;
    clearTimeout(deadline);
    this.#socket.off('drain', resolve).off('close', resolve);
  }

  #write(answer: unknown): boolean {
    return this.#socket.destroyed || this.#socket.writableEnded || this.#socket.write(`${JSON.stringify(answer)}\n`);
  }
}

/** What a caller without leave gets instead of an answer. */
export function refusal(message: string): string {
  return `${JSON.stringify({ ...(failure(message).tagged as object), ...(rpcError(null, -32_000, message) as object) })}\n`;
}

function streamError(message: string, hint?: string): CaissonError<InitSocketErrorCode> {
  return new CaissonError('INIT_SOCKET_STREAM', message, hint === undefined ? {} : { hint });
}
