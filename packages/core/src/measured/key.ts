// Public keys in measured files: SubjectPublicKeyInfo in base64, of the one algorithm that its place is for.
import { parseBase64, toHex } from '../bytes/index.ts';
import type { JsonValue } from '../config/index.ts';
import { measuredFault, textOf } from './shape.ts';

// Given: RFC 8410 section 4 and 10.3: a SEQUENCE of the algorithm's OID and 32 bytes of key, one encoding only.
const prefixes = { Ed25519: '302a300506032b6570032100', X25519: '302a300506032b656e032100' } as const;
const spkiBytes = 44;

export type MeasuredKeyAlgorithm = keyof typeof prefixes;

export function isSpkiOf(algorithm: MeasuredKeyAlgorithm, spki: Uint8Array): boolean {
  return spki.length === spkiBytes && toHex(spki.subarray(0, 12)) === prefixes[algorithm];
}

/** The text itself, once it is known to hold such a key. */
export function keyOf(value: JsonValue, path: string, algorithm: MeasuredKeyAlgorithm): string {
  const text = textOf(value, path, 128);
  let spki: Uint8Array;
  try {
    spki = parseBase64(text);
  } catch {
    throw measuredFault(path, `base64 of an ${algorithm} SubjectPublicKeyInfo`, value);
  }
  if (isSpkiOf(algorithm, spki)) return text;
  throw measuredFault(path, `base64 of an ${algorithm} SubjectPublicKeyInfo of ${spkiBytes} bytes`, value);
}
