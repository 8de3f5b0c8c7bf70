// What can still be seen of an enclave that did not come up: how it ended, its last words, the ends of its console and of its shim's log. Untrusted
// programs wrote most of it, so it is cut short and freed of control characters.
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
  // If the boot failed before anything printed, this console is of an earlier boot.
  const printedMs = (await stat(folder.console).catch(() => undefined))?.mtimeMs ?? 0;
  const console = isEarlier(printedMs) ? [] : await tailOf(folder.console, tailLines);
  if (console.length > 0) found.push({ what: 'the last lines of its console', lines: console });
  if (isGone) {
    const log = await tailOf(folder.shimLog, tailLines);
    if (log.length > 0) found.push({ what: 'the last lines of its shim', lines: log });
  }
  return found;
}

/** Last words of this boot, or of the boots of this shim that it has already started again after. Older ones would tell of another failure. */
async function wordsOf(path: string, last: RecordedState | undefined): Promise<Evidence[]> {
  const words = await readLastWords(path).catch(() => undefined);
  if (words === undefined) return [];
  const isBefore = last?.bootId != null && last.bootId !== words.bootId;
  if (isBefore && last.restarts === 0) return [];
  const when = isBefore ? ', before it was started again' : '';
  return words.words.map((one) => ({
    what: `last words of ${readable(one.service)}${when}`,
    lines:
      'sealed' in one ? [`sealed: caisson last-words ${path} --key FILE`] : one.lines.slice(-wordLines).map(readable),
  }));
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
    // The tail may begin in the middle of a line.
    if (size > tailBytes) all.shift();
    return (
      all
        .filter((line) => line !== '')
        .slice(-lines)
        // An escape in JSON becomes a control character again when it is parsed.
        .map((line) => readable(logLine(line)))
    );
  } finally {
    await file.close();
  }
}

/** A log line of a supervisor in readable form; any other line unchanged. */
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

/** Escape sequences could overwrite what a terminal has shown before. */
function readable(line: string): string {
  return cut(harmless(line));
}

function harmless(line: string): string {
  return line.replaceAll(/[\p{Cc}\p{Cf}]/gu, (char) => (char === '\t' ? ' ' : ''));
}

function cut(line: string): string {
  return line.length > longestLine ? `${line.slice(0, longestLine)}...` : line;
}
