// The program as scripts/bundle.ts leaves it in dist/: pieces in a folder, of which a start reads only what its command needs. Beside the folder stands what
// the pieces were made of, by which whoever starts them instead of the sources can see that they are not old.
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..');

export interface ProgramBuild {
  /** Names in dist/caisson; those that builds before this one left there are none of it. */
  readonly pieces: readonly string[];
  /** Paths below the root. */
  readonly inputs: readonly string[];
  /** When the first of them was about to be read. */
  readonly startedMs: number;
}

export const programFolder: string = join(root, 'dist/caisson');
/** What is started: `node PATH words`. */
export const programPath: string = join(programFolder, 'caisson.mjs');
export const programBuildPath: string = join(root, 'dist/caisson.json');

/** Throws where nothing is built. */
export function readProgramBuild(): ProgramBuild {
  return JSON.parse(readFileSync(programBuildPath, 'utf8')) as ProgramBuild;
}

/** Why a start of the bundled program would not be one of the sources; undefined when it would. */
export function whyNotFresh(read: () => ProgramBuild = readProgramBuild): string | undefined {
  let build: ProgramBuild;
  try {
    build = read();
  } catch {
    return 'is not built';
  }
  const changed = build.inputs.find((path) => {
    const found = statSync(join(root, path), { throwIfNoEntry: false });
    return found === undefined || found.mtimeMs >= build.startedMs;
  });
  return changed === undefined ? undefined : `is older than ${changed}`;
}
