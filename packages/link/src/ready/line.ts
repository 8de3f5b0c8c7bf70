// One line of the ready line, read and written. Written: never longer than the bound, whatever the reporter was told. Read: strict JSON
// with the members of docs/wire/ready.md and no other, because who writes it may be anybody; a code that is in no list is `unknown`.
import {
  describeJson,
  isJsonArray,
  isJsonObject,
  type JsonNumber,
  type JsonObject,
  type JsonValue,
  parseStrictJson,
} from '@caisson/core/config';
import { CaissonError, ParseError } from '@caisson/core/errors';
import type { ReadyErrorCode } from './error-code.ts';
import {
  MAX_READY_LINE_BYTES,
  MAX_READY_REASONS,
  MAX_WORDS_PARTS,
  type Phase,
  type ReadyMessage,
  type ReasonCode,
} from './messages.ts';
import { isBootId, isNameOfService, isWithin, readCode, readPhase, readReasons, type SeenReason } from './reason.ts';

export interface SeenState {
  readonly kind: 'state';
  readonly bootId: string;
  readonly phase: Phase;
  readonly uptimeMs: number;
  readonly configSha384: string | null;
  readonly profile: 'development' | 'production';
  readonly clock: string;
  readonly reasons: readonly SeenReason[];
  readonly more: number;
}

export interface SeenFinal {
  readonly kind: 'final';
  readonly exit: number;
  readonly code: ReasonCode | 'unknown';
}

/** One part of the last words of a service; `lines` or, in base64, a stretch of a sealed box. */
export interface SeenWordsPart {
  readonly kind: 'words';
  readonly service: string;
  readonly part: number;
  readonly parts: number;
  readonly content: { readonly lines: readonly string[] } | { readonly sealed: string };
}

export type SeenMessage = SeenState | SeenFinal | SeenWordsPart;

/** With its newline. */
export function formatReadyLine(message: ReadyMessage): string {
  return `${JSON.stringify(message)}\n`;
}

/** `line` without its newline. Throws ParseError READY_LINE_FORM. */
export function parseReadyLine(line: Uint8Array): SeenMessage {
  const root = readObject(line);
  if (!isWithin(root.get('v'), 1, 1)) throw fault(`v must be 1, got ${describeJson(root.get('v'))}`);
  if (root.has('words')) return readWords(root);
  return root.has('final') ? readFinal(root) : readState(root);
}

function readObject(line: Uint8Array): JsonObject {
  let root: JsonValue;
  try {
    root = parseStrictJson(line, { maxBytes: MAX_READY_LINE_BYTES, maxDepth: 3 });
  } catch (cause) {
    if (!(cause instanceof CaissonError)) throw cause;
    throw fault(cause.message, cause);
  }
  if (!isJsonObject(root)) throw fault(`must be an object, got ${describeJson(root)}`);
  return root;
}

const stateKeys = ['v', 'bootId', 'phase', 'uptimeMs', 'configSha384', 'profile', 'clock', 'reasons', 'more'];

function readState(root: JsonObject): SeenState {
  closeKeys(root, stateKeys, '');
  const more = root.get('more');
  const digest = root.get('configSha384');
  return {
    kind: 'state',
    bootId: need(root, 'bootId', isBootId, '32 hex digits'),
    phase: readPhase(root.get('phase')) ?? refuse(root, 'phase', 'a phase'),
    uptimeMs: integer(root, 'uptimeMs', 0, Number.MAX_SAFE_INTEGER),
    configSha384: digest === undefined ? null : need(root, 'configSha384', isSha384, '96 hex digits'),
    profile: need(root, 'profile', isProfile, 'development or production'),
    clock: need(root, 'clock', isClock, '1..32 of a-z, 0-9, - and _'),
    reasons: readReasons(list(root, 'reasons', MAX_READY_REASONS)),
    more: more === undefined ? 0 : integer(root, 'more', 1, 65_535),
  };
}

function readFinal(root: JsonObject): SeenFinal {
  closeKeys(root, ['v', 'final', 'exit', 'code'], '');
  if (root.get('final') !== true) refuse(root, 'final', 'true');
  return { kind: 'final', exit: integer(root, 'exit', 0, 255), code: readCode(root.get('code')) };
}

function readWords(root: JsonObject): SeenWordsPart {
  closeKeys(root, ['v', 'words'], '');
  const words = root.get('words');
  if (!isJsonObject(words)) throw fault(`words must be an object, got ${describeJson(words)}`);
  const isSealed = words.has('sealed');
  closeKeys(words, ['service', 'part', 'parts', isSealed ? 'sealed' : 'lines'], 'words.');
  const parts = integer(words, 'parts', 1, MAX_WORDS_PARTS);
  return {
    kind: 'words',
    service: need(words, 'service', isNameOfService, 'the name of a service'),
    part: integer(words, 'part', 0, parts - 1),
    parts,
    content: isSealed
      ? { sealed: need(words, 'sealed', isBase64, 'base64') }
      : { lines: list(words, 'lines', MAX_READY_LINE_BYTES).map(readText) },
  };
}

function readText(value: JsonValue): string {
  if (typeof value === 'string') return value;
  throw fault(`words.lines must hold text, got ${describeJson(value)}`);
}

function closeKeys(object: JsonObject, known: readonly string[], where: string): void {
  for (const key of object.keys()) {
    if (!known.includes(key)) throw fault(`${where}${JSON.stringify(key).slice(0, 60)} is no member of it`);
  }
}

function need<Text extends string>(
  object: JsonObject,
  key: string,
  holds: (value: unknown) => value is Text,
  rule: string,
): Text {
  const value = object.get(key);
  return holds(value) ? value : refuse(object, key, rule);
}

function integer(object: JsonObject, key: string, least: number, most: number): number {
  const value = object.get(key);
  if (!isWithin(value, least, most)) refuse(object, key, `an integer in ${least}..${most}`);
  return Number((value as JsonNumber).literal);
}

function list(object: JsonObject, key: string, most: number): readonly JsonValue[] {
  const value = object.get(key);
  return isJsonArray(value) && value.length <= most ? value : refuse(object, key, `an array of at most ${most}`);
}

const isSha384 = (value: unknown): value is string => typeof value === 'string' && /^[0-9a-f]{96}$/.test(value);
const isClock = (value: unknown): value is string => typeof value === 'string' && /^[a-z0-9_-]{1,32}$/.test(value);
const isProfile = (value: unknown): value is 'development' | 'production' =>
  value === 'development' || value === 'production';
const isBase64 = (value: unknown): value is string =>
  typeof value === 'string' && value.length > 0 && /^[A-Za-z0-9+/]+={0,2}$/.test(value);

function refuse(object: JsonObject, key: string, rule: string): never {
  throw fault(`${key} must be ${rule}, got ${describeJson(object.get(key))}`);
}

function fault(rule: string, cause?: unknown): ParseError<ReadyErrorCode> {
  return new ParseError('READY_LINE_FORM', `ready line: ${rule}`, cause === undefined ? {} : { cause });
}
