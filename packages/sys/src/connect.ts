// Connects within one deadline, over and over when the caller knows that somebody will listen.
import type { Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import type { Cid, VsockPort } from '@caisson/core/address';
import { formatAddress } from '@caisson/core/address';
import type { VsockAddon } from './addon.ts';
import { adoptSocket } from './adopt.ts';
import { createSystemError, errnoNumber } from './errno.ts';
import type { VsockConnectOptions } from './kernel.ts';

// Chosen: the first pause, and the longest.
const firstPauseMs = 5;
const maxPauseMs = 250;
const defaultTimeoutMs = 5_000;
const maxTimeoutMs = 2_147_483_647;

// A reset while connecting is vsock's only refusal: the far kernel answers so when nobody listens, when the backlog is full
// and when the CID is unknown (seen on Linux 6.12).
const refusal = errnoNumber('ECONNRESET');

export interface VsockTarget {
  readonly cid: Cid;
  readonly port: VsockPort;
}

/** Rejects with Node-style errors: ECONNREFUSED with the kernel's own errno in `cause`, ETIMEDOUT, ENODEV, EMFILE ... */
export async function connectVsock(
  addon: VsockAddon,
  target: VsockTarget,
  windowBytes: number,
  { timeoutMs = defaultTimeoutMs, retryRefused = false, signal }: VsockConnectOptions = {},
): Promise<Socket> {
  if (!Number.isInteger(timeoutMs) || timeoutMs < 1 || timeoutMs > maxTimeoutMs) {
    throw new TypeError(`timeoutMs must be an integer in 1..${maxTimeoutMs}, got ${timeoutMs}`);
  }
  const deadlineMs = performance.now() + timeoutMs;
  let refused: unknown;
  for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(pauseMs * 2, maxPauseMs)) {
    signal?.throwIfAborted();
    const leftMs = Math.ceil(deadlineMs - performance.now());
    if (leftMs <= 0) throw timeoutError(target, `refused every try for ${timeoutMs} ms`, refused);
    try {
      return await connectOnce(addon, target, windowBytes, leftMs, signal);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'ETIMEDOUT') throw timeoutError(target, `no answer within ${timeoutMs} ms`, refused ?? error);
      if (!retryRefused || code !== 'ECONNREFUSED') throw error;
      refused = error;
      // Jitter: after a restart every waiting peer would otherwise knock in step. Never past the deadline, never short of it.
      const waitMs = Math.max(0, Math.min(pauseMs * (0.5 + Math.random()), deadlineMs - performance.now()));
      await delay(waitMs, undefined, signal === undefined ? {} : { signal }).catch(() => signal?.throwIfAborted());
    }
  }
}

function connectOnce(
  addon: VsockAddon,
  target: VsockTarget,
  windowBytes: number,
  leftMs: number,
  signal: AbortSignal | undefined,
): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const id = addon.connectVsock(target.cid, target.port, windowBytes, leftMs, (result) => {
      signal?.removeEventListener('abort', abort);
      // A descriptor that arrives after the caller gave up is closed by the addon when this returns.
      if (signal?.aborted) return;
      if (result < 0) return reject(connectError(target, result));
      try {
        resolve(adoptSocket(addon, result, nameOf(target)));
      } catch (error) {
        reject(error);
      }
    });
    if (id < 0) return reject(connectError(target, id));
    const abort = (): void => {
      addon.connectCancel(id);
      reject(signal?.reason);
    };
    signal?.addEventListener('abort', abort, { once: true });
  });
}

function connectError(target: VsockTarget, result: number): Error {
  const object = nameOf(target);
  if (result === refusal) {
    const cause = createSystemError(result, 'connect', object);
    const reason = 'nobody listens, or the backlog is full';
    return createSystemError(errnoNumber('ECONNREFUSED'), 'connect', object, { cause, reason });
  }
  return createSystemError(result, 'connect', object);
}

function timeoutError(target: VsockTarget, reason: string, cause: unknown): Error {
  return createSystemError(errnoNumber('ETIMEDOUT'), 'connect', nameOf(target), { reason, cause });
}

function nameOf(target: VsockTarget): string {
  return formatAddress({ kind: 'vsock', ...target });
}
