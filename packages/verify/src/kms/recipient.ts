// The enclave's half of a KMS call with an attested recipient: a key pair for one request. The public half goes into the
// attestation document, the private half opens the answer. A fresh pair per request is what makes an old answer useless.
import { keyIdOf, RSA_OAEP } from './private-key.ts';

export interface KmsRecipient {
  /** DER of SubjectPublicKeyInfo: the attestation document's `public_key`. */
  readonly publicKey: Uint8Array<ArrayBuffer>;
  /** What KMS will name the recipient by; give it to openCiphertextForRecipient. */
  readonly recipientKeyId: Uint8Array<ArrayBuffer>;
  /** Cannot be exported: it is gone with the last reference. */
  readonly privateKey: CryptoKey;
}

// Given: KMS asks for RSA of 2,048 bits and more, and for RSAES_OAEP_SHA_256.
const generation = { ...RSA_OAEP, modulusLength: 2048, publicExponent: Uint8Array.of(1, 0, 1) };

/** RSA-2048; takes 50 to 300 ms. */
export async function createRecipient(): Promise<KmsRecipient> {
  const pair = await crypto.subtle.generateKey(generation, false, ['encrypt', 'decrypt']);
  const publicKey = new Uint8Array(await crypto.subtle.exportKey('spki', pair.publicKey));
  return { publicKey, recipientKeyId: await keyIdOf(publicKey), privateKey: pair.privateKey };
}
