// `prune`: removes what nobody needs from the state folder. What a record names stays, whether its enclave runs or not, and so does what a living
// process is about to use. A record that cannot be read might name anything. What only a lock can protect is judged under that lock.
import { existsSync } from 'node:fs';
import { lstat, readdir, rm, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import {
  clearLost,
  findEmptyRunFolder,
  findRemains,
  listLost,
  openRunFolder,
  removeRunFolder,
} from '../backend/index.ts';
import { isLocked, listTemporaries, withLock } from '../file/index.ts';
import { removeOwnPolicies } from '../operator/index.ts';
import {
  type EnclaveRecord,
  enclaveFolder,
  isShimAlive,
  listRecords,
  removeRecord,
  requireStateVersion,
} from '../record/index.ts';
import { imageStoreFolder, openImageStore } from '../store/index.ts';
import { listBuilt, sweepBuilt } from './built-image.ts';
import type { PruneCommand } from './command.ts';
import type { EngineContext } from './context.ts';
import { faultOfError } from './failure.ts';
import type { Pruned, PruneResult } from './result.ts';

/** Throws CaissonError RECORD_VERSION, before anything is changed, for a state folder of a newer program. */
export async function prune({ dryRun, ended }: PruneCommand, context: EngineContext): Promise<PruneResult> {
  if ((await requireStateVersion(context.state)) === 'none') return { dryRun, removed: [], bytes: 0, failures: [] };
  const task = new Prune(context, dryRun, ended);
  await task.run();
  const bytes = task.removed.reduce((sum, one) => sum + one.bytes, 0);
  return { dryRun, removed: task.removed, bytes, failures: task.failures };
}

class Prune {
  readonly removed: Pruned[] = [];
  readonly failures: PruneResult['failures'][number][] = [];
  readonly #context: EngineContext;
  readonly #dryRun: boolean;
  readonly #ended: boolean;

  constructor(context: EngineContext, dryRun: boolean, ended: boolean) {
    this.#context = context;
    this.#dryRun = dryRun;
    this.#ended = ended;
  }

  /** A failure is reported and does not hold up the rest. */
  async run(): Promise<void> {
    const { state, signal } = this.#context;
    const steps: readonly [path: string, step: () => Promise<void>][] = [
      [join(state, 'enclaves'), () => this.#records()],
      [join(state, 'built'), () => this.#built()],
      [imageStoreFolder(this.#context.env), () => this.#images()],
      [join(state, 'run'), () => this.#remains()],
      [state, () => this.#temporaries()],
    ];
    for (const [path, step] of steps) {
      signal?.throwIfAborted();
      await step().catch((error: unknown) => this.#fail(path, error));
    }
  }

  async #records(): Promise<void> {
    const { state, env } = this.#context;
    if (!this.#ended) return;
    for (const record of await listRecords(state)) {
      if (!(await hasEnded(record))) continue;
      const { name, state: last } = record;
      const { path } = enclaveFolder(state, name);
      await this.#take({ kind: 'record', what: name, path, bytes: await sizeOf(path) }, async () => {
        await removeRecord(state, name);
        await removeOwnPolicies(env, name, last?.cid ?? null);
      });
    }
  }

  async #built(): Promise<void> {
    const { state } = this.#context;
    for (const { name, folder } of await listBuilt(state)) {
      try {
        const swept = await sweepBuilt(folder, { isKept: (path) => this.#isNeeded(path, name), dryRun: this.#dryRun });
        for (const one of swept) this.removed.push({ kind: 'built', what: name, ...one });
      } catch (error) {
        this.#fail(folder, error);
      }
    }
  }

  async #images(): Promise<void> {
    const folder = imageStoreFolder(this.#context.env);
    if (!existsSync(folder)) return;
    const store = await openImageStore(folder);
    for (const { id, size } of await store.prune((path) => this.#isNeeded(path), { dryRun: this.#dryRun })) {
      this.removed.push({ kind: 'image', what: id, path: join(folder, 'images', id), bytes: size });
    }
  }

  /** What enclaves have left whose shim was killed, and the run folder where no enclave is left to use it. */
  async #remains(): Promise<void> {
    await this.#lost();
    const { state } = this.#context;
    const path = await findEmptyRunFolder(state);
    if (path === undefined || (await listRecords(state)).length > 0) return;
    await this.#take({ kind: 'remains', what: 'enclaves that are gone', path, bytes: 0 }, () => removeRunFolder(state));
  }

  /** Sockets and the files beside them. */
  async #lost(): Promise<void> {
    const { state } = this.#context;
    if ((await listLost(state)).length === 0) return;
    const folder = await openRunFolder(state);
    const find = async (cid: Parameters<typeof findRemains>[1]): Promise<void> => {
      for (const path of await findRemains(folder, cid)) {
        const pruned = { kind: 'remains', what: `cid ${cid}`, path, bytes: await sizeOf(path) } as const;
        await this.#take(pruned, () => rm(path, { recursive: true, force: true }));
      }
    };
    if (this.#dryRun) for (const cid of await listLost(state)) await find(cid);
    else await clearLost(state, find);
  }

  async #temporaries(): Promise<void> {
    const { state, env } = this.#context;
    const images = imageStoreFolder(env);
    const tags = join(images, 'tags');
    const folders = [
      ...[state, join(state, 'enclaves'), join(state, 'nitro'), join(state, 'sim-measured'), join(state, 'built')],
      ...(await listBuilt(state)).map(({ folder }) => folder),
      ...(await listRecords(state)).map(({ name }) => enclaveFolder(state, name).path),
      ...[images, join(images, 'images'), tags, ...(await namesIn(tags)).map((name) => join(tags, name))],
    ];
    for (const folder of folders.filter((path) => existsSync(path))) {
      for (const path of (await listTemporaries(folder)).left) {
        await this.#take({ kind: 'temporary', what: basename(path), path, bytes: await sizeOf(path) }, () =>
          rm(path, { recursive: true, force: true }),
        );
      }
    }
    for (const name of (await namesIn(join(state, 'enclaves'))).filter((one) => one.endsWith('.lock'))) {
      const path = join(state, 'enclaves', name);
      if (await isLocked(path)) continue;
      // Taking the lock and giving it back removes its file; if somebody holds it by now, it stays.
      await this.#take({ kind: 'temporary', what: name, path, bytes: await sizeOf(path) }, () =>
        withLock(path, async () => {}, { timeoutMs: 0 }),
      );
    }
  }

  /** Compared by device and inode: a link on the way may have changed since the path was recorded. */
  async #isNeeded(path: string, builtFor?: string): Promise<boolean> {
    const { dev, ino } = await stat(path);
    for (const record of await listRecords(this.#context.state)) {
      if (this.#ended && this.#dryRun && (await hasEnded(record))) continue;
      const { spec, name } = record;
      if (spec === undefined) {
        if (builtFor === undefined || builtFor === name) return true;
        continue;
      }
      const named = await stat(spec.image).catch(() => undefined);
      if (named?.dev === dev && named.ino === ino) return true;
    }
    return false;
  }

  async #take(pruned: Pruned, remove: () => Promise<void>): Promise<void> {
    try {
      if (!this.#dryRun) await remove();
      this.removed.push(pruned);
    } catch (error) {
      this.#fail(pruned.path, error);
    }
  }

  #fail(path: string, error: unknown): void {
    const { signal } = this.#context;
    if (signal?.aborted === true) throw error;
    const { code, message, hint } = faultOfError(error).failure;
    this.failures.push({ path, code, message, hint });
  }
}

/** `lost` may still run on hardware, and what was never started may be about to be. */
async function hasEnded({ state }: EnclaveRecord): Promise<boolean> {
  if (state === undefined || !['stopped', 'exited', 'failed'].includes(state.phase)) return false;
  // An enclave reports `failed` before it ends: while its shim lives it may still run.
  return state.phase !== 'failed' || !(await isShimAlive(state));
}

async function namesIn(folder: string): Promise<string[]> {
  return await readdir(folder).catch(() => []);
}

/** Sum over all files below; a file that disappears meanwhile counts as nothing. */
async function sizeOf(path: string): Promise<number> {
  const found = await lstat(path).catch(() => undefined);
  if (found === undefined) return 0;
  if (!found.isDirectory()) return found.size;
  const sizes = await Promise.all((await namesIn(path)).map((name) => sizeOf(join(path, name))));
  return sizes.reduce((sum, size) => sum + size, 0);
}
