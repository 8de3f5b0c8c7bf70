// What this host kept of an enclave, and all that it can: events of its shim, last words that were let out, the end of its console. No session is
// needed for it, and none is left where the enclave has ended.
import { plain } from '@caisson/core/log';
import { enclaveFolder } from '@caisson/host/record';
import { readEnd, readKeptEvents } from './kept-events.ts';
import { lineOfEvent, readLogRecord, type ShownLine } from './shown-line.ts';

// Chosen.
const maxConsoleBytes = 65_536;

export interface KeptOptions {
  readonly state: string;
  readonly enclave: string;
  readonly sinceMs: number;
  /** Last words and console; without them the events alone. */
  readonly withWords: boolean;
}

/** Events, then last words, then the console. */
export async function readKeptLines({ state, enclave, sinceMs, withWords }: KeptOptions): Promise<ShownLine[]> {
  const folder = enclaveFolder(state, enclave);
  const events = (await readKeptEvents(folder.events, sinceMs)).map(lineOfEvent);
  if (!withWords) return events;
  const text = await readEnd(folder.console, maxConsoleBytes);
  return [...events, ...(await readWords(folder.lastWords, enclave, sinceMs)), ...consoleLines(text, enclave)];
}

/** PID 1 and the kernel write no time: their lines stay beside those of the supervisor that they came with. */
function consoleLines(text: string, enclave: string): ShownLine[] {
  const lines = text
    .split('\n')
    .map((line) => line.replace(/\r$/, ''))
    .filter((line) => line.trim() !== '');
  const times = lines.map((line) => readLogRecord(line)?.time);
  const first = times.find((time) => time !== undefined);
  let beside = first === undefined ? undefined : Date.parse(first);
  return lines.map((line, at): ShownLine => {
    const time = times[at] ?? null;
    if (time !== null) beside = Date.parse(time);
    const besideMs = time === null && beside !== undefined ? { besideMs: beside } : {};
    return { ...kept(enclave, time, 'CONSOLE_LINE', line, 'console'), ...besideMs };
  });
}

async function readWords(path: string, enclave: string, sinceMs: number): Promise<ShownLine[]> {
  const { existsSync } = await import('node:fs');
  if (!existsSync(path)) return [];
  const { readLastWords } = await import('@caisson/host/ready');
  const { words, seenAt } = await readLastWords(path);
  if (Date.parse(seenAt) < sinceMs) return [];
  return words.flatMap((one) =>
    'lines' in one
      ? one.lines.map((line) => kept(enclave, seenAt, 'LAST_WORDS', line, one.service))
      : [
          kept(
            ...([enclave, seenAt, 'LAST_WORDS'] as const),
            `${one.sealed.length} bytes, sealed: caisson last-words ${plain(path)} --key FILE`,
            one.service,
          ),
        ],
  );
}

function kept(enclave: string, time: string | null, code: string, message: string, service: string): ShownLine {
  return { time, level: 'info', code, message, enclave, service };
}
