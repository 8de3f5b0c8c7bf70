// Opens a CiphertextForRecipient. The parent carries these bytes: whatever is wrong with them, the error is the same one and
// the work done before it is the same, because "bad OAEP", "bad padding" and "not for you" told apart are what padding
// oracles are made of (Manger 2001 for OAEP, Vaudenay 2002 for CBC).
//
// What it cannot tell: AES-CBC here has no MAC and the sender does not sign. Anyone who knows the public key can make an
// answer that opens, and flip bits in one. That an answer comes from KMS is known from TLS that ends inside the enclave.
import { equalBytes } from '@caisson/core/bytes';
import { VerificationError } from '@caisson/core/errors';
import { parseRecipientEnvelope, type RecipientEnvelope } from './envelope.ts';
import type { KmsErrorCode } from './error-code.ts';
import { type OpeningKey, RSA_OAEP, readOpeningKey } from './private-key.ts';

export interface OpenOptions {
  /** The answer as KMS gave it, out of base64. */
  readonly ciphertext: Uint8Array;
  /** PKCS#8 PEM, or a private RSA-OAEP key with SHA-256. */
  readonly privateKey: string | CryptoKey;
  /** What the answer must name its recipient by. Where it is not given and the key is text, an identifier of KMS's length must be this key's. */
  readonly recipientKeyId?: Uint8Array;
}

// Given: AES-256, and SHA-256 as the identifier that KMS writes.
const contentKeyBytes = 32;
const kmsKeyIdBytes = 32;

/**
 * The plaintext. Rejects with VerificationError KMS_ANSWER whatever is wrong with the answer (parseRecipientEnvelope says what
 * is wrong with its form), with ParseError KMS_PRIVATE_KEY or X509_PEM, or TypeError, for the key and the arguments.
 */
export async function openCiphertextForRecipient(options: OpenOptions): Promise<Uint8Array<ArrayBuffer>> {
  const { ciphertext, recipientKeyId } = options;
  for (const [name, value] of Object.entries({ ciphertext, recipientKeyId: recipientKeyId ?? ciphertext })) {
    if (!(value instanceof Uint8Array)) throw new TypeError(`${name} must be a Uint8Array, got ${typeof value}`);
  }
  const opening = await readOpeningKey(options.privateKey);
  const envelope = parsed(ciphertext);
  if (envelope === undefined || !isForThisKey(envelope, opening, recipientKeyId)) throw refusal();
  const { contentKey, isGenuine } = await openKey(opening.key, envelope.encryptedKey);
  const plaintext = await openContent(contentKey, envelope);
  if (!isGenuine || plaintext === undefined) throw refusal();
  return plaintext;
}

function parsed(ciphertext: Uint8Array): RecipientEnvelope | undefined {
  try {
    return parseRecipientEnvelope(ciphertext);
  } catch {
    return undefined;
  }
}

function isForThisKey({ recipientKeyId }: RecipientEnvelope, { keyId }: OpeningKey, expected?: Uint8Array): boolean {
  if (expected !== undefined) return equalBytes(recipientKeyId, expected);
  return keyId === undefined || recipientKeyId.length !== kmsKeyIdBytes || equalBytes(recipientKeyId, keyId);
}

// RFC 5246 7.4.7.1's answer to Bleichenbacher, for OAEP: a key that cannot be opened is replaced by a random one and the work goes on.
async function openKey(
  key: CryptoKey,
  encryptedKey: Uint8Array,
): Promise<{ contentKey: BufferSource; isGenuine: boolean }> {
  const random = crypto.getRandomValues(new Uint8Array(contentKeyBytes));
  let opened = new Uint8Array(0);
  try {
    opened = new Uint8Array(await crypto.subtle.decrypt(RSA_OAEP, key, copyOf(encryptedKey)));
  } catch {
    // Counts as a key of the wrong length.
  }
  const isGenuine = opened.length === contentKeyBytes;
  return { contentKey: isGenuine ? opened : random, isGenuine };
}

async function openContent(
  contentKey: BufferSource,
  { iv, content }: RecipientEnvelope,
): Promise<Uint8Array<ArrayBuffer> | undefined> {
  const key = await crypto.subtle.importKey('raw', contentKey, 'AES-CBC', false, ['decrypt']);
  try {
    return new Uint8Array(await crypto.subtle.decrypt({ name: 'AES-CBC', iv: copyOf(iv) }, key, copyOf(content)));
  } catch {
    return undefined;
  }
}

// WebCrypto's types take no view of a buffer that may be shared.
function copyOf(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return new Uint8Array(bytes);
}

function refusal(): VerificationError<KmsErrorCode> {
  return new VerificationError(
    'KMS_ANSWER',
    'opening a KMS answer must succeed, got a failure whose reason is withheld so that it is no oracle',
    { hint: 'make a new recipient, document and request; parseRecipientEnvelope says what is wrong with the form' },
  );
}
