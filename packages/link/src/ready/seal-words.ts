// Seals a service's last log lines to the operator's key that the image measures. The key for the box is made here and forgotten here:
// nothing that stays in the enclave opens a box again.
import { createCipheriv, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { concatBytes } from '@caisson/core/bytes';
import { ParseError } from '@caisson/core/errors';
import type { ReadyErrorCode } from './error-code.ts';
import { deriveWordsKey, encodeWordsHeader, rawX25519, WORDS_CIPHER } from './words-box.ts';

/** `spki`: DER in base64, as the measured file has it. Throws ParseError READY_WORDS_KEY. */
export function readWordsKey(spki: string): KeyObject {
  let key: KeyObject | undefined;
  let cause: unknown;
  try {
    key = createPublicKey({ key: Buffer.from(spki, 'base64'), format: 'der', type: 'spki' });
  } catch (error) {
    cause = error;
  }
  if (key?.asymmetricKeyType === 'x25519') return key;
  const got = key === undefined ? `${spki.length} characters of something else` : `a key of ${key.asymmetricKeyType}`;
  throw new ParseError<ReadyErrorCode>(
    'READY_WORDS_KEY',
    `key for last words must be the SPKI of an X25519 key, got ${got}`,
    cause === undefined ? {} : { cause },
  );
}

/** A key pair made for one box; a test hands in a known one. */
export interface BoxKeyPair {
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
}

export function sealLastWords(
  words: { readonly bootId: string; readonly service: string; readonly lines: readonly string[] },
  recipient: KeyObject,
  own: BoxKeyPair = generateKeyPairSync('x25519'),
): Uint8Array {
  const ephemeralKey = rawX25519(own.publicKey);
  const header = encodeWordsHeader({ bootId: words.bootId, service: words.service, ephemeralKey });
  const { key, nonce } = deriveWordsKey(own.privateKey, recipient, ephemeralKey, rawX25519(recipient));
  const cipher = createCipheriv(WORDS_CIPHER, key, nonce).setAAD(header);
  const text = Buffer.concat([cipher.update(words.lines.join('\n'), 'utf8'), cipher.final()]);
  key.fill(0);
  return concatBytes(header, text, cipher.getAuthTag());
}
