// The one shape that KMS answers have (RFC 5652 section 6, EnvelopedData): one recipient named by its key identifier,
// RSAES-OAEP with SHA-256 throughout, AES-256-CBC. Everything else is refused, whatever CMS would allow, because each
// freedom is a way to make an enclave open something that KMS did not write.
import { concatBytes } from '@caisson/core/bytes';
import {
  contextConstructed,
  contextPrimitive,
  DER_TAG,
  derElement,
  derExplicit,
  derOid,
  derSequence,
  derUnsigned,
} from '@caisson/core/der';
import { LimitError, ParseError } from '@caisson/core/errors';
import { BerReader } from './ber.ts';
import type { KmsErrorCode } from './error-code.ts';

export interface RecipientEnvelope {
  /** Subject key identifier: KMS writes SHA-256 of the SubjectPublicKeyInfo, other writers 20 bytes. */
  readonly recipientKeyId: Uint8Array;
  /** RSAES-OAEP of the 32-byte content key; as long as the modulus. */
  readonly encryptedKey: Uint8Array;
  readonly iv: Uint8Array;
  /** AES-256-CBC, whole blocks. */
  readonly content: Uint8Array;
}

// Given: RFC 5652 sections 4 and 6.1, RFC 8017 appendix C, RFC 3565 section 4.1.
const envelopedData = derOid('1.2.840.113549.1.7.3');
const data = derOid('1.2.840.113549.1.7.1');
const rsaesOaep = derOid('1.2.840.113549.1.1.7');
const mgf1 = derOid('1.2.840.113549.1.1.8');
const sha256 = derOid('2.16.840.1.101.3.4.2.1');
const aes256Cbc = derOid('2.16.840.1.101.3.4.1.42');
// CMSVersion 2, of the envelope (6.1) and of the recipient (6.2.1).
const version = derUnsigned(2);
const blockBytes = 16;

// Chosen: KMS takes plaintexts of at most 4,096 bytes; RSA from 2,048 to 4,096 bits.
const maxBytes = 16_384;
const minModulusBytes = 256;
const maxModulusBytes = 512;
const maxKeyIdBytes = 64;

// Absent parameters of SHA-256 and NULL mean the same (RFC 4055 section 2.1): KMS writes NULL, openssl writes none.
const oaepForms = [derElement(DER_TAG.null), new Uint8Array(0)].map((parameters) => {
  const digest = derSequence(sha256, parameters);
  return derSequence(rsaesOaep, derSequence(derExplicit(0, digest), derExplicit(1, derSequence(mgf1, digest))));
});

/**
 * For diagnosis, and for who decrypts elsewhere; nothing in an envelope is authenticated. The result's arrays are views of
 * `ciphertext`, except `content` in pieces. Throws ParseError KMS_ENVELOPE, LimitError KMS_ENVELOPE_SIZE.
 */
export function parseRecipientEnvelope(ciphertext: Uint8Array): RecipientEnvelope {
  if (ciphertext.length > maxBytes) {
    throw new LimitError<KmsErrorCode>(
      'KMS_ENVELOPE_SIZE',
      `KMS answer must have at most ${maxBytes} bytes, got ${ciphertext.length}`,
    );
  }
  const reader = new BerReader(ciphertext);
  reader.open(DER_TAG.sequence, 'ContentInfo');
  reader.expect([envelopedData], 'contentType');
  reader.open(contextConstructed(0), 'content');
  reader.open(DER_TAG.sequence, 'EnvelopedData');
  reader.expect([version], 'EnvelopedData version');
  reader.open(DER_TAG.set, 'recipientInfos');
  const recipient = takeRecipient(reader);
  reader.close('recipientInfos');
  const encrypted = takeContent(reader);
  reader.close('EnvelopedData');
  reader.close('content');
  reader.close('ContentInfo');
  reader.end();
  return { ...recipient, ...encrypted };
}

function takeRecipient(reader: BerReader): Pick<RecipientEnvelope, 'recipientKeyId' | 'encryptedKey'> {
  reader.open(DER_TAG.sequence, 'recipientInfo');
  // RFC 5652 6.2.1: version 2 goes with a subject key identifier.
  reader.expect([version], 'recipientInfo version');
  const recipientKeyId = reader.take(contextPrimitive(0), 'recipient key identifier', 1, maxKeyIdBytes);
  reader.expect(oaepForms, 'key encryption algorithm');
  const encryptedKey = reader.take(DER_TAG.octetString, 'encryptedKey', minModulusBytes, maxModulusBytes);
  reader.close('recipientInfo');
  return { recipientKeyId, encryptedKey };
}

function takeContent(reader: BerReader): Pick<RecipientEnvelope, 'iv' | 'content'> {
  reader.open(DER_TAG.sequence, 'encryptedContentInfo');
  reader.expect([data], 'encryptedContentInfo contentType');
  reader.open(DER_TAG.sequence, 'content encryption algorithm');
  reader.expect([aes256Cbc], 'content encryption algorithm identifier');
  const iv = reader.take(DER_TAG.octetString, 'initialization vector', blockBytes, blockBytes);
  reader.close('content encryption algorithm');
  const content = takePieces(reader);
  reader.close('encryptedContentInfo');
  if (content.length === 0 || content.length % blockBytes !== 0) {
    throw new ParseError<KmsErrorCode>(
      'KMS_ENVELOPE',
      `KMS answer encryptedContent must be whole blocks of ${blockBytes} bytes, got ${content.length} bytes`,
    );
  }
  return { iv, content };
}

// encryptedContent is [0] IMPLICIT OCTET STRING: KMS writes it constructed of pieces, or primitive. X.690 8.7.3.2 lets a piece
// be constructed again; nothing writes that, and refusing it is what keeps this reader flat.
function takePieces(reader: BerReader): Uint8Array {
  if (reader.isAt(contextPrimitive(0))) return reader.take(contextPrimitive(0), 'encryptedContent', 0, maxBytes);
  reader.open(contextConstructed(0), 'encryptedContent');
  const pieces: Uint8Array[] = [];
  while (!reader.isAtEnd) {
    pieces.push(reader.take(DER_TAG.octetString, `encryptedContent piece ${pieces.length}`, 0, maxBytes));
  }
  reader.close('encryptedContent');
  return concatBytes(...pieces);
}
