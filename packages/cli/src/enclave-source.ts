// The enclaves of this host as the commands that only look at them see them: records on disk, and the shim of one that runs. Handed in, so that a
// test can hand in its own.
import type { EnclaveRecord } from '@caisson/host/record';
import type { ShimClient } from '@caisson/host/shim';
import type { Surroundings } from './surroundings.ts';

export interface EnclaveSource {
  readonly state: string;
  list(): Promise<readonly EnclaveRecord[]>;
  /** Throws CaissonError RECORD_UNKNOWN with the names that there are. */
  find(name: string): Promise<EnclaveRecord>;
  /** Undefined where the enclave has no living shim. */
  openShim(name: string): Promise<ShimClient | undefined>;
}

export async function openEnclaveSource({ env }: Pick<Surroundings, 'env'>): Promise<EnclaveSource> {
  const { stateFolder } = await import('@caisson/host/file');
  const { findRecord, listRecords } = await import('@caisson/host/record');
  const state = stateFolder(env);
  return {
    state,
    list: () => listRecords(state),
    find: (name) => findRecord(state, name),
    async openShim(name) {
      const { openShim } = await import('@caisson/host/shim');
      return await openShim(state, name);
    },
  };
}

/** The named enclaves in that order, or all of them without a name. */
export async function chooseRecords(
  source: EnclaveSource,
  names: readonly string[],
): Promise<readonly EnclaveRecord[]> {
  if (names.length === 0) return await source.list();
  return await Promise.all([...new Set(names)].map((name) => source.find(name)));
}
