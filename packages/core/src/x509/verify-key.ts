// Public keys for WebCrypto's verify. The platform checks that a key is a point of its curve, which takes a tenth of a signature check; the
// keys above the leaf are the same for every enclave of a zone, so the last few are kept. What is kept is a function of the key's
// bytes alone: whether anybody trusts it is never remembered.
import { toHex } from '../bytes/index.ts';
import { ParseError } from '../errors/index.ts';
import type { X509ErrorCode } from './error-code.ts';
import type { PublicKey } from './parse-certificate.ts';

// Chosen: the keys of some twenty zones. When they are full they are dropped at once, so that keys made up by an adversary cost time only.
const maxKept = 64;
const kept = new Map<string, CryptoKey>();

/** A P-384 key. Rejects with ParseError X509_KEY. */
export async function importVerifyKey({ spki }: PublicKey): Promise<CryptoKey> {
  const name = toHex(spki);
  const known = kept.get(name);
  if (known !== undefined) return known;
  const key = await importKey(new Uint8Array(spki));
  if (kept.size >= maxKept) kept.clear();
  kept.set(name, key);
  return key;
}

async function importKey(spki: Uint8Array<ArrayBuffer>): Promise<CryptoKey> {
  try {
    return await crypto.subtle.importKey('spki', spki, { name: 'ECDSA', namedCurve: 'P-384' }, false, ['verify']);
  } catch (cause) {
    throw new ParseError<X509ErrorCode>('X509_KEY', 'public key must be a point of P-384, got another value', {
      cause,
    });
  }
}
