// One dial over a unix socket file: connect, greet, and the errno names that a vsock would give. Fabric and hybrid differ
// only in the path and the greeting. Refuses to wait past its deadline.
import type { Socket } from 'node:net';
import { connect } from 'node:net';
import type { Cid, VsockPort } from '@caisson/core/address';
import { retryUntil } from './retry.ts';
import { codeOf, createSocketError } from './socket-error.ts';
import type { TransportConnectOptions } from './transport.ts';

export interface FileDial {
  readonly path: string;
  readonly target: { readonly cid: Cid; readonly port: VsockPort };
  readonly options: TransportConnectOptions;
  /** Looks at the path before each try; what it throws ends the dial. */
  inspect?(): void;
  /** Says what must be said first on the connected socket; what it throws counts as the failure of this try. */
  greet(socket: Socket, leftMs: number, signal: AbortSignal | undefined): Promise<void> | void;
}

// Chosen.
const defaultConnectTimeoutMs = 5_000;
// Given: the longest delay of setTimeout.
const longestTimeoutMs = 2_147_483_647;

export async function dialFile(dial: FileDial): Promise<Socket> {
  const { target, options } = dial;
  const timeoutMs = checkTimeout(options.timeoutMs ?? defaultConnectTimeoutMs);
  const deadlineAtMs = performance.now() + timeoutMs;

  async function attempt(): Promise<Socket> {
    dial.inspect?.();
    const socket = await connectFile(dial.path, options.signal).catch((error: unknown) => {
      throw isNobody(error) ? createSocketError('ECONNREFUSED', 'connect', target, 'nobody listens', error) : error;
    });
    try {
      await dial.greet(socket, Math.max(deadlineAtMs - performance.now(), 1), options.signal);
      return socket;
    } catch (error) {
      socket.destroy();
      throw error;
    }
  }

  return await retryUntil(attempt, {
    deadlineAtMs,
    signal: options.signal,
    isTransient(error) {
      // A unix listener whose backlog is full answers EAGAIN at once and never later (docs/wire/fabric.md, "The dialler").
      const code = codeOf(error);
      return code === 'EAGAIN' || (code === 'ECONNREFUSED' && options.retryRefused === true);
    },
    timedOut(last) {
      const seen = codeOf(last) === 'EAGAIN' ? 'its backlog stayed full' : 'it refused every try';
      return createSocketError('ETIMEDOUT', 'connect', target, `${seen} for ${timeoutMs} ms`, last);
    },
  });
}

/** One try, settled by the kernel at once: a unix connect never waits. Errors are raw (ENOENT, ECONNREFUSED, EAGAIN ...). */
export function connectFile(path: string, signal?: AbortSignal): Promise<Socket> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const socket = connect({ path, allowHalfOpen: true });
    const abort = (): void => {
      socket.destroy();
      reject(signal?.reason);
    };
    const refuse = (error: Error): void => {
      signal?.removeEventListener('abort', abort);
      reject(error);
    };
    signal?.addEventListener('abort', abort, { once: true });
    socket.once('error', refuse).once('connect', () => {
      socket.off('error', refuse);
      signal?.removeEventListener('abort', abort);
      resolve(socket);
    });
  });
}

function checkTimeout(timeoutMs: number): number {
  if (Number.isInteger(timeoutMs) && timeoutMs >= 1 && timeoutMs <= longestTimeoutMs) return timeoutMs;
  throw new TypeError(`timeoutMs must be an integer in 1..${longestTimeoutMs}, got ${timeoutMs}`);
}

function isNobody(error: unknown): boolean {
  const code = codeOf(error);
  return code === 'ENOENT' || code === 'ECONNREFUSED';
}
