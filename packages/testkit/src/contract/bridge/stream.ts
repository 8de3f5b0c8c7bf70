// What the bridge contract does with a socket: echo, read to the end, abort, wait for a fact with a bound.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { setImmediate as nextTurn, setTimeout as pause } from 'node:timers/promises';

/** Sends everything back, its end of file included. */
export function echo(socket: Socket): void {
  socket.pipe(socket);
}

/** Reads to the end of file and drops the bytes; resolves with their number and digest. Rejects on an error or a cut. */
export async function digestToEnd(socket: Socket): Promise<{ bytes: number; sha256: string }> {
  const hash = createHash('sha256');
  let bytes = 0;
  socket.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    hash.update(chunk);
  });
  await once(socket, 'end');
  return { bytes, sha256: hash.digest('hex') };
}

export function digestOf(bytes: Uint8Array): { bytes: number; sha256: string } {
  return { bytes: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') };
}

/** `length` bytes that differ from place to place and from seed to seed. */
export function madeBytes(length: number, seed: number): Buffer {
  const bytes = Buffer.allocUnsafe(length);
  let state = (seed * 2654435761) >>> 0 || 1;
  for (let index = 0; index < length; index += 1) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    bytes[index] = state & 0xff;
  }
  return bytes;
}

/** One request and its echo on an open connection; resolves with the milliseconds it took. */
export async function roundTrip(socket: Socket, payload: Buffer): Promise<number> {
  const startedMs = performance.now();
  let missing = payload.length;
  const answered = new Promise<void>((settle, fail) => {
    const take = (chunk: Buffer): void => {
      missing -= chunk.length;
      if (missing <= 0) finish(settle);
    };
    const cut = (error?: Error): void => finish(() => fail(error ?? new Error(`closed with ${missing} bytes to come`)));
    const ended = (): void => cut();
    const finish = (settled: () => void): void => {
      socket.off('data', take).off('error', cut).off('end', ended).off('close', ended);
      settled();
    };
    socket.on('data', take).on('error', cut).on('end', ended).on('close', ended);
  });
  socket.write(payload);
  await answered;
  return performance.now() - startedMs;
}

/** How a socket ended, seen by reading it: the errno name of an abort, `end` of a clean end of file. */
export function outcomeOf(socket: Socket): Promise<string> {
  return new Promise((settle) => {
    socket.once('error', (error: NodeJS.ErrnoException) => settle(error.code ?? error.message));
    socket.once('end', () => settle('end'));
    socket.once('close', () => settle('close'));
    socket.resume();
  });
}

// Chosen: for what is no promise about time, on a machine that has other work.
const patienceMs = 60_000;
// Chosen: what takes longer is left the processor meanwhile.
const turns = 50;

/** Waits turn by turn, then millisecond by millisecond, until `holds`; fails with `what` after `boundMs`. */
export async function eventually(
  holds: () => boolean,
  what: string | (() => string),
  boundMs = patienceMs,
): Promise<void> {
  const untilMs = performance.now() + boundMs;
  for (let turn = 0; !holds(); turn += 1) {
    if (performance.now() > untilMs) assert.fail(`within ${boundMs} ms: ${typeof what === 'string' ? what : what()}`);
    await (turn < turns ? nextTurn() : pause(1));
  }
}

/** `promise`, or a failure that says `what` after `boundMs`. */
export async function within<T>(promise: Promise<T>, what: string, boundMs: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, fail) => {
    timer = setTimeout(
      () => fail(new assert.AssertionError({ message: `not within ${boundMs} ms: ${what}` })),
      boundMs,
    );
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/** The value below which 99 of 100 lie. */
export function percentile99(values: readonly number[]): number {
  const sorted = [...values].sort((left, right) => left - right);
  return sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * 0.99) - 1)] ?? Number.NaN;
}
