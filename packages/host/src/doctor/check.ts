// What a check is, and what it finds. Each looks at one thing, and whatever is not well has one command that mends it: a person who is told
// three things to try tries none.
import type { BackendKind } from '../backend/index.ts';
import type { Ground } from './ground.ts';

/** `note`: worth knowing, and nothing is wrong. `warn`: works now, or only in part. `fail`: keeps something from working. */
export type Level = 'ok' | 'note' | 'warn' | 'fail';

/** `file`: of the caisson.yaml that was named. */
export type CheckGroup = 'machine' | 'sim' | 'qemu' | 'nitro' | 'caisson' | 'file';

export interface Look {
  readonly level: Level;
  readonly found: string;
  /** One, that mends it; every warn and fail has it. */
  readonly command?: string;
}

export interface Check {
  /** As `--only` names it. */
  readonly id: string;
  readonly group: CheckGroup;
  readonly looksAt: string;
  /** Why it matters, one sentence. */
  readonly matters: string;
  /** The backends that cannot run while this check fails. */
  readonly prevents: readonly BackendKind[];
  look(ground: Ground): Look | readonly Look[] | Promise<Look | readonly Look[]>;
}

export interface Finding extends Look {
  readonly id: string;
  readonly group: CheckGroup;
  readonly matters: string;
}

export function ok(found: string): Look {
  return { level: 'ok', found };
}

export function note(found: string, command?: string): Look {
  return { level: 'note', found, ...(command !== undefined && { command }) };
}

export function warn(found: string, command: string): Look {
  return { level: 'warn', found, command };
}

export function fail(found: string, command: string): Look {
  return { level: 'fail', found, command };
}

/** The command that gives this user what a group may do. */
export function joinGroup(group: string): string {
  return `sudo usermod -aG ${group} "$USER"   # and log in again`;
}

/** Two or more of this become one sentence: `1 enclave`, `2 enclaves`. */
export function count(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? '' : 's'}`;
}
