// The doctor's look at this machine, this user and the caisson.yaml of this folder.
import { existsSync } from 'node:fs';
import { CaissonError } from '@caisson/core/errors';
import type { BackendKind } from '../backend/index.ts';
import { ComposeFaultError, readCompose, type Variables } from '../compose/index.ts';
import { stateFolder } from '../file/index.ts';
import { operatorFolder } from '../operator/index.ts';
import { listRecords } from '../record/index.ts';
import { partFolders, readArchitecture } from '../runtime/index.ts';
import { type Ground, readGround } from './ground.ts';
import { openLinuxMachine } from './linux-machine.ts';
import type { Machine } from './machine.ts';
import { readWanted, type WantedEnclave } from './wanted.ts';

export interface LookHereOptions {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly backend?: BackendKind | undefined;
  /** A caisson.yaml; default: the one of this folder, where there is one. */
  readonly file?: string | undefined;
  /** What `${NAME}` stands for in it. */
  readonly variables: Variables;
}

const usualFile = 'caisson.yaml';

/** Throws what `readCompose` throws for a file that was named; one that merely lies here becomes a finding. */
export async function lookHere({ env, backend, file: named, variables }: LookHereOptions): Promise<Ground> {
  const machine = openLinuxMachine({ env });
  const state = stateFolder(env);
  const file = named ?? (existsSync(usualFile) ? usualFile : null);
  const read = await readFile(file, named !== undefined, variables, machine, state);
  return await readGround({
    machine,
    backend,
    state,
    file,
    ...read,
    operator: operatorFolder(env),
    // As the backend has it.
    qemu: env['CAISSON_QEMU'] === '' ? undefined : env['CAISSON_QEMU'],
    parts: partFolders(readArchitecture()),
    records: () => listRecords(state),
  });
}

async function readFile(
  file: string | null,
  isNamed: boolean,
  variables: Variables,
  machine: Machine,
  state: string,
): Promise<{ wanted: readonly WantedEnclave[]; fileFault: string | null }> {
  if (file === null) return { wanted: [], fileFault: null };
  try {
    return { wanted: readWanted(await readCompose(file, { variables }), file, machine, state), fileFault: null };
  } catch (error) {
    if (isNamed || !(error instanceof CaissonError)) throw error;
    const faults = error instanceof ComposeFaultError ? error.faults.length : 1;
    const first = error.message.split('\n', 1)[0] ?? '';
    return { wanted: [], fileFault: faults === 1 ? first : `${first}, and ${faults - 1} more` };
  }
}
