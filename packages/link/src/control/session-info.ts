// What an enclave tells an operator about his session: who he is to it, what he may do, and whether it is ready.
import { type CborValue, decodeCbor, encodeCbor } from '@caisson/core/cbor';
import { ParseError } from '@caisson/core/errors';
import { PHASES, type Phase } from '../ready/messages.ts';
import type { ControlErrorCode } from './error-code.ts';

export interface SessionInfo {
  readonly operator: string;
  readonly verbs: readonly string[];
  /** Operators whose approval a dangerous verb needs; 1: the session is enough. */
  readonly threshold: number;
  /** Of the operator list in force; null: none. */
  readonly listVersion: number | null;
  readonly phase: Phase;
}

// Chosen: 64 verbs of 64 characters fit.
const maxBytes = 8_192;

export function encodeSessionInfo(info: SessionInfo): Uint8Array {
  return encodeCbor(
    new Map<number, CborValue>([
      [1, info.operator],
      [2, [...info.verbs]],
      [3, info.threshold],
      [4, info.listVersion],
      [5, info.phase],
    ]),
  );
}

/** Throws ParseError CONTROL_MESSAGE. */
export function parseSessionInfo(bytes: Uint8Array): SessionInfo {
  const map = decodeCbor(bytes, { maxBytes, maxDepth: 3 });
  if (!(map instanceof Map)) throw wrong('a map');
  const [operator, verbs, threshold, listVersion] = [map.get(1), map.get(2), map.get(3), map.get(4)];
  const phase = PHASES.find((one) => one === map.get(5));
  if (typeof operator !== 'string') throw wrong('a map with the name of the operator');
  if (!Array.isArray(verbs) || !verbs.every((one) => typeof one === 'string')) throw wrong('a map with verbs');
  if (typeof threshold !== 'number') throw wrong('a map with a threshold');
  if (listVersion !== null && typeof listVersion !== 'number') throw wrong('a map with a list version');
  if (phase === undefined) throw wrong('a map with a phase');
  return { operator, verbs: verbs as string[], threshold, listVersion, phase };
}

function wrong(rule: string): ParseError<ControlErrorCode> {
  return new ParseError('CONTROL_MESSAGE', `session info must be ${rule}, got something else`);
}
