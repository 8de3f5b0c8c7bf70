// All records of a state folder, and their removal. One that cannot be read is listed with its fault: a list that dies of one file shows nothing.
import { readdir, rename, rm } from 'node:fs/promises';
import { CaissonError } from '@caisson/core/errors';
import { isLocked, sweepTemporaries, temporaryBeside, withLock } from '../file/index.ts';
import type { RecordErrorCode } from './error-code.ts';
import { enclaveFolder, enclavesFolder } from './folder.ts';
import { isEnclaveName } from './name.ts';
import type { RecordedSpec } from './spec.ts';
import { readSpec } from './spec-form.ts';
import { ENDED_PHASES, type RecordedState } from './state.ts';
import { stateFault } from './state-fault.ts';
import { readState } from './state-form.ts';
import { unknownRecord } from './unknown-record.ts';
import { requireStateVersion } from './version.ts';

export interface EnclaveRecord {
  readonly name: string;
  /** Undefined where it cannot be read. */
  readonly spec: RecordedSpec | undefined;
  /** Undefined where no shim ever ran, or where it cannot be read. */
  readonly state: RecordedState | undefined;
  /** Why something of it cannot be read. */
  readonly fault: CaissonError | undefined;
}

/** Whether its record says that it runs. An enclave that was never started does not; of one that is `lost` only its backend can tell. */
export function isRunning({ state }: EnclaveRecord): boolean {
  return state !== undefined && !ENDED_PHASES.includes(state.phase);
}

// Chosen: a shim whose enclave has ended answers the last question and exits. Who needs longer than this asks again.
const leaveMs = 250;

/** Sorted by name; empty where there is no folder. Throws CaissonError RECORD_VERSION or RECORD_STATE. */
export async function listRecords(state: string): Promise<readonly EnclaveRecord[]> {
  await requireStateVersion(state);
  const names = await readdir(enclavesFolder(state)).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw stateFault(`cannot read ${enclavesFolder(state)}`, error);
  });
  return await Promise.all(
    names
      .filter(isEnclaveName)
      .sort()
      .map((name) => readRecord(state, name)),
  );
}

/** Throws ParseError RECORD_NAME, CaissonError RECORD_VERSION or RECORD_UNKNOWN. */
export async function findRecord(state: string, name: string): Promise<EnclaveRecord> {
  enclaveFolder(state, name);
  const records = await listRecords(state);
  const found = records.find((one) => one.name === name);
  if (found !== undefined) return found;
  throw unknownRecord(
    state,
    name,
    records.map((one) => one.name),
  );
}

/** Throws CaissonError RECORD_RUNNING while its shim lives, RECORD_UNKNOWN or RECORD_STATE. Whole or not at all: it is renamed away first. */
export async function removeRecord(state: string, name: string): Promise<void> {
  const { state: last } = await findRecord(state, name);
  // A shim whose enclave has ended is about to release the lock.
  const timeoutMs = last !== undefined && ENDED_PHASES.includes(last.phase) ? leaveMs : 0;
  const folder = enclaveFolder(state, name);
  const aside = temporaryBeside(folder.path);
  const move = (): Promise<void> => rename(folder.path, aside);
  try {
    await withLock(folder.shimPid, move, { timeoutMs }).catch(async (error: NodeJS.ErrnoException) => {
      // On a full disk no shim can take the lock either, and removing the record is what makes room.
      if (!['ENOSPC', 'EDQUOT'].includes(error.code ?? '') || (await isLocked(folder.shimPid))) throw error;
      await move();
    });
    await rm(aside, { recursive: true, force: true });
    await sweepTemporaries(enclavesFolder(state));
    // Removes the lock that a killed command has left; a living command keeps its own.
    await withLock(folder.start, async () => {}, { timeoutMs: 0 }).catch(() => {});
  } catch (error) {
    if ((error as { code?: unknown }).code !== 'FILE_LOCKED') throw stateFault(`cannot remove enclave ${name}`, error);
    throw new CaissonError<RecordErrorCode>('RECORD_RUNNING', `enclave ${name} must have ended, its shim still runs`, {
      cause: error,
      hint: `caisson stop ${name} ends it`,
    });
  }
}

async function readRecord(state: string, name: string): Promise<EnclaveRecord> {
  let fault: CaissonError | undefined;
  const tried = async <Value>(read: Promise<Value>): Promise<Value | undefined> => {
    try {
      return await read;
    } catch (error) {
      if (!(error instanceof CaissonError)) throw error;
      fault ??= error;
      return undefined;
    }
  };
  const [spec, found] = [await tried(readSpec(state, name)), await tried(readState(state, name))];
  return { name, spec, state: found, fault };
}
