// What a Caisson enclave says about itself in user_data: `CAISSON\0` and a CBOR map with a purpose (docs/attest.md). Inside an enclave
// only Caisson's own issuers can use that prefix, so an image that is known and pinned vouches for it; any other image may
// write whatever it likes there.
import { equalBytes, toUtf8 } from '@caisson/core/bytes';
import { type CborKey, type CborValue, decodeCbor } from '@caisson/core/cbor';

export interface CaissonClaims {
  /** `caisson-control/1`, `caisson-web/1`. */
  readonly purpose: string;
  /** SHA-256 of the enclave's TLS key (SPKI). */
  readonly tlsKeySha256: Uint8Array | undefined;
  readonly configVersion: number | undefined;
  /** SHA-384 of the boot config as received. */
  readonly configSha384: Uint8Array | undefined;
  readonly imageVersion: number | undefined;
  readonly profile: 'development' | 'production' | undefined;
}

// Given: docs/attest.md, the keys of the map. The TLS key stands at 2 for the web and at 3 for control.
const prefix = toUtf8('CAISSON\0');
const key = {
  purpose: 1,
  webTlsKey: 2,
  controlTlsKey: 3,
  configVersion: 6,
  configSha384: 7,
  imageVersion: 8,
  profile: 9,
};
const maxBytes = 1024;

/** Undefined when `userData` is not of this form: another program's, or none. Never throws: nothing depends on the form alone. */
export function findClaims(userData: Uint8Array | undefined): CaissonClaims | undefined {
  if (userData === undefined || !equalBytes(userData.subarray(0, prefix.length), prefix)) return undefined;
  const fields = mapOf(userData.subarray(prefix.length));
  const purpose = fields?.get(key.purpose);
  if (fields === undefined || typeof purpose !== 'string') return undefined;
  const profile = fields.get(key.profile);
  return {
    purpose,
    tlsKeySha256: bytesOf(fields.get(purpose === 'caisson-web/1' ? key.webTlsKey : key.controlTlsKey), 32),
    configVersion: countOf(fields.get(key.configVersion)),
    configSha384: bytesOf(fields.get(key.configSha384), 48),
    imageVersion: countOf(fields.get(key.imageVersion)),
    profile: profile === 'development' || profile === 'production' ? profile : undefined,
  };
}

function mapOf(bytes: Uint8Array): ReadonlyMap<CborKey, CborValue> | undefined {
  try {
    const value = decodeCbor(bytes, { maxBytes, maxDepth: 2 });
    return value instanceof Map ? value : undefined;
  } catch {
    return undefined;
  }
}

function bytesOf(value: CborValue | undefined, length: number): Uint8Array | undefined {
  return value instanceof Uint8Array && value.length === length ? value : undefined;
}

function countOf(value: CborValue | undefined): number | undefined {
  return typeof value === 'number' && value >= 0 ? value : undefined;
}
