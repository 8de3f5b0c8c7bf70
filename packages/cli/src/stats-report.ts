// What `caisson stats` shows: time and memory of the processes that are an enclave on this host, and what its bridges carried. An enclave on hardware
// has no processes here: its memory is taken from the parent whole, and nobody outside sees more.
import type { EnclaveRecord } from '@caisson/host/record';
import type { ShimBridgeStats, ShimStats } from '@caisson/host/shim';
import { sizeText } from './size-text.ts';
import { textTable } from './text-table.ts';

export interface Sample {
  readonly record: EnclaveRecord;
  /** Undefined where the shim could not be asked. */
  readonly stats: ShimStats | undefined;
  /** When it was taken, by this process's clock. */
  readonly atMs: number;
}

export function statsFacts({ record: { name, state }, stats }: Sample): object {
  return {
    name,
    cid: state?.cid ?? null,
    backend: state?.backend ?? null,
    phase: state?.phase ?? null,
    stats: stats === undefined ? null : pick(stats),
  };
}

/** `before`: an earlier sample of each, by name; with it CPU is that of the time between. */
export function statsTable(samples: readonly Sample[], before: ReadonlyMap<string, Sample>): string {
  const rows = samples.map((sample) => {
    const { record, stats } = sample;
    return [
      record.name,
      record.state?.cid == null ? '-' : String(record.state.cid),
      record.state?.phase ?? '-',
      cpuCell(sample, before.get(record.name)),
      stats?.residentBytes == null ? '-' : sizeText(stats.residentBytes),
      stats === undefined ? '-' : sizeText(stats.shimResidentBytes),
      bridgeCell(stats?.ingress),
      bridgeCell(stats?.egress),
    ];
  });
  return textTable([['NAME', 'CID', 'PHASE', 'CPU', 'MEMORY', 'SHIM', 'INGRESS', 'EGRESS'], ...rows]);
}

/** One line for each bridge; for one enclave there is room. */
export function bridgeTable({ stats }: Sample): string {
  if (stats === undefined) return '';
  const row =
    (way: string) =>
    ({ name, active, accepted, refused, failed, bytesIn, bytesOut }: ShimBridgeStats): string[] => [
      ...[way, name, ...[active, accepted, refused, failed].map(String)],
      ...[sizeText(bytesIn), sizeText(bytesOut)],
    ];
  const rows = [...stats.ingress.map(row('in')), ...stats.egress.map(row('out'))];
  if (rows.length === 0) return '';
  return textTable([['WAY', 'BRIDGE', 'ACTIVE', 'ACCEPTED', 'REFUSED', 'FAILED', 'INTO', 'OUT OF'], ...rows]);
}

function pick(stats: ShimStats): object {
  const { uptimeMs, cpuMs, residentBytes, shimResidentBytes, ingress, egress } = stats;
  const bridge = ({ name, active, accepted, refused, failed, bytesIn, bytesOut }: ShimBridgeStats): object => {
    return { name, active, accepted, refused, failed, bytesIn, bytesOut };
  };
  return {
    uptimeMs,
    cpuMs,
    residentBytes,
    shimResidentBytes,
    ingress: ingress.map(bridge),
    egress: egress.map(bridge),
  };
}

/** Per cent of one processor; since the start where there is nothing to compare with. */
function cpuCell({ stats, atMs }: Sample, before: Sample | undefined): string {
  if (stats?.cpuMs == null) return '-';
  const earlier = before?.stats?.cpuMs;
  // Less CPU time than before means another boot.
  const isSame = before !== undefined && earlier != null && earlier <= stats.cpuMs && atMs > before.atMs;
  const share = isSame ? (stats.cpuMs - earlier) / (atMs - before.atMs) : stats.cpuMs / Math.max(1, stats.uptimeMs);
  return `${(share * 100).toFixed(1)}%`;
}

/** `2 of 31, 4 refused, 1.2 MiB/3.4 MiB`: open ones, all that were let in, bytes into and out of the enclave. */
function bridgeCell(bridges: readonly ShimBridgeStats[] | undefined): string {
  if (bridges === undefined || bridges.length === 0) return '-';
  const sum = (key: Exclude<keyof ShimBridgeStats, 'name'>): number =>
    bridges.reduce((total, bridge) => total + bridge[key], 0);
  const lost = sum('refused') + sum('failed');
  return [
    `${sum('active')} of ${sum('accepted')}`,
    ...(lost === 0 ? [] : [`${sum('refused')} refused, ${sum('failed')} failed`]),
    `${sizeText(sum('bytesIn'))}/${sizeText(sum('bytesOut'))}`,
  ].join(', ');
}
