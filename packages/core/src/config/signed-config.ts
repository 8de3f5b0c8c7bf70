// A signed config (docs/wire/boot-config.md): one COSE_Sign1 of an operator over the config, what image it is for, its version and its last day.
// The whole envelope is what PCR16 is over, so a relying party that knows the bytes knows all of that.
import { equalBytes, toUtf8 } from '../bytes/index.ts';
import { type CborKey, type CborValue, decodeCbor, encodeCbor } from '../cbor/index.ts';
import {
  COSE_ALGORITHM,
  type CoseSign1,
  parseCoseSign1,
  type SigningKey,
  signCoseSign1Ed25519,
  verifyCoseSign1Ed25519,
} from '../cose/index.ts';
import { CaissonError, LimitError, ParseError, VerificationError } from '../errors/index.ts';
import { MAX_CONFIG_BYTES } from './argonaut-config.ts';
import type { ConfigErrorCode } from './error-code.ts';

/** Which images may take it: by PCR0, 48 bytes each, or by the label that an image measures. */
export type ConfigTarget =
  | { readonly kind: 'pcr0'; readonly values: readonly Uint8Array[] }
  | { readonly kind: 'label'; readonly label: string };

export interface SignedConfigContent {
  /** Whole number; an image refuses less than its minimum. */
  readonly version: number;
  /** Unix seconds; refused at and after it. */
  readonly notAfter: number;
  readonly target: ConfigTarget;
  readonly config: Uint8Array;
  /** A COSE_Sign1 of the operators' root key. */
  readonly operators: Uint8Array | null;
}

/** Parsed and not verified: nothing in it may be believed. */
export interface UnverifiedSignedConfig extends SignedConfigContent {
  readonly cose: CoseSign1;
  /** SHA-256 of the SubjectPublicKeyInfo that shall have signed. */
  readonly keyId: Uint8Array;
}

// Given: docs/wire/boot-config.md.
const context = 'caisson-config/1';
const keyIdBytes = 32;
const signatureBytes = 64;
const pcrBytes = 48;
// Chosen.
const maxTargets = 64;
const maxLabelCharacters = 128;
const maxOperatorsBytes = 65_536;

/** True for what begins as a COSE_Sign1 does, tagged or not; a JSON object never does. */
export function isSignedConfig(bytes: Uint8Array): boolean {
  return bytes[0] === 0x84 || bytes[0] === 0xd2;
}

/** `key` is the Ed25519 private key of `spki`. Throws ParseError CONFIG_SIGNED_FIELD or LimitError CONFIG_TOO_LARGE. */
export async function signConfig(
  content: SignedConfigContent,
  key: SigningKey,
  spki: Uint8Array,
): Promise<Uint8Array<ArrayBuffer>> {
  const payload = encodePayload(content);
  requireSize(payload.length);
  readPayload(payload);
  const signed = await signCoseSign1Ed25519(payload, key, await keyIdOf(spki));
  requireSize(signed.length);
  return signed;
}

/** Throws ParseError CONFIG_SIGNED_FORM or CONFIG_SIGNED_FIELD, LimitError CONFIG_TOO_LARGE. */
export function parseSignedConfig(bytes: Uint8Array): UnverifiedSignedConfig {
  requireSize(bytes.length);
  const cose = readCose(bytes, MAX_CONFIG_BYTES, 'signed config');
  return { cose, keyId: cose.keyId!, ...readPayload(cose.payload) };
}

/** Rejects with VerificationError CONFIG_SIGNATURE unless one of `spkis` (DER) is named by it and signed it. Resolves with that key. */
export async function verifySignedConfig(
  { cose, keyId }: UnverifiedSignedConfig,
  spkis: readonly Uint8Array[],
): Promise<Uint8Array> {
  for (const spki of spkis) {
    if (!equalBytes(await keyIdOf(spki), keyId)) continue;
    try {
      await verifyCoseSign1Ed25519(cose, spki);
    } catch (cause) {
      throw new VerificationError<ConfigErrorCode>(
        'CONFIG_SIGNATURE',
        `signed config must be signed by the key it names, got another signature`,
        { cause },
      );
    }
    return spki;
  }
  throw new VerificationError<ConfigErrorCode>(
    'CONFIG_SIGNATURE',
    `signed config must name one of the ${spkis.length} keys of the image, got another`,
  );
}

async function keyIdOf(spki: Uint8Array): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.digest('SHA-256', Uint8Array.from(spki)));
}

function encodePayload({ version, notAfter, target, config, operators }: SignedConfigContent): Uint8Array {
  const entries: readonly (readonly [number, CborValue])[] = [
    [1, context],
    [2, version],
    [3, notAfter],
    [4, target.kind === 'label' ? target.label : target.values],
    [5, config],
    [6, operators],
  ];
  return encodeCbor(new Map(entries));
}

function readCose(bytes: Uint8Array, maxBytes: number, what: string): CoseSign1 {
  try {
    return parseCoseSign1(bytes, {
      algorithm: COSE_ALGORITHM.edDsa,
      signatureBytes,
      keyIdBytes,
      maxPayloadBytes: maxBytes,
      maxBytes,
    });
  } catch (cause) {
    if (!(cause instanceof CaissonError)) throw cause;
    throw new ParseError<ConfigErrorCode>('CONFIG_SIGNED_FORM', `${what}: ${cause.message}`, { cause });
  }
}

function readPayload(payload: Uint8Array): SignedConfigContent {
  let map: CborValue;
  try {
    map = decodeCbor(payload, { maxBytes: MAX_CONFIG_BYTES });
  } catch (cause) {
    throw new ParseError<ConfigErrorCode>('CONFIG_SIGNED_FORM', 'signed config payload must be strict CBOR', { cause });
  }
  if (!(map instanceof Map) || map.size !== 6) throw wrong('payload', 'a map of the keys 1 to 6', map);
  const fields: ReadonlyMap<CborKey, CborValue> = map;
  if (fields.get(1) !== context) throw wrong('context', JSON.stringify(context), fields.get(1));
  const operators = fields.get(6);
  if (operators !== null) checkOperators(operators);
  return {
    version: numberOf('version', fields.get(2)),
    notAfter: numberOf('not-after', fields.get(3)),
    target: targetOf(fields.get(4)),
    config: bytesOf('config', fields.get(5), MAX_CONFIG_BYTES),
    operators: operators === null ? null : bytesOf('operators', operators, maxOperatorsBytes),
  };
}

/** By shape only: whose signature counts is decided where operators are. */
function checkOperators(value: CborValue | undefined): void {
  readCose(bytesOf('operators', value, maxOperatorsBytes), maxOperatorsBytes, 'signed config operators');
}

function targetOf(value: CborValue | undefined): ConfigTarget {
  if (typeof value === 'string') {
    if (/^[!-~](?:[ -~]*[!-~])?$/.test(value) && value.length <= maxLabelCharacters)
      return { kind: 'label', label: value };
    throw wrong('target', `a label of 1..${maxLabelCharacters} printable characters`, value);
  }
  const values: readonly CborValue[] = Array.isArray(value) ? value : [];
  if (values.length < 1 || values.length > maxTargets)
    throw wrong('target', `1..${maxTargets} PCR0 values or a label`, value);
  return {
    kind: 'pcr0',
    values: values.map((pcr) => {
      const bytes = bytesOf('target', pcr, pcrBytes);
      // An enclave in debug mode measures nothing: its zeros would be every debug enclave's.
      if (bytes.length !== pcrBytes || bytes.every((byte) => byte === 0)) {
        throw wrong('target', `PCR0 values of ${pcrBytes} bytes that are not all zero`, pcr);
      }
      return bytes;
    }),
  };
}

function numberOf(name: string, value: CborValue | undefined): number {
  if (typeof value === 'number' && value >= 0) return value;
  throw wrong(name, 'an integer in 0..2^53-1', value);
}

function bytesOf(name: string, value: CborValue | undefined, maxBytes: number): Uint8Array {
  if (value instanceof Uint8Array && value.length > 0 && value.length <= maxBytes) return value;
  throw wrong(name, `1..${maxBytes} bytes`, value);
}

function requireSize(length: number): void {
  if (length <= MAX_CONFIG_BYTES) return;
  throw new LimitError<ConfigErrorCode>(
    'CONFIG_TOO_LARGE',
    `signed config must have at most ${MAX_CONFIG_BYTES} bytes with its envelope, got ${length}`,
  );
}

function wrong(name: string, rule: string, got: CborValue | undefined): ParseError<ConfigErrorCode> {
  const kind =
    got instanceof Uint8Array
      ? `${got.length} bytes`
      : typeof got === 'number' || typeof got === 'bigint' || got === null
        ? String(got)
        : typeof got;
  return new ParseError('CONFIG_SIGNED_FIELD', `signed config ${name} must be ${rule}, got ${kind}`);
}

/** The text whose hash stands in PCR16 of an enclave that booted without a config (docs/wire/boot-config.md). */
export const NO_CONFIG: Uint8Array = toUtf8('caisson/no-config/1');
