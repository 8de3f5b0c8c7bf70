// What ties a document to one TLS session (docs/wire/control.md): user_data names the exporter of the session, the keys of both its ends, and the state
// of the enclave. The exporter alone is the same on both ends, so a reflected document would pass; a key hash alone says nothing of
// the session. Only all of them together, under a fresh nonce, say: this document was made for this session by its other end.
import { equalBytes, toUtf8 } from '@caisson/core/bytes';
import { type CborValue, decodeCbor, encodeCbor } from '@caisson/core/cbor';
import { VerificationError } from '@caisson/core/errors';
import type { ImageProfile } from '@caisson/core/measured';
import type { ControlErrorCode } from './error-code.ts';

/** What the enclave says of itself, besides the session. */
export interface EnclaveFacts {
  /** 16 bytes. */
  readonly bootId: Uint8Array;
  /** Of a signed config; null: unsigned or none. */
  readonly configVersion: number | null;
  /** 48 bytes: what PCR16 was extended with. */
  readonly configSha384: Uint8Array;
  /** A whole number where the image's version is one, else its text. */
  readonly imageVersion: number | string;
  readonly profile: ImageProfile;
}

export interface SessionBinding {
  /** 48 bytes. */
  readonly exporterSha384: Uint8Array;
  /** 32 bytes each, of the SubjectPublicKeyInfo in DER. */
  readonly serverKeySha256: Uint8Array;
  readonly clientKeySha256: Uint8Array;
}

// Given: docs/wire/control.md.
const prefix = toUtf8('CAISSON\0');
const purpose = 'caisson-control/1';
const maxUserDataBytes = 512;

export function encodeBinding(session: SessionBinding, facts: EnclaveFacts): Uint8Array<ArrayBuffer> {
  const body = encodeCbor(
    new Map<number, CborValue>([
      [1, purpose],
      [2, session.exporterSha384],
      [3, session.serverKeySha256],
      [4, session.clientKeySha256],
      [5, facts.bootId],
      [6, facts.configVersion],
      [7, facts.configSha384],
      [8, facts.imageVersion],
      [9, facts.profile],
    ]),
  );
  const userData = new Uint8Array(prefix.length + body.length);
  userData.set(prefix);
  userData.set(body, prefix.length);
  return userData;
}

/** Throws VerificationError CONTROL_BINDING unless `userData` was written for `session`, of which both ends know the same. */
export function verifyBinding(userData: Uint8Array | undefined, session: SessionBinding): EnclaveFacts {
  const fields = mapOf(userData);
  if (fields.get(1) !== purpose) throw unbound('purpose', `${JSON.stringify(purpose)}`);
  requireEqual(fields.get(2), session.exporterSha384, 'exporter hash', 'this TLS session');
  requireEqual(fields.get(3), session.serverKeySha256, 'server key hash', 'the key of this TLS session');
  requireEqual(fields.get(4), session.clientKeySha256, 'client key hash', "this operator's key");
  const [bootId, configVersion, configSha384] = [fields.get(5), fields.get(6), fields.get(7)];
  const [imageVersion, profile] = [fields.get(8), fields.get(9)];
  if (!(bootId instanceof Uint8Array) || bootId.length !== 16) throw unbound('boot id', '16 bytes');
  if (configVersion !== null && !isCount(configVersion)) throw unbound('config version', 'a whole number or null');
  if (!(configSha384 instanceof Uint8Array) || configSha384.length !== 48) throw unbound('config hash', '48 bytes');
  if (typeof imageVersion !== 'string' && !isCount(imageVersion)) throw unbound('image version', 'a number or text');
  if (profile !== 'development' && profile !== 'production') throw unbound('profile', 'development or production');
  return { bootId, configVersion, configSha384, imageVersion, profile };
}

function mapOf(userData: Uint8Array | undefined): ReadonlyMap<unknown, CborValue> {
  const isOurs =
    userData !== undefined &&
    userData.length <= maxUserDataBytes &&
    equalBytes(userData.subarray(0, prefix.length), prefix);
  if (!isOurs) throw unbound('user_data', 'of the form of the control channel');
  let map: CborValue;
  try {
    map = decodeCbor(userData.subarray(prefix.length), { maxBytes: maxUserDataBytes, maxDepth: 2 });
  } catch (cause) {
    throw unbound('user_data', 'strict CBOR', { cause });
  }
  // Exactly these: an image that is pinned writes no other, and what nobody reads nobody has checked.
  if (map instanceof Map && map.size === 9) return map;
  throw unbound('user_data', 'a map of the keys 1 to 9');
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

function requireEqual(value: CborValue | undefined, expected: Uint8Array, what: string, whose: string): void {
  if (value instanceof Uint8Array && equalBytes(value, expected)) return;
  throw unbound(what, `of ${whose}`);
}

function unbound(what: string, rule: string, options: { readonly cause?: unknown } = {}) {
  return new VerificationError<ControlErrorCode>(
    'CONTROL_BINDING',
    `attestation document must be bound to this session: ${what} must be ${rule}, got another`,
    options,
  );
}
