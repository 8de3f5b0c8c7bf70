// What `caisson wait` and `caisson last-words` show, for people and as JSON. A service's own words are escaped: a log line must not be able
// to move a terminal's cursor.
import { formatDuration } from '@caisson/core/config';
import { plain } from '@caisson/core/log';
import { bootIdOf, describeOutcome, lastPhase, lastReasons, type ReadyReport } from '@caisson/host/ready';
import type { SeenWords } from '@caisson/link/ready';

export function readyFacts(report: ReadyReport): Readonly<Record<string, unknown>> {
  const { ready, cid, port, waitedMs, attempts, outcome, health, line } = report;
  return {
    v: 1,
    ready,
    cid,
    port,
    waitedMs,
    attempts,
    bootId: bootIdOf(report),
    phase: lastPhase(report),
    reasons: line?.state?.reasons ?? health?.reasons ?? [],
    outcome: outcome === null ? null : { kind: outcome.kind, text: describeOutcome(outcome) },
    line: line === null ? null : { standing: line.standing, final: line.final },
    lastWords: wordsFacts(line?.lastWords ?? []),
  };
}

export function wordsFacts(words: readonly SeenWords[]): readonly object[] {
  return words.map((one) =>
    'sealed' in one ? { service: one.service, sealed: Buffer.from(one.sealed).toString('base64') } : one,
  );
}

export function readyLines(report: ReadyReport): string[] {
  const { ready, cid, port, waitedMs, attempts, outcome, line } = report;
  const [phase, bootId] = [lastPhase(report), bootIdOf(report)];
  const row = (name: string, value: string): string => `${name.padEnd(10)} ${value}`;
  return [
    row(ready ? 'READY' : 'NOT READY', `enclave ${cid} after ${formatDuration(waitedMs)}, ${attempts} asked`),
    ...(bootId === null ? [] : [row('boot', bootId)]),
    row('phase', phase ?? 'nothing was said of it'),
    ...lastReasons(report).map((reason) => row('reason', reason)),
    ...(outcome === null ? [] : [row(`port ${port}`, plain(describeOutcome(outcome)))]),
    ...(line === null ? [] : [row('line', lineText(line))]),
    ...wordsLines(line?.lastWords ?? []),
  ];
}

function lineText({ standing, final }: NonNullable<ReadyReport['line']>): string {
  return final === null ? standing : `${standing}: exit ${final.exit}, ${final.code}`;
}

export function wordsLines(words: readonly SeenWords[]): string[] {
  return words.flatMap((one) =>
    'sealed' in one
      ? ['', `last words of ${plain(one.service)}: ${one.sealed.length} bytes, sealed (caisson last-words --key)`]
      : ['', `last words of ${plain(one.service)}`, ...one.lines.map((line) => `  ${plain(line)}`)],
  );
}
