// One stage: what it says goes to ./eif/make_build.log too, and an error carries its name, because in a run of four the reader must know
// which one it was. Two runs in one folder wait for nobody: the second is refused.
import { appendFileSync, existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { CaissonError } from '@caisson/core/errors';
import { withLock } from '../file/index.ts';
import type { RbuildsErrorCode } from './error-code.ts';
import type { RbuildsSettings } from './settings.ts';
import type { RbuildsWorld, Stage, StageName } from './world.ts';

export const EIF_FOLDER = 'eif';
export const BUILD_LOG = 'make_build.log';
/** Given: the reference's. */
export const RUN_LOG = 'run-enclave.log';
/** Chosen: long enough for one that is just ending. */
const lockTimeoutMs = 500;

/** Throws CaissonError RBUILDS_STAGE; after `stop` its reason. */
export async function runStage(
  name: StageName,
  stage: Stage,
  settings: RbuildsSettings,
  world: RbuildsWorld,
): Promise<void> {
  const folder = join(world.folder, EIF_FOLDER);
  // make_nitro runs as root, and must leave no folder that the builder cannot write into; what removes the log does not write it again.
  const isLogged = name !== 'nitro' && name !== 'clear';
  const write = (line: string): void => void (isLogged && appendFileSync(join(folder, BUILD_LOG), `${line}\n`));
  const say = (line: string): void => {
    world.say(line);
    write(line);
  };
  const run = async (): Promise<void> => {
    say(`make_${name}`);
    await stage(settings, { ...world, say });
    say(`make_${name}: done`);
  };
  try {
    if (isLogged) mkdirSync(folder, { recursive: true });
    const isShared = name !== 'nitro' && existsSync(folder);
    await (isShared ? withLock(join(folder, '.make_build.lock'), run, { timeoutMs: lockTimeoutMs }) : run());
  } catch (cause) {
    if (world.stop.aborted) throw world.stop.reason;
    const hint = cause instanceof CaissonError ? cause.hint : undefined;
    const message = `make_${name} failed: ${cause instanceof Error ? cause.message : String(cause)}`;
    try {
      write(message);
    } catch {
      // The folder itself may be what failed.
    }
    throw new CaissonError<RbuildsErrorCode>('RBUILDS_STAGE', message, { cause, ...(hint !== undefined && { hint }) });
  }
}
