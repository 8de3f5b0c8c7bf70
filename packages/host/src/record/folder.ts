// Where an enclave's record lies: `enclaves/NAME` of the state folder (docs/wire/state.md), with the names of everything in it.
import { chmod, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { sweepTemporaries } from '../file/index.ts';
import { checkEnclaveName } from './name.ts';
import { stateFault } from './state-fault.ts';
import { openStateFolder } from './version.ts';

export interface EnclaveFolder {
  readonly path: string;
  readonly spec: string;
  readonly state: string;
  /** Pid and start time of the shim, which is also its lock. */
  readonly shimPid: string;
  /** Lock of the command that looks at what runs and starts it: one at a time. It lies beside the folder, which may be removed meanwhile. */
  readonly start: string;
  readonly console: string;
  readonly lastWords: string;
  readonly log: string;
  readonly events: string;
  readonly shimLog: string;
  readonly sock: string;
}

export function enclavesFolder(state: string): string {
  return join(state, 'enclaves');
}

/** Throws ParseError RECORD_NAME. */
export function enclaveFolder(state: string, name: string): EnclaveFolder {
  checkEnclaveName(name);
  const path = join(enclavesFolder(state), name);
  const log = join(path, 'log');
  return {
    path,
    spec: join(path, 'spec.json'),
    state: join(path, 'state.json'),
    shimPid: join(path, 'shim.pid'),
    start: `${path}.lock`,
    console: join(path, 'console.log'),
    lastWords: join(path, 'last-words.json'),
    log,
    events: join(log, 'events.jsonl'),
    shimLog: join(log, 'shim.log'),
    sock: join(path, 'sock'),
  };
}

/**
 * Makes the folder (0700) where it is missing, and removes temporaries of dead processes. Throws ParseError RECORD_NAME, CaissonError
 * RECORD_VERSION or RECORD_STATE.
 */
export async function openEnclaveFolder(state: string, name: string): Promise<EnclaveFolder> {
  const folder = enclaveFolder(state, name);
  await openStateFolder(state);
  try {
    for (const path of [enclavesFolder(state), folder.path, folder.log, folder.sock]) {
      await mkdir(path, { recursive: true, mode: 0o700 });
      await chmod(path, 0o700);
    }
    for (const path of [state, enclavesFolder(state), folder.path]) await sweepTemporaries(path);
    return folder;
  } catch (error) {
    throw stateFault(`cannot write the folder of enclave ${name}`, error);
  }
}
