// `caisson wait NAME`: until the shim of an enclave has heard on its ready line that it is ready. What the line says is the enclave's own word about itself;
// where an image has none, its heartbeat is all that can be waited for, and that is said.
import { existsSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { formatDuration } from '@caisson/core/config';
import { plain } from '@caisson/core/log';
import { ENDED_PHASES, type EnclaveRecord, enclaveFolder } from '@caisson/host/record';
import type { SeenWords } from '@caisson/link/ready';
import type { EnclaveSource } from './enclave-source.ts';
import { wordsFacts, wordsLines } from './ready-report.ts';

export interface NamedWait {
  readonly ready: boolean;
  readonly record: EnclaveRecord;
  readonly waitedMs: number;
  /** Last words, where the enclave has ended. */
  readonly lastWords: readonly SeenWords[];
}

// Chosen: a state is a page of JSON.
const lookMs = 100;

/** Rejects with the reason of `stop`, and RECORD_UNKNOWN. */
export async function waitByName(
  source: EnclaveSource,
  name: string,
  { deadlineMs, stop }: { readonly deadlineMs: number; readonly stop: AbortSignal },
): Promise<NamedWait> {
  const fromMs = performance.now();
  for (;;) {
    stop.throwIfAborted();
    const record = await source.find(name);
    const waitedMs = Math.round(performance.now() - fromMs);
    const phase = record.state?.phase;
    if (phase === 'ready') return { ready: true, record, waitedMs, lastWords: [] };
    const isOver = phase !== undefined && ENDED_PHASES.includes(phase);
    if (isOver || waitedMs >= deadlineMs) {
      return { ready: false, record, waitedMs, lastWords: await readWords(source, record) };
    }
    await pause(Math.min(lookMs, deadlineMs - waitedMs), undefined, { signal: stop }).catch(() => {});
  }
}

/** The document of `caisson wait`, with a name and without what asking a port has. */
export function namedFacts({ ready, record, waitedMs, lastWords }: NamedWait): object {
  const { name, state } = record;
  return {
    v: 1,
    ready,
    name,
    cid: state?.cid ?? null,
    port: null,
    waitedMs,
    attempts: 0,
    bootId: state?.bootId ?? null,
    phase: state?.phase ?? null,
    reasons: (state?.reasons ?? []).map(parseReason),
    outcome: null,
    line: null,
    lastWords: wordsFacts(lastWords),
    failure: state?.failure ?? null,
  };
}

export function namedLines({ ready, record, waitedMs, lastWords }: NamedWait): string[] {
  const { name, spec, state } = record;
  const row = (label: string, value: string): string => `${label.padEnd(10)} ${value}`;
  const failure = state?.failure ?? null;
  return [
    row(ready ? 'READY' : 'NOT READY', `enclave ${name} after ${formatDuration(waitedMs)}`),
    ...(state?.bootId == null ? [] : [row('boot', state.bootId)]),
    row('phase', state?.phase ?? 'it was never started'),
    ...(ready && spec?.hasReadyLine === false
      ? [row('note', 'its image has no ready line: ready means its heartbeat')]
      : []),
    ...(state?.reasons ?? []).map((reason) => row('reason', plain(reason))),
    ...(failure === null ? [] : [row('failure', plain(failure.message))]),
    ...(state?.end == null ? [] : [row('end', plain(state.end.text))]),
    ...wordsLines(lastWords),
  ];
}

export function namedHint({ record: { name, state } }: NamedWait): string {
  return state?.failure?.hint ?? `caisson logs ${name} shows what it has said`;
}

async function readWords(source: EnclaveSource, { name, state }: EnclaveRecord): Promise<readonly SeenWords[]> {
  const path = enclaveFolder(source.state, name).lastWords;
  if (state === undefined || !existsSync(path)) return [];
  const { readLastWords } = await import('@caisson/host/ready');
  const { words, bootId } = await readLastWords(path);
  // Last words of another boot say nothing about this one.
  return state.bootId === null || bootId === state.bootId ? words : [];
}

/** `CODE service exit N`, as a state has it. */
function parseReason(text: string): object {
  const [code = '', ...words] = text.split(' ');
  const [, kind, number] = /\b(exit|signal) ([0-9]{1,3})$/.exec(text) ?? [];
  const service = words[0] === 'exit' || words[0] === 'signal' ? undefined : words[0];
  return { code, ...(service !== undefined && { service }), ...(kind !== undefined && { [kind]: Number(number) }) };
}
