// Everything that checks look at, gathered once: what several of them need is read once and is the same for all.
import type { BackendKind } from '../backend/index.ts';
import { parseCpuList } from '../backend-nitro/index.ts';
import type { EnclaveRecord } from '../record/index.ts';
import { type AllocatorFile, readAllocatorFile } from './allocator-file.ts';
import { type Cpus, readCpus } from './cpu.ts';
import { type KernelVersion, readKernelVersion } from './kernel-version.ts';
import type { Machine } from './machine.ts';
import { askNitroCli, type NitroCli } from './nitro-cli.ts';
import { type NodeMemory, readNodes } from './node-memory.ts';
import type { WantedEnclave } from './wanted.ts';

export interface GroundOptions {
  readonly machine: Machine;
  /** The one that was asked for. */
  readonly backend?: BackendKind | undefined;
  /** The state folder (docs/wire/state.md). */
  readonly state: string;
  /** Keys and policies of this operator. */
  readonly operator: string;
  /** Folders that the parts of an image are looked for in. */
  readonly parts: readonly string[];
  /** Where QEMU and its vsock device lie; undefined: PATH. */
  readonly qemu?: string | undefined;
  /** Records of the state folder. */
  readonly records: () => Promise<readonly EnclaveRecord[]>;
  /** The caisson.yaml that was named or lies here. */
  readonly file: string | null;
  /** Why it cannot be read. */
  readonly fileFault: string | null;
  /** Its enclaves. */
  readonly wanted: readonly WantedEnclave[];
}

export interface Ground extends Omit<GroundOptions, 'records'> {
  readonly cpus: Cpus;
  readonly nodes: readonly NodeMemory[];
  readonly kernel: KernelVersion | undefined;
  readonly allocator: AllocatorFile | null;
  /** What the driver has; null: there is no driver. */
  readonly pool: readonly number[] | null;
  readonly nitroCli: NitroCli | null;
  /** Something of this machine says that it is meant to have enclaves. */
  readonly isParent: boolean;
  readonly records: readonly EnclaveRecord[];
  /** Why the records cannot be read. */
  readonly recordFault: string | null;
}

export const NITRO_DEVICE = '/dev/nitro_enclaves';
const poolFile = '/sys/module/nitro_enclaves/parameters/ne_cpus';

export async function readGround(options: GroundOptions): Promise<Ground> {
  const { machine } = options;
  const [nitroCli, records] = await Promise.all([askNitroCli(machine), readRecords(options)]);
  const poolText = machine.readText(poolFile);
  const pool = poolText === undefined ? null : parseCpuList(poolText);
  const allocator = readAllocatorFile(machine);
  const vendor = machine.readText('/sys/class/dmi/id/sys_vendor')?.trim() ?? '';
  return {
    ...options,
    ...records,
    nitroCli,
    allocator,
    cpus: readCpus(machine, pool ?? []),
    nodes: readNodes(machine),
    kernel: readKernelVersion(machine.readText('/proc/sys/kernel/osrelease') ?? ''),
    pool,
    isParent:
      nitroCli !== null ||
      allocator !== null ||
      pool !== null ||
      machine.stat(NITRO_DEVICE) !== undefined ||
      vendor === 'Amazon EC2',
  };
}

async function readRecords({ records }: GroundOptions): Promise<Pick<Ground, 'records' | 'recordFault'>> {
  try {
    return { records: await records(), recordFault: null };
  } catch (error) {
    return { records: [], recordFault: error instanceof Error ? error.message : String(error) };
  }
}

/** Of this file system, that is there: the folder itself or the nearest above it. */
export function nearestFolder(machine: Machine, path: string): string {
  for (let at = path; at !== ''; at = at.slice(0, Math.max(0, at.lastIndexOf('/')))) {
    if (machine.stat(at) !== undefined) return at;
  }
  return '/';
}

/** What proposes an allocator.yaml. */
export function planCommand({ file }: Pick<Ground, 'file'>): string {
  return `caisson doctor --plan ${file ?? 'caisson.yaml'}`;
}
