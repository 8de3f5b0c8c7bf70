// One line of `caisson logs` and `caisson events`, whoever said it: the form of a log line (docs/wire/log.md), for people and as JSON. What an
// enclave wrote is bytes of a stranger; nothing of it steers a terminal.
import { type LogLevel, logLineOf, plain } from '@caisson/core/log';
import type { ShimEvent } from '@caisson/host/shim';
import { jsonText } from './json-text.ts';

export interface ShownLine {
  /** RFC 3339; null where the time is not known. */
  readonly time: string | null;
  readonly level: LogLevel;
  readonly code: string;
  readonly message: string;
  readonly enclave: string;
  /** Absent for lines of this host itself. */
  readonly service?: string;
  readonly fields?: Readonly<Record<string, unknown>>;
  /** For a line without a time: that of its neighbour, by which it is sorted; unix milliseconds. */
  readonly besideMs?: number;
}

/** One object of a JSON document or stream. */
export function lineFacts({ time, level, code, message, enclave, service, fields }: ShownLine): object {
  return {
    time,
    level,
    code,
    message,
    enclave,
    ...(service !== undefined && { service }),
    ...(fields !== undefined && Object.keys(fields).length > 0 && { fields }),
  };
}

/** `2026-11-21 10:15:47 app     | text`; `who` is as wide as the widest so far. */
export function lineText({ time, level, code, message, service, fields }: ShownLine, who: string): string {
  const at = time === null ? ' '.repeat(19) : time.slice(0, 19).replace('T', ' ');
  if (service === undefined)
    return `${at} ${who} | ${gravity(level)}${plain(code)} ${plain(message)}${fieldText(message, fields)}`;
  const record = logLineOf(message);
  if (record === undefined) return `${at} ${who} | ${plain(message)}`;
  return `${at} ${who} | ${gravity(record.level)}${plain(record.code)} ${plain(record.message)}`;
}

/** The level of a line: what it says itself, or a default by where it came from. */
export function levelOf({ level, message, service }: ShownLine): LogLevel {
  return service === undefined ? level : (logLineOf(message)?.level ?? level);
}

function gravity(level: string): string {
  return level === 'error' || level === 'warn' ? `${level.toUpperCase()} ` : '';
}

export function lineOfEvent({ time, level, code, message, enclave, fields }: ShimEvent): ShownLine {
  return { time, level, code, message, enclave, fields };
}

/** Fields for people: without those that the message repeats, that are empty, or that number events. */
function fieldText(message: string, fields: ShownLine['fields'] = {}): string {
  const said = (value: unknown): boolean =>
    value == null || (Array.isArray(value) ? value.every(said) : message.includes(String(value)));
  return Object.entries(fields)
    .filter(([name, value]) => name !== 'seq' && !said(value))
    .map(([name, value]) => ` ${plain(name)}=${plain(typeof value === 'string' ? value : JSON.stringify(value))}`)
    .join('');
}

/** Writes lines with their speakers below each other. */
export function createLineWriter(
  write: (text: string) => void,
  { json, speaker }: { readonly json: boolean; readonly speaker: (line: ShownLine) => string },
): (line: ShownLine) => void {
  let width = 0;
  return (line) => {
    if (json) {
      write(`${jsonText({ v: 1, ...lineFacts(line) })}\n`);
      return;
    }
    const who = plain(speaker(line));
    width = Math.max(width, who.length);
    write(`${lineText(line, who.padEnd(width))}\n`);
  };
}
