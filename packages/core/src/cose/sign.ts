// Makes a COSE_Sign1 with ES384 (RFC 9053 section 2.1), as an NSM, or with Ed25519 (section 2.2), as an operator, through WebCrypto.
import { COSE_ALGORITHM, encodeCoseSign1, encodeProtectedHeader, encodeSigStructure } from './sign1.ts';
import type { SigningKey } from './signing-key.ts';

/** `key` is a P-384 private key, usable for sign. Resolves with the untagged message; its signature is r || s. */
export async function signCoseSign1(payload: Uint8Array, key: SigningKey): Promise<Uint8Array> {
  const protectedHeader = encodeProtectedHeader(COSE_ALGORITHM.es384);
  const signed = Uint8Array.from(encodeSigStructure({ protectedHeader, payload }));
  const signature = new Uint8Array(
    await crypto.subtle.sign({ name: 'ECDSA', hash: 'SHA-384' }, key as CryptoKey, signed),
  );
  return encodeCoseSign1({ protectedHeader, payload, signature });
}

/** `key` is an Ed25519 private key; `keyId` says to the reader which. Resolves with the untagged message. */
export async function signCoseSign1Ed25519(
  payload: Uint8Array,
  key: SigningKey,
  keyId: Uint8Array,
): Promise<Uint8Array<ArrayBuffer>> {
  const protectedHeader = encodeProtectedHeader(COSE_ALGORITHM.edDsa, keyId);
  const signed = Uint8Array.from(encodeSigStructure({ protectedHeader, payload }));
  const signature = new Uint8Array(await crypto.subtle.sign('Ed25519', key as CryptoKey, signed));
  return Uint8Array.from(encodeCoseSign1({ protectedHeader, payload, signature }));
}
