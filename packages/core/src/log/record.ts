// One event in the log, and its three forms on a line.
import { plain, quote } from './escape.ts';
import { LOG_LEVELS, type LogLevel } from './level.ts';

/** Undefined fields are left out. */
export interface LogFields {
  readonly [name: string]: string | number | boolean | undefined;
}

export interface LogRecord {
  /** Unix milliseconds. */
  readonly timeMs: number;
  readonly level: LogLevel;
  readonly code: string;
  readonly message: string;
  readonly enclave: string | undefined;
  readonly service: string | undefined;
  readonly fields: LogFields;
}

/** A log line that was read: whoever wrote it is not trusted. */
export interface LogLine {
  /** RFC 3339. */
  readonly time: string;
  readonly level: LogLevel;
  readonly code: string;
  readonly message: string;
}

/** Undefined for text that is no line of ours (docs/wire/log.md); a level that nobody knows is `info`. Never throws. */
export function logLineOf(text: string): LogLine | undefined {
  if (!text.startsWith('{"time":')) return undefined;
  try {
    const { time, level, code, message } = JSON.parse(text) as Partial<Record<string, unknown>>;
    if (![time, level, code, message].every((one) => typeof one === 'string')) return undefined;
    if (Number.isNaN(Date.parse(String(time)))) return undefined;
    const known = LOG_LEVELS.find((one) => one === level) ?? 'info';
    return { time: String(time), level: known, code: String(code), message: String(message) };
  } catch {
    return undefined;
  }
}

/** `argonaut`: Go's standard logger, which readers of that program's output expect. */
export type LogFormat = 'json' | 'people' | 'argonaut';

const hidden = '[redacted]';
const secretName = /passw|pass.?phrase|token|secret|private.?key|api.?key|authorization|credential|cookie/i;

/** Without its newline. `colour` is for `people` only. */
export function formatRecord(record: LogRecord, format: LogFormat, colour: boolean): string {
  switch (format) {
    case 'json':
      return formatJson(record);
    case 'people':
      return formatPeople(record, colour);
    case 'argonaut':
      return formatArgonaut(record);
  }
}

// docs/wire/log.md: the members and their order. Written piece by piece, because a field may be called __proto__.
function formatJson({ timeMs, level, code, message, enclave, service, fields }: LogRecord): string {
  const members = [
    `"time":${quote(rfc3339(timeMs))}`,
    `"level":"${level}"`,
    `"code":${quote(code)}`,
    `"message":${quote(message)}`,
  ];
  if (enclave !== undefined) members.push(`"enclave":${quote(enclave)}`);
  if (service !== undefined) members.push(`"service":${quote(service)}`);
  const written = visible(fields).map(([name, value]) => `${quote(name)}:${jsonValue(value)}`);
  if (written.length > 0) members.push(`"fields":{${written.join(',')}}`);
  return `{${members.join(',')}}`;
}

// JSON has no NaN and no infinities; null would hide which it was.
function jsonValue(value: string | number | boolean): string {
  return typeof value === 'string' || !Number.isFinite(Number(value)) ? quote(String(value)) : String(value);
}

// Given: ECMA-48 SGR.
const colours: Readonly<Record<LogLevel, string>> = { error: '31', warn: '33', info: '36', debug: '2', trace: '2' };

function formatPeople({ timeMs, level, message, enclave, service, fields }: LogRecord, colour: boolean): string {
  const label = level.toUpperCase().padEnd(5);
  const shown = colour ? `\u001b[${colours[level]}m${label}\u001b[0m` : label;
  const source = [enclave, service].filter((name) => name !== undefined).map(plain);
  const prefix = source.length === 0 ? '' : `${source.join('/')}: `;
  return [rfc3339(timeMs), shown, prefix + plain(message), ...pairs(fields)].join(' ');
}

// Given: Go's log package with its default flags, Ldate | Ltime.
function formatArgonaut({ timeMs, message, enclave, service, fields }: LogRecord): string {
  const time = rfc3339(timeMs).slice(0, 19).replace('T', ' ').replaceAll('-', '/');
  return [time, plain(message), ...pairs({ enclave, service }), ...pairs(fields)].join(' ');
}

function pairs(fields: LogFields): string[] {
  return visible(fields).map(([name, value]) => `${bare(name)}=${bare(String(value))}`);
}

/** Quoted unless it is one plain word: a value with a space and an equals sign would look like two fields. */
function bare(text: string): string {
  return /^[\w.:/@%+,[\]-]+$/.test(text) && text.length <= 256 ? text : quote(text);
}

function visible(fields: LogFields): (readonly [string, string | number | boolean])[] {
  return Object.entries(fields)
    .filter((entry): entry is [string, string | number | boolean] => entry[1] !== undefined)
    .map(([name, value]) => [name, secretName.test(name) ? hidden : value] as const);
}

function rfc3339(timeMs: number): string {
  return new Date(timeMs).toISOString();
}
