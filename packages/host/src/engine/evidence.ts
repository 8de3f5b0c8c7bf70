// What is left to see of an enclave that did not come up: how it ended, its last words, the end of its console, the end of its shim's log. All of it was
// written by somebody who is not trusted here, so that it is cut and freed from what steers a terminal.
import { open, stat } from 'node:fs/promises';
import { readLastWords } from '../ready/index.ts';
import { enclaveFolder, type RecordedState } from '../record/index.ts';
import type { Evidence } from './result.ts';

// Chosen.
const tailBytes = 16_384;
const tailLines = 20;
const wordLines = 10;
const longestLine = 400;
const longestRead = 4_096;

export async function collectEvidence(
  state: string,
  name: string,
  last: RecordedState | undefined,
  reasons: readonly string[],
  isGone: boolean,
): Promise<readonly Evidence[]> {
  const folder = enclaveFolder(state, name);
  const found: Evidence[] = [];
  const isEarlier = (ms: number): boolean => last?.phase === 'failed' && ms < Date.parse(last.startedAt ?? last.since);
  if (last?.end != null && !isEarlier(Date.parse(last.end.at)))
    found.push({ what: 'its end', lines: [readable(last.end.text)] });
  const given = last !== undefined && last.reasons.length > 0 ? last.reasons : reasons;
  if (given.length > 0) found.push({ what: 'its reasons', lines: given.map(readable) });
  found.push(...(await wordsOf(folder.lastWords, last)));
  // One that failed before anything booted has printed nothing: what stands there is of the boot before.
  const printedMs = (await stat(folder.console).catch(() => undefined))?.mtimeMs ?? 0;
  const console = isEarlier(printedMs) ? [] : await tailOf(folder.console, tailLines);
  if (console.length > 0) found.push({ what: 'the last lines of its console', lines: console });
  if (isGone) {
    const log = await tailOf(folder.shimLog, tailLines);
    if (log.length > 0) found.push({ what: 'the last lines of its shim', lines: log });
  }
  return found;
}

/** Of this boot: those of an earlier one would tell of another failure. */
async function wordsOf(path: string, last: RecordedState | undefined): Promise<Evidence[]> {
  const words = await readLastWords(path).catch(() => undefined);
  if (words === undefined || (last?.bootId ?? words.bootId) !== words.bootId) return [];
  return words.words.map((one) =>
    'sealed' in one
      ? { what: `last words of ${readable(one.service)}`, lines: [`sealed: caisson last-words ${path} --key FILE`] }
      : { what: `last words of ${readable(one.service)}`, lines: one.lines.slice(-wordLines).map(readable) },
  );
}

async function tailOf(path: string, lines: number): Promise<string[]> {
  const file = await open(path, 'r').catch(() => undefined);
  if (file === undefined) return [];
  try {
    const { size } = await file.stat();
    const bytes = Buffer.alloc(Math.min(size, tailBytes));
    const { bytesRead } = await file.read(bytes, 0, bytes.length, size - bytes.length);
    const all = bytes
      .subarray(0, bytesRead)
      .toString()
      .split('\n')
      .map((line) => harmless(line.slice(0, longestRead)));
    // The first one is a part of a line where there was more before it.
    if (size > tailBytes) all.shift();
    return (
      all
        .filter((line) => line !== '')
        .slice(-lines)
        // What stands escaped in a line of JSON is a control character again once it is read.
        .map((line) => readable(logLine(line)))
    );
  } finally {
    await file.close();
  }
}

/** A line of a supervisor's log as people read it; any other as it is. */
function logLine(line: string): string {
  if (!line.startsWith('{"time":"')) return line;
  try {
    const { time, code, message, service } = JSON.parse(line) as Record<string, unknown>;
    if (typeof time !== 'string' || typeof code !== 'string' || typeof message !== 'string') return line;
    return `${time.slice(11, 23)} ${code} ${message}${typeof service === 'string' ? ` (${service})` : ''}`;
  } catch {
    return line;
  }
}

/** Escape sequences could rewrite what stands above them. */
function readable(line: string): string {
  return cut(harmless(line));
}

function harmless(line: string): string {
  return line.replaceAll(/[\p{Cc}\p{Cf}]/gu, (char) => (char === '\t' ? ' ' : ''));
}

function cut(line: string): string {
  return line.length > longestLine ? `${line.slice(0, longestLine)}...` : line;
}
