// The form of sealed last words (docs/wire/ready.md): one X25519 exchange with a key that lives for one box, HKDF-SHA256, AES-256-GCM.
// What both who seals and who opens must agree on stands here. The header names boot and service and is authenticated, so that no box can
// be shown as another's.
import { diffieHellman, hkdfSync, type KeyObject } from 'node:crypto';
import { concatBytes } from '@caisson/core/bytes';

// Given by docs/wire/ready.md.
export const WORDS_MAGIC = Buffer.from('CSNWORD1');
export const X25519_KEY_BYTES = 32;
export const TAG_BYTES = 16;
export const BOOT_ID_BYTES = 16;
export const WORDS_CIPHER = 'aes-256-gcm';
const label = Buffer.from('caisson/last-words/1');
/** SubjectPublicKeyInfo of an X25519 key (RFC 8410 section 4) up to its 32 bytes. */
const spkiPrefix = Buffer.from('302a300506032b656e032100', 'hex');

export interface WordsHeader {
  /** 32 hex digits. */
  readonly bootId: string;
  readonly service: string;
  /** 32 bytes, of the box's own key. */
  readonly ephemeralKey: Uint8Array;
}

/** magic, 32-byte key, 16-byte boot id, u8 length, name. */
export function encodeWordsHeader({ bootId, service, ephemeralKey }: WordsHeader): Uint8Array {
  const name = Buffer.from(service);
  return concatBytes(WORDS_MAGIC, ephemeralKey, Buffer.from(bootId, 'hex'), Uint8Array.of(name.length), name);
}

/**
 * 32 bytes of key and 12 of nonce. One box has one key, so the nonce may come from the same place; both public keys go into the salt, as
 * RFC 9180 section 4.1 does it, so that the secret belongs to this pair and no other.
 * Throws what diffieHellman throws for a public key of small order.
 */
export function deriveWordsKey(
  own: KeyObject,
  other: KeyObject,
  ephemeralKey: Uint8Array,
  recipientKey: Uint8Array,
): { readonly key: Buffer; readonly nonce: Buffer } {
  const secret = diffieHellman({ privateKey: own, publicKey: other });
  const salt = concatBytes(ephemeralKey, recipientKey);
  const okm = Buffer.from(hkdfSync('sha256', secret, salt, label, 44));
  secret.fill(0);
  return { key: okm.subarray(0, 32), nonce: okm.subarray(32) };
}

/** The bare 32 bytes of a public key. */
export function rawX25519(key: KeyObject): Uint8Array {
  return key.export({ format: 'der', type: 'spki' }).subarray(spkiPrefix.length);
}

export function spkiOfX25519(raw: Uint8Array): Buffer {
  return Buffer.concat([spkiPrefix, raw]);
}
