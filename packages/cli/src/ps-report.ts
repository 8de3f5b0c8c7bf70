// What `caisson ps` shows of the records of this host, for people and as JSON. Records are the host's word: what runs is proven by a document and
// by nothing here, and an enclave whose documents prove no hardware is marked as such wherever it is listed.
import { plain } from '@caisson/core/log';
import { hintOfCode, hintOfError } from '@caisson/host/explain';
import { ENDED_PHASES, type EnclaveRecord } from '@caisson/host/record';
import { ageText } from './age-text.ts';
import { textTable } from './text-table.ts';

export interface ListedPort {
  readonly listen: string;
  readonly port: number;
}

/** `lost` is shown without --all, because nobody has ended that enclave. */
export function isShown({ state, fault }: EnclaveRecord): boolean {
  if (fault !== undefined) return true;
  return state !== undefined && (state.phase === 'lost' || !ENDED_PHASES.includes(state.phase));
}

export function psFacts(record: EnclaveRecord): Readonly<Record<string, unknown>> {
  const { name, spec, state, fault } = record;
  return {
    name,
    cid: state?.cid ?? null,
    backend: state?.backend ?? spec?.backend ?? null,
    phase: state?.phase ?? null,
    since: state?.since ?? null,
    startedAt: state?.startedAt ?? null,
    bootId: state?.bootId ?? null,
    profile: spec?.profile ?? null,
    debug: spec?.debug ?? false,
    simulated: isSimulated(record),
    image: spec === undefined ? null : { path: spec.image, PCR0: spec.measurements.PCR0 },
    ports: spec === undefined ? [] : spec.ingress.map(portOf),
    restarts: state?.restarts ?? 0,
    reasons: state?.reasons ?? [],
    failure: state?.failure ?? null,
    fault: fault === undefined ? null : { code: fault.code, message: fault.message, hint: hintOfError(fault) ?? null },
  };
}

// Chosen: columns in the order in which they are dropped when the terminal is too narrow.
const spared = ['IMAGE', 'PROFILE', 'PORTS', 'BACKEND', 'SINCE'];

/** Fits the table into `columns`, as far as that is possible. */
export function psTable(
  records: readonly EnclaveRecord[],
  nowMs: number,
  columns: number = Number.POSITIVE_INFINITY,
): string {
  if (records.length === 0) return '';
  const rows = [['NAME', 'CID', 'BACKEND', 'PHASE', 'SINCE', 'PORTS', 'PROFILE', 'IMAGE'], ...rowsOf(records, nowMs)];
  for (let left = rows, next = 0; ; next += 1) {
    const table = textTable(left);
    if (next === spared.length || table.split('\n').every((line) => line.length <= columns)) return table;
    const column = left[0]!.indexOf(spared[next]!);
    left = left.map((row) => row.toSpliced(column, 1));
  }
}

function rowsOf(records: readonly EnclaveRecord[], nowMs: number): string[][] {
  return records.map(({ name, spec, state, fault }) => [
    name,
    state?.cid == null ? '-' : String(state.cid),
    state?.backend ?? spec?.backend ?? '-',
    phaseCell(state?.phase ?? (fault === undefined ? 'never started' : 'unreadable'), spec?.debug === true),
    state === undefined ? '-' : ageText(state.since, nowMs),
    spec === undefined || spec.ingress.length === 0
      ? '-'
      : spec.ingress
          .map(portOf)
          .map(({ listen, port }) => `${listen}->${port}`)
          .join(', '),
    spec?.profile ?? '-',
    spec === undefined ? '-' : `${spec.measurements.PCR0.slice(0, 16)}…`,
  ]);
}

/** In natural order: web-2 before web-10. */
export function inOrder(records: readonly EnclaveRecord[]): EnclaveRecord[] {
  const { compare } = new Intl.Collator('en', { numeric: true });
  return records.toSorted((left, right) => compare(left.name, right.name));
}

// Chosen.
const mostNamed = 6;

/** Notes for stderr that have no room in the table. `hidden` is the number of ended enclaves that are not shown. */
export function psNotes(records: readonly EnclaveRecord[], hidden: number): string[] {
  const names = (which: (record: EnclaveRecord) => boolean): string => {
    const found = records.filter(which).map(({ name }) => name);
    const more = found.length - mostNamed;
    return more > 1 ? `${found.slice(0, mostNamed).join(', ')} and ${more} more` : found.join(', ');
  };
  const simulated = names(isSimulated);
  const debug = names(({ spec }) => spec?.debug === true);
  const lost = names(({ state }) => state?.phase === 'lost');
  return [
    ...(simulated === '' ? [] : [`SIMULATED: nothing here proves hardware of ${simulated}`]),
    ...(debug === ''
      ? []
      : [`DEBUG: the console of ${debug} is open, and on hardware its documents have zeros for PCRs`]),
    ...records.flatMap(reasonLines),
    ...(lost === ''
      ? []
      : [
          `${lost}: the process that kept it is gone`,
          '  hint: caisson restart NAME starts it again, caisson rm NAME forgets it',
        ]),
    ...(hidden === 0 ? [] : [`${hidden} more ${hidden === 1 ? 'has' : 'have'} ended: caisson ps -a`]),
  ];
}

function isSimulated({ spec, state }: EnclaveRecord): boolean {
  const backend = state?.backend ?? spec?.backend;
  return backend !== undefined && backend !== 'nitro';
}

function portOf({
  hostAddress,
  hostPort,
  port,
}: {
  readonly hostAddress: string;
  readonly hostPort: number;
  readonly port: number;
}): ListedPort {
  return { listen: `${hostAddress.includes(':') ? `[${hostAddress}]` : hostAddress}:${hostPort}`, port };
}

function phaseCell(phase: string, isDebug: boolean): string {
  return isDebug ? `${phase} DEBUG` : phase;
}

function reasonLines({ name, state, fault }: EnclaveRecord): string[] {
  if (fault !== undefined) return [`${name}: ${plain(fault.message)}`, ...hintLines(hintOfError(fault))];
  if (state === undefined || state.phase === 'ready') return [];
  const { failure, reasons, phase } = state;
  if (failure !== null) {
    return [`${name}: ${plain(failure.message)}`, ...hintLines(failure.hint ?? hintOfCode(failure.code))];
  }
  if (reasons.length > 0) return [`${name}: ${phase}: ${reasons.map(plain).join('; ')}`];
  return phase === 'exited' && state.end !== null ? [`${name}: ${plain(state.end.text)}`] : [];
}

function hintLines(hint: string | undefined): string[] {
  return hint === undefined ? [] : [`  hint: ${plain(hint)}`];
}
