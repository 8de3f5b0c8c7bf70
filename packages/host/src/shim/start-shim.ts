// Starts shims, and finds the one of an enclave. A shim gets a session of its own, so that it outlives the command that started it, and says on one
// descriptor that it is up, or why not.
import { spawn } from 'node:child_process';
import { closeSync, openSync, renameSync, rmSync, statSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import type { Readable } from 'node:stream';
import { CaissonError } from '@caisson/core/errors';
import { plain } from '@caisson/core/log';
import { withLock } from '../file/index.ts';
import { ENDED_PHASES, enclaveFolder, openEnclaveFolder, readState } from '../record/index.ts';
import { connectShim } from './client.ts';
import type { ShimClient } from './client-interface.ts';
import type { ShimErrorCode } from './error-code.ts';
import { patienceForEnd, standardPatience } from './patience.ts';
import { shimSocketPath } from './socket-place.ts';
import { formatTold, parseTold, type Told } from './told.ts';

export interface StartShimOptions {
  /** The state folder, which already has the enclave's spec. */
  readonly state: string;
  readonly name: string;
  /** The words that start this program again: interpreter, its options, script. */
  readonly words: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Default 20,000 ms to start a shim, 120,000 ms to end what a dead one left. */
  readonly timeoutMs?: number;
}

// Chosen.
const defaultStartMs = 20_000;
const maxLogBytes = 262_144;
const maxToldBytes = 65_536;
const tailLines = 5;
// Measured: a third less memory for a process that mostly waits (docs/shim.md).
const smallHeap = ['--max-semi-space-size=1', '--optimize-for-size'];

/** Undefined where the enclave has no living shim; what a dead one left is removed. Throws CaissonError SHIM_LOST. */
export async function openShim(state: string, name: string): Promise<ShimClient | undefined> {
  const path = await shimSocketPath(state, name);
  const findPid = async (): Promise<number | undefined> => {
    const last = await readState(state, name).catch(() => undefined);
    return last === undefined || last.phase === 'lost' ? undefined : last.shim.pid;
  };
  const client = await connectShim(path, name, { findPid });
  if (client !== undefined) return client;
  // Removed only under the lock: a shim that is starting holds it, and is about to create its socket there.
  const { shimPid } = enclaveFolder(state, name);
  await withLock(shimPid, async () => rmSync(path, { force: true }), { timeoutMs: 0 }).catch(() => {});
  return undefined;
}

/** Resolves when the shim answers. Throws CaissonError SHIM_TAKEN, SHIM_START, and, with its own code, what prevented the shim from starting. */
export async function startShim(options: StartShimOptions): Promise<ShimClient> {
  const { state, name } = options;
  const there = await openShim(state, name);
  const last = await there?.status().catch(() => undefined);
  await there?.close();
  // The shim of an enclave that has ended is about to go, and the new one waits for its lock.
  if (last !== undefined && !ENDED_PHASES.includes(last.phase)) {
    throw new CaissonError<ShimErrorCode>('SHIM_TAKEN', `enclave ${name} must have one shim, got a second`, {
      hint: `caisson ps shows the enclave, caisson stop ${name} ends it`,
    });
  }
  const told = await launch(options, []);
  if (!told.ok) throw new CaissonError(told.code, told.message, told.hint === null ? {} : { hint: told.hint });
  const client = await openShim(state, name);
  if (client !== undefined) return client;
  throw await unstarted(options, 'it ended as soon as it had begun');
}

/**
 * Ends what a killed shim has left running and starts nothing. Needed on Nitro; with the other backends an enclave ends with its shim. Throws as
 * `startShim`.
 */
export async function endLeftEnclave(options: StartShimOptions): Promise<void> {
  const told = await launch({ timeoutMs: patienceForEnd(standardPatience, 0), ...options }, ['--end']);
  if (!told.ok) throw new CaissonError(told.code, told.message, told.hint === null ? {} : { hint: told.hint });
}

async function launch(options: StartShimOptions, flags: readonly string[]): Promise<Told> {
  const { state, name, words, env, timeoutMs = defaultStartMs } = options;
  const folder = await openEnclaveFolder(state, name);
  keepLogShort(folder.shimLog);
  const log = openSync(folder.shimLog, 'a', 0o600);
  const [program = '', ...rest] = words;
  const small = basename(program).startsWith('node') ? smallHeap : [];
  const child = spawn(program, [...small, ...rest, 'shim', name, '--tell', '3', ...flags], {
    // A working directory would keep its file system from being unmounted.
    cwd: '/',
    detached: true,
    stdio: ['ignore', log, log, 'pipe'],
    env: { ...env, CAISSON_STATE: state },
  });
  closeSync(log);
  const tell = child.stdio[3] as Readable;
  const { promise, resolve, reject } = Promise.withResolvers<Told>();
  const timer = setTimeout(() => {
    child.kill('SIGKILL');
    unstarted(options, `it said nothing for ${timeoutMs} ms`).then(reject, reject);
  }, timeoutMs);
  child.once('error', (error) => unstarted(options, error.message).then(reject, reject));
  const pieces: Buffer[] = [];
  let bytes = 0;
  tell
    .on('error', () => {})
    .on('data', (piece: Buffer) => {
      bytes += piece.length;
      if (bytes <= maxToldBytes) pieces.push(piece);
    });
  tell.once('close', () => {
    const told = parseTold(Buffer.concat(pieces).toString());
    if (told !== undefined) resolve(told);
    else unstarted(options, 'it ended without a word').then(reject, reject);
  });
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
    tell.destroy();
    child.unref();
  }
}

/** The line that the shim writes to descriptor 3 when it cannot start. */
export function describeStart(error: unknown): string {
  if (error === undefined) return formatTold({ ok: true });
  const { code = 'SHIM_START', message, hint = null } = error as Partial<CaissonError>;
  return formatTold({ ok: false, code, message: message ?? String(error), hint });
}

/** What a shim has to say are events; its own output is kept short. */
function keepLogShort(path: string): void {
  const bytes = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
  if (bytes > maxLogBytes) renameSync(path, `${path}.1`);
}

async function unstarted({ state, name }: StartShimOptions, why: string): Promise<CaissonError<ShimErrorCode>> {
  const { shimLog } = enclaveFolder(state, name);
  const text = await readFile(shimLog, 'utf8').catch(() => '');
  const tail = text.trimEnd().split('\n').slice(-tailLines).map(plain).join('; ');
  const said = tail === '' ? '' : `; ${shimLog} ends with: ${tail}`;
  return new CaissonError('SHIM_START', `the shim of enclave ${name} did not start: ${why}${said}`);
}
