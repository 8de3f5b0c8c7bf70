// Opens a CiphertextForRecipient. The parent carries these bytes: whatever is wrong with them, the error is the same one and
// comes at the same time, because "bad OAEP", "bad padding" and "not for you" told apart are what padding oracles are made of
// (Manger 2001 for OAEP, Vaudenay 2002 for CBC).
//
// What it cannot tell: AES-CBC here has no MAC and the sender does not sign. Anyone who knows the public key can make an
// answer that opens, and flip bits in one. That an answer comes from KMS is known from TLS that ends inside the enclave.
import { equalBytes } from '@caisson/core/bytes';
import { VerificationError } from '@caisson/core/errors';
import { decryptEnvelope } from './decrypt.ts';
import { parseRecipientEnvelope, type RecipientEnvelope } from './envelope.ts';
import type { KmsErrorCode } from './error-code.ts';
import { type OpeningKey, readOpeningKey } from './private-key.ts';

export interface OpenOptions {
  /** The answer as KMS gave it, out of base64. */
  readonly ciphertext: Uint8Array;
  /** PKCS#8 PEM, or a private RSA-OAEP key with SHA-256. */
  readonly privateKey: string | CryptoKey;
  /** What the answer must name its recipient by. Default: an identifier of KMS's length must be that of a key given as text. */
  readonly recipientKeyId?: Uint8Array;
}

// Given: SHA-256, as which KMS writes the identifier.
const kmsKeyIdBytes = 32;
// Chosen: several times what RSA-4096 takes. Even with equal work, WebCrypto takes 7 us longer to say no to OAEP (measured).
const refusalTickMs = 10;

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
  const startedAt = performance.now();
  const envelope = parsed(ciphertext);
  const isForUs = envelope !== undefined && isForThisKey(envelope, opening, recipientKeyId);
  const plaintext = isForUs ? await decryptEnvelope(opening.key, envelope) : undefined;
  if (plaintext !== undefined) return plaintext;
  await endOfTick(startedAt);
  throw refusal();
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

// Refusals come at whole ticks after the start, so that their time says nothing of their reason.
function endOfTick(startedAt: number): Promise<void> {
  const leftMs = refusalTickMs - ((performance.now() - startedAt) % refusalTickMs);
  return new Promise((resolve) => void setTimeout(resolve, leftMs));
}

function refusal(): VerificationError<KmsErrorCode> {
  return new VerificationError(
    'KMS_ANSWER',
    'opening a KMS answer must succeed, got a failure whose reason is withheld so that it is no oracle',
    { hint: 'make a new recipient, document and request; parseRecipientEnvelope says what is wrong with the form' },
  );
}
