// The dated list of operators (docs/wire/control.md): one COSE_Sign1 of the root key that an image measures, over who may do what, for which image,
// from when and for at most seven days. A stolen operator key is worth as much time as the list has left.
import type { webcrypto } from 'node:crypto';
import { equalBytes, parseHex, toHex } from '@caisson/core/bytes';
import { type CborValue, decodeCbor, encodeCbor } from '@caisson/core/cbor';
import type { ConfigTarget } from '@caisson/core/config';
import {
  COSE_ALGORITHM,
  type CoseSign1,
  parseCoseSign1,
  signCoseSign1Ed25519,
  verifyCoseSign1Ed25519,
} from '@caisson/core/cose';
import { CaissonError, ParseError, VerificationError } from '@caisson/core/errors';
import {
  type MeasuredOperator,
  OPERATOR_LIMITS,
  parseMeasuredOperators,
  writeMeasuredOperators,
} from '@caisson/core/measured';
import type { ControlErrorCode } from './error-code.ts';
import { sha256 } from './identity.ts';

export interface OperatorList {
  /** Whole number; an enclave that has one takes only a higher one. */
  readonly version: number;
  /** Unix seconds; at most seven days apart. */
  readonly notBefore: number;
  readonly notAfter: number;
  readonly target: ConfigTarget;
  readonly operators: readonly MeasuredOperator[];
}

/** Parsed and not verified: nothing in it may be believed. */
export interface UnverifiedOperatorList extends OperatorList {
  readonly cose: CoseSign1;
}

// Given: docs/wire/control.md.
const purpose = 'caisson-operators/1';
export const MAX_LIST_SECONDS = 7 * 86_400;
// Given: docs/wire/boot-config.md has them beside a config; 64 operators with templates fit.
export const MAX_OPERATOR_LIST_BYTES = 65_536;

/** `key`: the Ed25519 private key of `spki`. Throws ParseError CONTROL_LIST_FORM for a list that no enclave would take. */
export async function signOperatorList(
  list: OperatorList,
  key: webcrypto.CryptoKey,
  spki: Uint8Array,
): Promise<Uint8Array<ArrayBuffer>> {
  const payload = encodePayload(list);
  readPayload(payload);
  const signed = await signCoseSign1Ed25519(payload, key, sha256(spki));
  if (signed.length > MAX_OPERATOR_LIST_BYTES)
    throw form('list', `at most ${MAX_OPERATOR_LIST_BYTES} bytes`, signed.length);
  return signed;
}

/** Throws ParseError CONTROL_LIST_FORM. */
export function parseOperatorList(bytes: Uint8Array): UnverifiedOperatorList {
  let cose: CoseSign1;
  try {
    cose = parseCoseSign1(bytes, {
      algorithm: COSE_ALGORITHM.edDsa,
      signatureBytes: 64,
      keyIdBytes: 32,
      maxPayloadBytes: MAX_OPERATOR_LIST_BYTES,
      maxBytes: MAX_OPERATOR_LIST_BYTES,
    });
  } catch (cause) {
    throw form('list', 'one COSE_Sign1 with EdDSA and a key id', 'something else', { cause });
  }
  return { cose, ...readPayload(cose.payload) };
}

/** Rejects with VerificationError CONTROL_LIST_SIGNATURE unless `rootSpki` is the key that it names and that signed it. */
export async function verifyOperatorList(bytes: Uint8Array, rootSpki: Uint8Array): Promise<OperatorList> {
  const { cose, ...list } = parseOperatorList(bytes);
  try {
    if (!equalBytes(cose.keyId!, sha256(rootSpki))) throw new Error('it names another key');
    await verifyCoseSign1Ed25519(cose, rootSpki);
  } catch (cause) {
    throw new VerificationError<ControlErrorCode>(
      'CONTROL_LIST_SIGNATURE',
      `operator list of version ${list.version} must be signed by the root key of the image, got another signature`,
      { cause },
    );
  }
  return list;
}

function encodePayload({ version, notBefore, notAfter, target, operators }: OperatorList): Uint8Array {
  return encodeCbor(
    new Map<number, CborValue>([
      [1, purpose],
      [2, version],
      [3, notBefore],
      [4, notAfter],
      [5, target.kind === 'label' ? target.label : [...target.values]],
      [6, operators.map(encodeOperator)],
    ]),
  );
}

function encodeOperator({ name, spkiSha256, verbs, execTemplates }: MeasuredOperator): CborValue {
  const templates = execTemplates.map((words) => [...words]);
  return new Map<number, CborValue>([
    [1, name],
    [2, parseHex(spkiSha256)],
    [3, [...verbs]],
    [4, templates],
  ]);
}

function readPayload(payload: Uint8Array): OperatorList {
  let map: CborValue;
  try {
    map = decodeCbor(payload, { maxBytes: MAX_OPERATOR_LIST_BYTES });
  } catch (cause) {
    throw form('payload', 'strict CBOR', 'something else', { cause });
  }
  if (!(map instanceof Map) || map.size !== 6) throw form('payload', 'a map of the keys 1 to 6', 'something else');
  if (map.get(1) !== purpose) throw form('purpose', JSON.stringify(purpose), 'another');
  const [version, notBefore, notAfter] = [2, 3, 4].map((key) => countOf(map.get(key))) as [number, number, number];
  if (notAfter <= notBefore || notAfter - notBefore > MAX_LIST_SECONDS) {
    throw form('not-after', `1..${MAX_LIST_SECONDS} s after not-before`, notAfter - notBefore);
  }
  return { version, notBefore, notAfter, target: targetOf(map.get(5)), operators: operatorsOf(map.get(6)) };
}

function targetOf(value: CborValue | undefined): ConfigTarget {
  if (typeof value === 'string' && /^[!-~](?:[ -~]{0,126}[!-~])?$/.test(value)) return { kind: 'label', label: value };
  const isPcr = (one: CborValue): one is Uint8Array =>
    one instanceof Uint8Array && one.length === 48 && one.some((byte) => byte !== 0);
  if (Array.isArray(value) && value.length >= 1 && value.length <= 64 && value.every(isPcr)) {
    return { kind: 'pcr0', values: value as Uint8Array[] };
  }
  throw form('target', '1..64 PCR0 values of 48 bytes that are not all zero, or a label', 'something else');
}

/** By the rules of the measured file: an operator is the same thing in both. */
function operatorsOf(value: CborValue | undefined): readonly MeasuredOperator[] {
  const list: readonly CborValue[] = Array.isArray(value) ? value : [];
  if (list.length < 1 || list.length > OPERATOR_LIMITS.operators) {
    throw form('operators', `1..${OPERATOR_LIMITS.operators} operators`, list.length);
  }
  const operators = list.map((one): MeasuredOperator => {
    const fields = one instanceof Map && one.size === 4 ? one : new Map();
    const [name, hash, verbs, execTemplates] = [1, 2, 3, 4].map((key) => fields.get(key));
    if (!(hash instanceof Uint8Array))
      throw form('operator', 'a map of name, key hash, verbs and templates', 'another');
    return { name, spkiSha256: toHex(hash), verbs, execTemplates } as MeasuredOperator;
  });
  try {
    return parseMeasuredOperators(writeMeasuredOperators({ v: 1, rootKey: null, threshold: 1, operators })).operators;
  } catch (cause) {
    if (!(cause instanceof CaissonError))
      throw form('operators', 'of the form of the measured file', 'another', { cause });
    throw new ParseError<ControlErrorCode>('CONTROL_LIST_FORM', `operator list: ${cause.message}`, { cause });
  }
}

function countOf(value: CborValue | undefined): number {
  if (typeof value === 'number' && value >= 0) return value;
  throw form('version and dates', 'whole numbers', 'something else');
}

function form(what: string, rule: string, got: string | number, options: { readonly cause?: unknown } = {}) {
  return new ParseError<ControlErrorCode>(
    'CONTROL_LIST_FORM',
    `operator list ${what} must be ${rule}, got ${got}`,
    options,
  );
}
