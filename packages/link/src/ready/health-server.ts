// The health port: answers `{"action":"health"}` from what the supervisor last reported, to anybody who can dial it. It is
// unauthenticated and its caller is the parent, so it says nothing that the ready line does not say, costs the enclave a bounded
// sliver, and no caller can hold it up for another.
import type { Socket } from 'node:net';
import { CID_ANY, type VsockPort } from '@caisson/core/address';
import { isJsonObject, parseStrictJson } from '@caisson/core/config';
import { CaissonError } from '@caisson/core/errors';
import { encodeFrame, FrameReader } from '@caisson/core/frame';
import type { Say } from '../argonaut/index.ts';
import type { Transport } from '../transport/transport.ts';
import { type HealthAnswer, type HealthError, MAX_HEALTH_REQUEST_BYTES } from './messages.ts';

export interface HealthServerOptions {
  readonly transport: Transport;
  readonly port: VsockPort;
  health(): HealthAnswer;
  readonly say?: Say;
  /** Monotonic, for the rate. Default performance.now. */
  readonly nowMs?: () => number;
}

export interface HealthServer {
  /** Frees the port and cuts every caller off. */
  close(): Promise<void>;
}

// Given: docs/wire/health.md.
const requestTimeoutMs = 1_000;
const maxConnections = 16;
const requestsPerSecond = 20;

/** Rejects EADDRINUSE and what the transport's listen rejects with. */
export async function serveHealth(options: HealthServerOptions): Promise<HealthServer> {
  const { transport, port, health, say = () => {}, nowMs = () => performance.now() } = options;
  const sockets = new Set<Socket>();
  const rate = new Rate(nowMs);
  const answer = (request: Uint8Array): { reply: HealthAnswer | { readonly error: HealthError }; last: boolean } => {
    if (!rate.take()) return { reply: { error: 'busy' }, last: true };
    const fault = findFault(request);
    return fault === undefined ? { reply: health(), last: false } : { reply: { error: fault }, last: true };
  };
  const listener = await transport.listen({ cid: CID_ANY, port }, {}, (socket) => {
    if (sockets.size >= maxConnections) {
      socket.on('error', () => {}).destroy();
      return;
    }
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    serve(socket, answer);
  });
  const fields = { port, bootId: health().bootId };
  say({ level: 'info', code: 'READY_BOUND', message: `[ready] health port ${port} accepts`, fields });
  return {
    async close() {
      await listener.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

type Answer = (request: Uint8Array) => { readonly reply: object; readonly last: boolean };

/** One second from each answer to the next whole request: a byte a second keeps nothing open. */
function serve(socket: Socket, answer: Answer): void {
  const reader = new FrameReader({ maxBytes: MAX_HEALTH_REQUEST_BYTES, name: 'health request' });
  let timer = setTimeout(() => socket.destroy(), requestTimeoutMs);
  const reply = (value: object, last: boolean): void => {
    clearTimeout(timer);
    timer = setTimeout(() => socket.destroy(), requestTimeoutMs);
    const frame = encodeFrame(Buffer.from(JSON.stringify(value)));
    if (last) socket.end(frame);
    // A client that goes on asking without reading the answers is cut off when the socket's buffer is full.
    else if (!socket.write(frame)) socket.destroy();
  };
  socket
    .on('data', (chunk: Buffer) => {
      if (socket.writableEnded) return;
      try {
        reader.push(chunk);
        for (let request = reader.next(); request !== undefined; request = reader.next()) {
          const { reply: value, last } = answer(request);
          reply(value, last);
          if (last || socket.destroyed) return;
        }
      } catch (error) {
        if (!(error instanceof CaissonError)) throw error;
        reply({ error: 'bad-request' satisfies HealthError }, true);
      }
    })
    .on('end', () => socket.end())
    .on('error', () => {})
    .on('close', () => clearTimeout(timer));
}

function findFault(request: Uint8Array): HealthError | undefined {
  try {
    const root = parseStrictJson(request, { maxBytes: MAX_HEALTH_REQUEST_BYTES, maxDepth: 4 });
    if (!isJsonObject(root)) return 'bad-request';
    return root.get('action') === 'health' ? undefined : 'unknown-action';
  } catch (error) {
    if (error instanceof CaissonError) return 'bad-request';
    throw error;
  }
}

/** A bucket of one second's requests that fills evenly. */
class Rate {
  readonly #nowMs: () => number;
  #tokens = requestsPerSecond;
  #filledAtMs: number;

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
    this.#filledAtMs = nowMs();
  }

  take(): boolean {
    const nowMs = this.#nowMs();
    const fresh = ((nowMs - this.#filledAtMs) * requestsPerSecond) / 1_000;
    this.#tokens = Math.min(requestsPerSecond, this.#tokens + fresh);
    this.#filledAtMs = nowMs;
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }
}
