// A stand-in for KMS: answers in the form that it writes, and in every form that it does not. RSA-OAEP is random; with a given
// content key and IV the rest is the same bytes each time.
import { concatBytes } from '@caisson/core/bytes';
import {
  contextConstructed,
  contextPrimitive,
  DER_TAG,
  derElement,
  derExplicit,
  derOctets,
  derOid,
  derSequence,
  derSet,
  derUnsigned,
} from '@caisson/core/der';

export interface SealOptions {
  /** DER of SubjectPublicKeyInfo. */
  readonly publicKey: Uint8Array<ArrayBuffer>;
  readonly plaintext: Uint8Array<ArrayBuffer>;
  readonly contentKey?: Uint8Array<ArrayBuffer>;
  readonly iv?: Uint8Array<ArrayBuffer>;
  /** `indefinite` is what KMS writes, with the content in pieces; `definite` is DER with primitive content. */
  readonly form?: 'indefinite' | 'definite';
  readonly pieceBytes?: number;
  /** Whether SHA-256 has NULL as parameters, as KMS writes it. */
  readonly hasNull?: boolean;
  /** What differs from KMS. */
  readonly twist?: SealTwist;
}

/** Each member replaces the element of its name; bytes are whole elements unless said. */
export interface SealTwist {
  readonly contentType?: Uint8Array;
  readonly envelopeVersion?: number;
  readonly recipientVersion?: number;
  /** Content of the identifier. */
  readonly recipientKeyId?: Uint8Array;
  readonly keyAlgorithm?: Uint8Array;
  /** Content of the OCTET STRING. */
  readonly encryptedKey?: Uint8Array;
  readonly innerType?: Uint8Array;
  readonly contentAlgorithm?: Uint8Array;
  /** The encrypted content itself. */
  readonly content?: Uint8Array;
  readonly moreRecipients?: readonly Uint8Array[];
  /** After the encrypted content, inside EnvelopedData. */
  readonly afterContent?: Uint8Array;
  /** After everything. */
  readonly trailing?: Uint8Array;
}

const nullElement = derElement(DER_TAG.null);
const endOfContents = new Uint8Array(2);

export async function sealForRecipient(options: SealOptions): Promise<Uint8Array<ArrayBuffer>> {
  const { publicKey, plaintext, form = 'indefinite', twist = {} } = options;
  const contentKey = options.contentKey ?? crypto.getRandomValues(new Uint8Array(32));
  const iv = options.iv ?? crypto.getRandomValues(new Uint8Array(16));
  const key = await crypto.subtle.importKey('spki', publicKey, { name: 'RSA-OAEP', hash: 'SHA-256' }, true, [
    'encrypt',
  ]);
  const encryptedKey = twist.encryptedKey ?? new Uint8Array(await crypto.subtle.encrypt('RSA-OAEP', key, contentKey));
  const keyId = twist.recipientKeyId ?? new Uint8Array(await crypto.subtle.digest('SHA-256', publicKey));
  const content = twist.content ?? (await encryptContent(contentKey, iv, plaintext));
  const sequence = form === 'indefinite' ? indefinite(DER_TAG.sequence) : derSequence;
  const wrapped =
    form === 'indefinite' ? indefinite(contextConstructed(0)) : (...parts: Uint8Array[]) => derExplicit(0, ...parts);

  const recipient = derSequence(
    derUnsigned(twist.recipientVersion ?? 2),
    derElement(contextPrimitive(0), keyId),
    twist.keyAlgorithm ?? oaepAlgorithm('2.16.840.1.101.3.4.2.1', options.hasNull ?? true),
    derOctets(encryptedKey),
  );
  const encrypted = sequence(
    twist.innerType ?? derOid('1.2.840.113549.1.7.1'),
    twist.contentAlgorithm ?? derSequence(derOid('2.16.840.1.101.3.4.1.42'), derOctets(iv)),
    form === 'indefinite'
      ? wrapped(...pieces(content, options.pieceBytes ?? content.length))
      : derElement(contextPrimitive(0), content),
  );
  const envelope = sequence(
    derUnsigned(twist.envelopeVersion ?? 2),
    derSet(recipient, ...(twist.moreRecipients ?? [])),
    encrypted,
    twist.afterContent ?? new Uint8Array(0),
  );
  const answer = sequence(twist.contentType ?? derOid('1.2.840.113549.1.7.3'), wrapped(envelope));
  return concatBytes(answer, twist.trailing ?? new Uint8Array(0));
}

/** RSAES-OAEP with this hash for both the digest and MGF1, and with a label where one is given. */
export function oaepAlgorithm(hash: string, hasNull = true, label?: Uint8Array): Uint8Array<ArrayBuffer> {
  const digest = derSequence(derOid(hash), hasNull ? nullElement : new Uint8Array(0));
  const mask = derSequence(derOid('1.2.840.113549.1.1.8'), digest);
  const source =
    label === undefined ? [] : [derExplicit(2, derSequence(derOid('1.2.840.113549.1.1.9'), derOctets(label)))];
  return derSequence(
    derOid('1.2.840.113549.1.1.7'),
    derSequence(derExplicit(0, digest), derExplicit(1, mask), ...source),
  );
}

/** AES-256-CBC with PKCS#7 padding. */
export async function encryptContent(
  contentKey: Uint8Array<ArrayBuffer>,
  iv: Uint8Array<ArrayBuffer>,
  plaintext: Uint8Array<ArrayBuffer>,
): Promise<Uint8Array<ArrayBuffer>> {
  const key = await crypto.subtle.importKey('raw', contentKey, 'AES-CBC', false, ['encrypt']);
  return new Uint8Array(await crypto.subtle.encrypt({ name: 'AES-CBC', iv }, key, plaintext));
}

// X.690 8.1.3.6: the length octet 0x80, and two zero octets at the end.
function indefinite(tag: number): (...parts: Uint8Array[]) => Uint8Array<ArrayBuffer> {
  return (...parts) => concatBytes(Uint8Array.of(tag, 0x80), ...parts, endOfContents);
}

function pieces(content: Uint8Array, pieceBytes: number): Uint8Array[] {
  const parts: Uint8Array[] = [];
  for (let at = 0; at < content.length; at += pieceBytes) parts.push(derOctets(content.subarray(at, at + pieceBytes)));
  return parts;
}
