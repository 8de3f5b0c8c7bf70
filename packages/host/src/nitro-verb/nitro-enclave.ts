// An enclave as nitro-cli describes it, whatever it runs on. Keys, their order and their values are nitro-cli's; what a simulation has none of is as
// empty as nitro-cli would print it, and nothing is made up but the id, which says that it is.
import { createHash } from 'node:crypto';
import type { DescribedEnclave } from '../backend-nitro/index.ts';
import { NITRO_HASH_ALGORITHM } from '../image/index.ts';
import type { EnclaveRecord, RecordedSpec, RecordedState } from '../record/index.ts';
import { shownName } from './enclave-name.ts';

export interface NitroStarted {
  readonly EnclaveName?: string | undefined;
  readonly EnclaveID: string;
  readonly ProcessID: number;
  readonly EnclaveCID: number | null;
  readonly NumberOfCPUs?: number | undefined;
  readonly CPUIDs: readonly number[];
  readonly MemoryMiB?: number | undefined;
}

export interface NitroEnclave extends NitroStarted {
  readonly State: 'RUNNING' | 'TERMINATING' | 'EMPTY';
  readonly Flags: string;
  readonly Measurements?: Readonly<Record<string, string | undefined>> | undefined;
  readonly ImageName?: unknown;
  readonly ImageVersion?: unknown;
  readonly Metadata?: unknown;
}

/** One that is listed: a record that runs, with what nitro-cli says of it, or somebody else's. */
export interface ListedEnclave {
  readonly record: EnclaveRecord | undefined;
  readonly real: DescribedEnclave | undefined;
  readonly facts: NitroEnclave;
}

/** `real`: of hardware. */
export function describeRecord(record: EnclaveRecord, real: DescribedEnclave | undefined): NitroEnclave | undefined {
  const { spec, state } = record;
  if (spec === undefined || state === undefined) return undefined;
  return {
    ...startedOf(record, spec, state, real),
    State: real?.State ?? stateOf(state),
    Flags: spec.debug ? 'DEBUG_MODE' : 'NONE',
    Measurements: { HashAlgorithm: NITRO_HASH_ALGORITHM, ...spec.measurements },
  };
}

export function describeStarted(record: EnclaveRecord, real: DescribedEnclave | undefined): NitroStarted | undefined {
  const { spec, state } = record;
  return spec === undefined || state === undefined ? undefined : startedOf(record, spec, state, real);
}

/** An id of nitro-cli has the instance's before `-enc`; this one has none, and is the same as long as the enclave's record stands. */
export function idOfRecord({ name, createdAt }: RecordedSpec): string {
  return `i-caisson-enc${createHash('sha256').update(`${name}\n${createdAt}`).digest('hex').slice(0, 16)}`;
}

function startedOf(
  record: EnclaveRecord,
  spec: RecordedSpec,
  state: RecordedState,
  real: DescribedEnclave | undefined,
): NitroStarted {
  const { cpus, memoryMiB } = spec;
  return {
    EnclaveName: shownName(record),
    EnclaveID: real?.EnclaveID ?? idOfRecord(spec),
    ProcessID: real?.ProcessID ?? state.pids[0] ?? state.shim.pid,
    EnclaveCID: state.cid,
    NumberOfCPUs: 'count' in cpus ? cpus.count : cpus.ids.length,
    CPUIDs: real?.CPUIDs ?? ('ids' in cpus ? cpus.ids : []),
    MemoryMiB: memoryMiB,
  };
}

function stateOf({ phase }: RecordedState): NitroEnclave['State'] {
  if (phase === 'stopping') return 'TERMINATING';
  return phase === 'starting' || phase === 'waiting' ? 'EMPTY' : 'RUNNING';
}
