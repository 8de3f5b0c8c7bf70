// What this host kept of an enclave, and all that it can: events of its shim, last words that were let out, the end of its console. No session is
// needed for it, and none is left where the enclave has ended.
import { existsSync } from 'node:fs';
import { logLineOf, plain } from '@caisson/core/log';
import { enclaveFolder } from '@caisson/host/record';
import { readKeptEvents, readTail } from './kept-events.ts';
import { lineOfEvent, type ShownLine } from './shown-line.ts';

// Chosen.
const maxConsoleBytes = 65_536;

export interface KeptOptions {
  readonly state: string;
  readonly enclave: string;
  readonly sinceMs: number;
  /** False: events only. True: last words and console too. */
  readonly withWords: boolean;
}

/** Events, then last words, then the console. */
export async function readKeptLines({ state, enclave, sinceMs, withWords }: KeptOptions): Promise<ShownLine[]> {
  const folder = enclaveFolder(state, enclave);
  const events = (await readKeptEvents(folder.events, sinceMs)).map(lineOfEvent);
  if (!withWords) return events;
  const text = await readTail(folder.console, maxConsoleBytes);
  return [...events, ...(await readWords(folder.lastWords, enclave, sinceMs)), ...consoleLines(text, enclave)];
}

/** PID 1 and the kernel write no time, so their lines keep their place beside the supervisor's. */
function consoleLines(text: string, enclave: string): ShownLine[] {
  const lines = text
    .split('\n')
    .map((line) => line.replace(/\r$/, ''))
    .filter((line) => line.trim() !== '');
  const times = lines.map((line) => logLineOf(line)?.time);
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
  const found = await readWordsOf(path, enclave);
  if (found === undefined || Date.parse(found.seenAt) < sinceMs) return [];
  return [...found.services.values()].flat();
}

export interface KeptWords {
  readonly bootId: string;
  readonly seenAt: string;
  readonly services: ReadonlyMap<string, readonly ShownLine[]>;
}

/** The last words of the newest boot that left some; sealed ones are one line that says so. */
export async function readWordsOf(path: string, enclave: string): Promise<KeptWords | undefined> {
  if (!existsSync(path)) return undefined;
  const { readLastWords } = await import('@caisson/host/ready');
  const { words, seenAt, bootId } = await readLastWords(path);
  const services = words.map((one): [string, readonly ShownLine[]] => {
    const line = (text: string): ShownLine => kept(enclave, seenAt, 'LAST_WORDS', text, one.service);
    if ('lines' in one) return [one.service, one.lines.map(line)];
    const sealed = `${one.sealed.length} bytes, sealed: caisson last-words ${plain(path)} --key FILE`;
    return [one.service, [line(sealed)]];
  });
  return { bootId, seenAt, services: new Map(services) };
}

function kept(enclave: string, time: string | null, code: string, message: string, service: string): ShownLine {
  // Last words come from an enclave that is failing, so they pass a filter for grave lines.
  const level = code === 'LAST_WORDS' ? 'warn' : 'info';
  return { time, level, code, message, enclave, service };
}
