// user_data of a document for the web (docs/attest.md): the TLS key that its service names, and what the enclave is. Only the
// supervisor writes this prefix, so that whoever pins the image may take these words for the image's own.
import { type CborValue, encodeCbor } from '@caisson/core/cbor';
import { RESERVED_USER_DATA } from '@caisson/core/nitro';
import type { EnclaveFacts } from '@caisson/link/control';

// Given: docs/attest.md.
export const WEB_PURPOSE = 'caisson-web/1';

/** `tlsKeySha256`: of the SubjectPublicKeyInfo in DER, 32 bytes; null where no TLS ends in the enclave. */
export function encodeWebClaims(tlsKeySha256: Uint8Array | null, facts: EnclaveFacts): Uint8Array {
  const claims = new Map<number, CborValue>([
    [1, WEB_PURPOSE],
    [2, tlsKeySha256],
    [6, facts.configVersion],
    [7, facts.configSha384],
    [8, facts.imageVersion],
    [9, facts.profile],
  ]);
  return Uint8Array.from([...RESERVED_USER_DATA, ...encodeCbor(claims)]);
}
