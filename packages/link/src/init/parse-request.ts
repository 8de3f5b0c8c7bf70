// A request out of JSON. Closed: an unknown verb or member is refused, and a value that could reach past what it names (a path as a
// service, a pid that means a group or everybody) never leaves this file.
import { describeJson, isJsonArray, isJsonObject, JsonNumber, type JsonValue } from '@caisson/core/config';
import { ParseError } from '@caisson/core/errors';
import { isServiceName, MAX_SIGNAL, SERVICE_LIMITS, SERVICE_NAME_RULE, signalNumber } from '@caisson/core/measured';
import type { InitSocketErrorCode } from './error-code.ts';
import { DEFAULT_LOG_LINES, type InitRequest, type InitVerb, MAX_LOG_LINES } from './messages.ts';

type ReadField = (value: JsonValue | undefined, at: string) => unknown;
type Fields = Readonly<Record<string, ReadField>>;

// Given: PID_MAX_LIMIT of Linux.
const mostPid = 4_194_304;
const mostU32 = 0xffffffff;

const name: ReadField = (value, at) => {
  const stem = typeof value === 'string' ? value.replace(/\.service$/, '') : '';
  if (!isServiceName(stem)) throw refused(at, `a service name (${SERVICE_NAME_RULE})`, value);
  return stem;
};
// 0 would be the supervisor's own group and -1 everybody.
const pid: ReadField = (value, at) => integer(value, at, 1, mostPid);
const signal: ReadField = (value, at) => {
  const word = value instanceof JsonNumber ? value.literal : value;
  const number = typeof word === 'string' ? signalNumber(word) : undefined;
  if (number === undefined) throw refused(at, `a signal by name or a number in 1..${MAX_SIGNAL}`, value);
  return number;
};
const word: ReadField = (value, at) => {
  if (typeof value !== 'string' || value === '' || value.includes('\0')) throw refused(at, 'text without NUL', value);
  if (value.length > SERVICE_LIMITS.wordCharacters) {
    throw refused(at, `text of at most ${SERVICE_LIMITS.wordCharacters} characters`, value);
  }
  return value;
};
const words: ReadField = (value, at) => {
  if (value === undefined) return [];
  if (!isJsonArray(value) || value.length > SERVICE_LIMITS.words) {
    throw refused(at, `an array of at most ${SERVICE_LIMITS.words} texts`, value);
  }
  return value.map((item, index) => (item === '' ? '' : word(item, `${at}[${index}]`)));
};
const lines: ReadField = (value, at) =>
  value === undefined ? DEFAULT_LOG_LINES : integer(value, at, 1, MAX_LOG_LINES);
const u32: ReadField = (value, at) => (value === undefined || value === null ? null : integer(value, at, 0, mostU32));

const one: Fields = { name };
const process: Fields = { pid };

/** In the order that JSON-RPC's positional params have. */
const verbs: Readonly<Record<InitVerb, Fields>> = {
  Ping: {},
  ListServices: {},
  ServiceStatus: one,
  ServiceStart: one,
  ServiceStop: one,
  ServiceRestart: one,
  ServiceEnable: one,
  ServiceDisable: one,
  ServiceLogs: { name, lines },
  ServiceLogsClear: one,
  ServiceLogsStream: { name, vsock_cid: u32, vsock_port: u32 },
  ServiceLogsStreamStop: one,
  ProcessList: {},
  ProcessStatus: process,
  ProcessStart: { command: word, args: words, env: words },
  ProcessStop: process,
  ProcessRestart: process,
  ProcessKill: { pid, signal },
  SystemStatus: {},
  SystemReload: {},
  SystemReboot: {},
  SystemShutdown: {},
};
export const INIT_VERBS = Object.keys(verbs) as readonly InitVerb[];
/** Given: the README of the reference calls it by the name of its answer. */
const aliases: Readonly<Record<string, InitVerb>> = { ServiceList: 'ListServices' };

/** The externally tagged form: `"Verb"` or `{"Verb":{...}}`. Throws ParseError INIT_SOCKET_REQUEST or INIT_SOCKET_METHOD. */
export function parseTaggedRequest(value: JsonValue): InitRequest {
  if (typeof value === 'string') return parseCall(value, undefined);
  if (isJsonObject(value) && value.size === 1) {
    for (const [verb, members] of value) return parseCall(verb, members);
  }
  throw refused('request', 'a verb, or an object with one verb as its only key', value);
}

/** `params`: an object, an array in the order of the fields, null or nothing. */
export function parseCall(verb: string, params: JsonValue | undefined): InitRequest {
  const known = Object.hasOwn(aliases, verb)
    ? aliases[verb]
    : Object.hasOwn(verbs, verb)
      ? (verb as InitVerb)
      : undefined;
  if (known === undefined) {
    throw new ParseError<InitSocketErrorCode>(
      'INIT_SOCKET_METHOD',
      `request must be one of ${INIT_VERBS.join(', ')}, got ${describeJson(verb)}`,
    );
  }
  const fields = verbs[known];
  const keys = Object.keys(fields);
  const members = membersOf(params, keys, known);
  for (const key of members.keys()) {
    if (!keys.includes(key)) throw refused(`${known} ${describeJson(key)}`, 'absent', members.get(key));
  }
  const read = keys.map((key) => [camel(key), fields[key]?.(members.get(key), `${known} ${key}`)]);
  return { verb: known, ...Object.fromEntries(read) } as InitRequest;
}

function membersOf(
  params: JsonValue | undefined,
  keys: readonly string[],
  verb: string,
): ReadonlyMap<string, JsonValue> {
  if (params === undefined || params === null) return new Map();
  if (isJsonObject(params)) return params;
  if (!isJsonArray(params) || params.length > keys.length) {
    throw refused(`${verb} params`, `an object, or an array of at most ${keys.length}`, params);
  }
  return new Map(params.map((value, index) => [keys[index] ?? '', value]));
}

function integer(value: JsonValue | undefined, at: string, least: number, most: number): number {
  const number = value instanceof JsonNumber ? value.unsigned : undefined;
  if (number === undefined || number < least || number > most)
    throw refused(at, `an integer in ${least}..${most}`, value);
  return number;
}

function refused(at: string, rule: string, got: JsonValue | undefined): ParseError<InitSocketErrorCode> {
  return new ParseError('INIT_SOCKET_REQUEST', `${at} must be ${rule}, got ${describeJson(got)}`);
}

function camel(key: string): string {
  return key.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
}
