// RSA-OAEP, then AES-CBC. A key that cannot be opened is replaced by a random one and the work goes on, as RFC 5246 7.4.7.1
// answers Bleichenbacher: whether the first step or the second failed is nobody's to know.
import type { RecipientEnvelope } from './envelope.ts';
import { RSA_OAEP } from './private-key.ts';

// Given: AES-256.
const contentKeyBytes = 32;

/** The plaintext, or undefined whatever is wrong. */
export async function decryptEnvelope(
  key: CryptoKey,
  { encryptedKey, iv, content }: RecipientEnvelope,
): Promise<Uint8Array<ArrayBuffer> | undefined> {
  const random = crypto.getRandomValues(new Uint8Array(contentKeyBytes));
  const opened = await decrypted(RSA_OAEP, key, encryptedKey);
  const isGenuine = opened?.length === contentKeyBytes;
  const aesKey = await crypto.subtle.importKey('raw', isGenuine ? opened : random, 'AES-CBC', false, ['decrypt']);
  const plaintext = await decrypted({ name: 'AES-CBC', iv: new Uint8Array(iv) }, aesKey, content);
  return isGenuine ? plaintext : undefined;
}

async function decrypted(
  algorithm: AlgorithmIdentifier | AesCbcParams,
  key: CryptoKey,
  bytes: Uint8Array,
): Promise<Uint8Array<ArrayBuffer> | undefined> {
  try {
    // A copy: WebCrypto's types take no view of a buffer that may be shared.
    return new Uint8Array(await crypto.subtle.decrypt(algorithm, key, new Uint8Array(bytes)));
  } catch {
    return undefined;
  }
}
