// The enclaves of a host as commands that look at them are handed them: records of the test's own, shims that it made.
import { CaissonError } from '@caisson/core/errors';
import type { EnclaveRecord } from '@caisson/host/record';
import type { ShimClient } from '@caisson/host/shim';

export interface FakeEnclaveHost {
  readonly state: string;
  list(): Promise<readonly EnclaveRecord[]>;
  find(name: string): Promise<EnclaveRecord>;
  openShim(name: string): Promise<ShimClient | undefined>;
}

/** Both may be changed while a command looks at them. */
export function createFakeEnclaveHost(
  state: string,
  records: Map<string, EnclaveRecord>,
  shims: Map<string, ShimClient> = new Map(),
): FakeEnclaveHost {
  return {
    state,
    list: async () => [...records.values()],
    async find(name) {
      const found = records.get(name);
      if (found !== undefined) return found;
      throw new CaissonError('RECORD_UNKNOWN', `enclave ${name} must have a record, got none`);
    },
    openShim: async (name) => shims.get(name),
  };
}
