// The second build of `--verify-reproducible`: the same source in surroundings that differ in whatever an image must not depend on. It
// runs in a process of its own, because a user, a umask, a time zone and a clock belong to a process.
import { spawn } from 'node:child_process';
import {
  accessSync,
  chmodSync,
  constants,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
} from 'node:fs';
import { chown, lchown } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { CaissonError } from '@caisson/core/errors';
import type { ImageComparison } from '../image/index.ts';
import { buildImage } from './build-image.ts';
import type { BuildErrorCode } from './error-code.ts';
import { openPlan } from './open-plan.ts';
import { compareFiles } from './reproduce.ts';
import type { BuildSettings } from './settings.ts';

export const CHANGES = ['folder', 'user', 'umask', 'timezone', 'locale', 'clock', 'names', 'cores', 'path'] as const;
export type Change = (typeof CHANGES)[number];

export interface BuildAgainRequest {
  readonly source: string;
  readonly settings: BuildSettings;
  readonly builderVersion: string;
  readonly kernelPath?: string;
  readonly runtimePath?: string;
  /** Done to the second image before they are compared: signing it, with the key that never leaves this process. */
  readonly finish?: (path: string) => Promise<void>;
  /** The first image. */
  readonly output: string;
  readonly changes?: readonly Change[];
  /** Words that start this program again; `build --again` is appended. */
  readonly self: readonly string[];
}

export interface BuiltAgain extends ImageComparison {
  readonly changed: readonly Change[];
  /** What could not be changed here, and why. */
  readonly kept: readonly { readonly change: Change; readonly why: string }[];
}

/** What the second process reads from its standard input. */
interface Order {
  readonly source: string;
  readonly settings: BuildSettings;
  readonly builderVersion: string;
  readonly kernelPath?: string;
  readonly runtimePath?: string;
  readonly output: string;
  readonly umask: number | null;
  readonly clockShiftMs: number;
  readonly reverseNames: boolean;
}

// Chosen.
const dayMs = 86_400_000;
const nobody = 65_534;
const maxErrorCharacters = 65_536;

/** Throws CaissonError BUILD_AGAIN when the second build fails, and what `compareImages` throws. */
export async function verifyReproducible(request: BuildAgainRequest): Promise<BuiltAgain> {
  const asked = new Set<Change>(request.changes ?? CHANGES);
  const folder = mkdtempSync(join(tmpdir(), 'caisson-again-'));
  try {
    const kept: { change: Change; why: string }[] = [];
    const keep = (change: Change, why: string | undefined): void => {
      if (why === undefined || !asked.delete(change)) return;
      kept.push({ change, why });
    };
    keep('user', whyNoUser(request));
    keep('cores', whyNoTaskset());
    const place = await moveInputs(request, folder, asked);
    const order: Order = {
      ...place,
      settings: request.settings,
      builderVersion: request.builderVersion,
      output: join(place.work, 'again.eif'),
      umask: asked.has('umask') ? 0o027 : null,
      clockShiftMs: asked.has('clock') ? 400 * dayMs + 12_345 : 0,
      reverseNames: asked.has('names'),
    };
    await runSecond(request.self, order, asked, place.work);
    await request.finish?.(order.output);
    return { ...(await compareFiles(request.output, order.output)), changed: [...asked], kept };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The second process. Throws what `openPlan` and `buildImage` throw. */
export async function buildAgain(text: string): Promise<void> {
  const order = JSON.parse(text) as Order;
  if (order.umask !== null) process.umask(order.umask);
  if (order.clockShiftMs !== 0) shiftClock(order.clockShiftMs);
  const plan = await openPlan({
    source: order.source,
    settings: order.settings,
    builderVersion: order.builderVersion,
    env: process.env,
    ...(order.kernelPath !== undefined && { kernelPath: order.kernelPath }),
    ...(order.runtimePath !== undefined && { runtimePath: order.runtimePath }),
    ...(order.reverseNames && { readNames: (path) => readdirSync(path, { encoding: 'buffer' }).reverse() }),
  });
  try {
    await buildImage(plan, order.output);
  } finally {
    await plan.close();
  }
}

/** Shifts the clock of this process. The file system keeps its own, which is why copies get other times too. */
function shiftClock(shiftMs: number): void {
  const Real = Date;
  class Shifted extends Real {
    constructor(...words: []) {
      super(...(words.length === 0 ? ([Real.now() + shiftMs] as unknown as []) : words));
    }
    static override now(): number {
      return Real.now() + shiftMs;
    }
  }
  globalThis.Date = Shifted as DateConstructor;
}

async function moveInputs(
  { source, kernelPath, runtimePath }: BuildAgainRequest,
  folder: string,
  asked: ReadonlySet<Change>,
): Promise<{ source: string; kernelPath?: string; runtimePath?: string; work: string }> {
  const work = join(folder, 'another place');
  mkdirSync(work);
  const copy = (path: string): string => {
    const to = join(work, `copy of ${basename(path)}`);
    copyFileSync(path, to, constants.COPYFILE_FICLONE);
    return to;
  };
  const isHere = statSync(source, { throwIfNoEntry: false }) !== undefined;
  const moved = isHere && (asked.has('folder') || asked.has('user')) ? join(work, 'source') : source;
  if (moved !== source)
    cpSync(source, moved, { recursive: true, verbatimSymlinks: true, mode: constants.COPYFILE_FICLONE });
  const place = {
    source: moved,
    work,
    ...(kernelPath !== undefined && { kernelPath: copy(kernelPath) }),
    ...(runtimePath !== undefined && { runtimePath: copy(runtimePath) }),
  };
  if (asked.has('user')) {
    chmodSync(folder, 0o755);
    await giveAway(work);
  }
  return place;
}

async function giveAway(path: string): Promise<void> {
  const stat = statSync(path, { throwIfNoEntry: false });
  await lchown(path, nobody, nobody);
  if (stat?.isDirectory() !== true) return;
  await chown(path, nobody, nobody);
  for (const entry of readdirSync(path, { withFileTypes: true })) {
    if (entry.isDirectory()) await giveAway(join(path, entry.name));
    else await lchown(join(path, entry.name), nobody, nobody);
  }
}

async function runSecond(
  self: readonly string[],
  order: Order,
  asked: ReadonlySet<Change>,
  cwd: string,
): Promise<void> {
  const [program = '', ...words] = [...(asked.has('cores') ? ['taskset', '-c', '0'] : []), ...self, 'build', '--again'];
  const { PATH, HOME, TMPDIR } = process.env;
  const child = spawn(program, words, {
    cwd: asked.has('folder') ? cwd : process.cwd(),
    stdio: ['pipe', 'ignore', 'pipe'],
    ...(asked.has('user') && { uid: nobody, gid: nobody }),
    env: {
      PATH: asked.has('path') ? '/bin:/usr/bin' : PATH,
      HOME: asked.has('user') ? cwd : HOME,
      ...(TMPDIR !== undefined && { TMPDIR }),
      ...credentials(),
      ...(asked.has('timezone') && { TZ: 'Pacific/Kiritimati' }),
      ...(asked.has('locale') && { LC_ALL: 'tr_TR.UTF-8', LANG: 'tr_TR.UTF-8' }),
    },
  });
  let errors = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors = (errors + text).slice(-maxErrorCharacters);
  });
  child.stdin.on('error', () => {});
  child.stdin.end(JSON.stringify(order));
  const code = await new Promise<number | string>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (status, signal) => resolve(status ?? signal ?? 'unknown'));
  });
  if (code === 0) return;
  throw new CaissonError<BuildErrorCode>('BUILD_AGAIN', `the second build ended with ${code}: ${errors.trim()}`);
}

/** Credentials of a registry (docs/sources.md), without which the source could not be opened a second time. */
function credentials(): NodeJS.Dict<string> {
  return Object.fromEntries(
    Object.entries(process.env).filter(([name]) => name === 'DOCKER_CONFIG' || name.startsWith('CAISSON_REGISTRY')),
  );
}

/** A process of another user must be able to read this program and its parts. */
function whyNoUser({ self, settings, source }: BuildAgainRequest): string | undefined {
  if (process.getuid?.() !== 0) return 'only root can change the user';
  if (!existsSync(source)) return 'the credentials of a registry are those of this user';
  if (settings.kernel === 'caisson') return 'the kernel lies in the cache of this user';
  const hidden = [...self.filter((word) => word.startsWith('/')), import.meta.dirname].find(
    (path) => !isOpenToAll(path),
  );
  return hidden === undefined ? undefined : `other users cannot read ${hidden}`;
}

function isOpenToAll(path: string): boolean {
  const { mode } = statSync(path);
  const needed = statSync(path).isDirectory() ? 0o005 : 0o004;
  return (mode & needed) === needed && (dirname(path) === path || isOpenToAll(dirname(path)));
}

function whyNoTaskset(): string | undefined {
  const folders = (process.env['PATH'] ?? '').split(':');
  const isThere = folders.some((folder) => {
    try {
      accessSync(join(folder, 'taskset'), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
  return isThere ? undefined : 'there is no taskset';
}
