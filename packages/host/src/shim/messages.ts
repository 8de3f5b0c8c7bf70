// What is said on a shim's socket (docs/wire/state.md): the message channel, JSON in every payload. A verb is a word and not a number, so that a shim
// of another build can refuse one by its name.
import { CaissonError, ParseError } from '@caisson/core/errors';
import type { RecordedState } from '../record/index.ts';
import type { ShimEvent, ShimStats } from './client-interface.ts';
import type { ShimErrorCode } from './error-code.ts';

// Given by docs/wire/state.md.
export const shimType = { hello: 32, ask: 33, follow: 34 } as const;
export const ASK_VERBS = ['status', 'stats', 'stop', 'kill', 'restart'] as const;
export const FOLLOW_VERBS = ['events', 'console'] as const;
export type AskVerb = (typeof ASK_VERBS)[number];
export type FollowVerb = (typeof FOLLOW_VERBS)[number];

// Chosen.
const maxMessageBytes = 1 << 20;

export interface ShimHello {
  readonly v: 1;
  readonly protocol: number;
  readonly version: string;
  readonly name: string;
  readonly pid: number;
}

export interface ShimAsk {
  readonly verb: string;
  readonly graceMs?: number;
  readonly sinceMs?: number;
  readonly follow?: boolean;
}

export type ShimAnswer = RecordedState | ShimStats;

export function encodeMessage(value: ShimHello | ShimAsk | ShimAnswer | ShimEvent): Uint8Array {
  return Buffer.from(JSON.stringify(value));
}

/** Both ends are this user's own programs; the form is checked because they may be of different builds. Throws ParseError SHIM_PROTOCOL. */
export function parseMessage(bytes: Uint8Array, what: string): Readonly<Record<string, unknown>> {
  try {
    if (bytes.length > maxMessageBytes) throw new Error(`it has ${bytes.length} bytes, at most ${maxMessageBytes}`);
    const value: unknown = JSON.parse(Buffer.from(bytes).toString());
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
    throw new Error('it is no object');
  } catch (cause) {
    throw new ParseError<ShimErrorCode>('SHIM_PROTOCOL', `${what} must be a JSON object: ${(cause as Error).message}`, {
      cause,
    });
  }
}

/** Throws ParseError SHIM_PROTOCOL. */
export function parseHello(bytes: Uint8Array): ShimHello {
  const value = parseMessage(bytes, 'hello of a shim');
  const { protocol, version, name, pid } = value;
  if (
    typeof protocol === 'number' &&
    typeof version === 'string' &&
    typeof name === 'string' &&
    typeof pid === 'number'
  )
    return { v: 1, protocol, version, name, pid };
  throw new ParseError<ShimErrorCode>('SHIM_PROTOCOL', 'hello of a shim must say protocol, version, name and pid');
}

/** Throws ParseError SHIM_PROTOCOL. */
export function parseAsk(bytes: Uint8Array): ShimAsk {
  const { verb, graceMs, sinceMs, follow } = parseMessage(bytes, 'request to a shim');
  if (typeof verb !== 'string')
    throw new ParseError<ShimErrorCode>('SHIM_PROTOCOL', 'request to a shim must have a verb');
  return {
    verb: verb.slice(0, 64),
    ...(isTime(graceMs) && { graceMs }),
    ...(isTime(sinceMs) && { sinceMs }),
    follow: follow === true,
  };
}

function isTime(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0;
}

export function unknownVerb(verb: string, known: readonly string[]): CaissonError<ShimErrorCode> {
  const message = `shim knows no verb ${JSON.stringify(verb)}, it knows ${known.join(', ')}`;
  return new CaissonError('SHIM_VERB', message, { safe: message });
}
