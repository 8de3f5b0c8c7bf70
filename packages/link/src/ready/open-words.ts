// Opens sealed last words with the operator's private key, and says whose they are. Everything in the box is checked before a byte of it
// is text.
import { createDecipheriv, createPublicKey, type KeyObject } from 'node:crypto';
import { ParseError, VerificationError } from '@caisson/core/errors';
import type { ReadyErrorCode } from './error-code.ts';
import { MAX_WORDS_BYTES } from './messages.ts';
import { isNameOfService } from './reason.ts';
import {
  BOOT_ID_BYTES,
  deriveWordsKey,
  rawX25519,
  spkiOfX25519,
  TAG_BYTES,
  WORDS_CIPHER,
  WORDS_MAGIC,
  X25519_KEY_BYTES,
} from './words-box.ts';

export interface OpenedWords {
  readonly bootId: string;
  readonly service: string;
  /** Oldest first. Whatever the service wrote: escape it before a terminal sees it. */
  readonly lines: readonly string[];
}

const nameAt = WORDS_MAGIC.length + X25519_KEY_BYTES + BOOT_ID_BYTES;

/**
 * Throws ParseError READY_WORDS_BOX or READY_WORDS_KEY (no X25519 private key), VerificationError READY_WORDS_OPEN (another key, or a
 * changed box: the two cannot be told apart).
 */
export function openLastWords(box: Uint8Array, privateKey: KeyObject): OpenedWords {
  if (privateKey.type !== 'private' || privateKey.asymmetricKeyType !== 'x25519') {
    const got = `a ${privateKey.type} key of ${privateKey.asymmetricKeyType}`;
    throw new ParseError<ReadyErrorCode>(
      'READY_WORDS_KEY',
      `key for last words must be an X25519 private key, got ${got}`,
    );
  }
  const { header, ephemeralKey, bootId, service } = readHeader(box);
  try {
    const ephemeral = createPublicKey({ key: spkiOfX25519(ephemeralKey), format: 'der', type: 'spki' });
    const { key, nonce } = deriveWordsKey(
      privateKey,
      ephemeral,
      ephemeralKey,
      rawX25519(createPublicKey(privateKey.export({ format: 'pem', type: 'pkcs8' }))),
    );
    const decipher = createDecipheriv(WORDS_CIPHER, key, nonce, { authTagLength: TAG_BYTES })
      .setAAD(header)
      .setAuthTag(box.subarray(box.length - TAG_BYTES));
    const sealed = box.subarray(header.length, box.length - TAG_BYTES);
    const text = Buffer.concat([decipher.update(sealed), decipher.final()]);
    return { bootId, service, lines: text.length === 0 ? [] : text.toString().split('\n') };
  } catch (cause) {
    throw new VerificationError<ReadyErrorCode>(
      'READY_WORDS_OPEN',
      `last words of ${service} do not open: they were sealed to another key, or have been changed`,
      { cause, hint: 'the key is the private half of lastWordsKey in the image’s /etc/caisson/image.json' },
    );
  }
}

function readHeader(box: Uint8Array) {
  const most = nameAt + 256 + MAX_WORDS_BYTES + TAG_BYTES;
  const nameLength = box[nameAt] ?? 0;
  const end = nameAt + 1 + nameLength;
  const isLong = box.length >= end + TAG_BYTES && box.length <= most;
  const service = Buffer.from(box.subarray(nameAt + 1, end)).toString('latin1');
  if (!isLong || !WORDS_MAGIC.equals(box.subarray(0, WORDS_MAGIC.length)) || !isNameOfService(service)) {
    throw new ParseError<ReadyErrorCode>(
      'READY_WORDS_BOX',
      `sealed last words must begin with ${WORDS_MAGIC} and have up to ${most} bytes, got ${box.length}`,
    );
  }
  const keyEnd = WORDS_MAGIC.length + X25519_KEY_BYTES;
  return {
    header: box.subarray(0, end),
    ephemeralKey: box.subarray(WORDS_MAGIC.length, keyEnd),
    bootId: Buffer.from(box.subarray(keyEnd, nameAt)).toString('hex'),
    service,
  };
}
