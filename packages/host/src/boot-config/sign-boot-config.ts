// A signed boot config from an operator's key, and what its reader will see of it: the hash that goes into PCR16, and PCR16 after it.
import { createHash } from 'node:crypto';
import { toHex } from '@caisson/core/bytes';
import type { ConfigErrorCode } from '@caisson/core/config';
import {
  isJsonObject,
  MAX_CONFIG_BYTES,
  parseStrictJson,
  type SignedConfigContent,
  signConfig,
} from '@caisson/core/config';
import { ParseError } from '@caisson/core/errors';
import type { ConfigSigningKey } from './signing-key.ts';

export interface SignedBootConfig {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Hex; the enclave's reply and its ready line say it. */
  readonly sha384: string;
  /** Hex; for a policy that pins the config. */
  readonly pcr16: string;
  /** Hex SHA-256 of the signer's SubjectPublicKeyInfo. */
  readonly keySha256: string;
}

/** Throws errors of the strict JSON reader, ParseError CONFIG_FAULT for no object, and what signConfig throws. */
export async function signBootConfig(
  content: SignedConfigContent,
  { key, spki }: ConfigSigningKey,
): Promise<SignedBootConfig> {
  // No image takes anything else; it is better found out here than at the next boot.
  if (!isJsonObject(parseStrictJson(content.config, { maxBytes: MAX_CONFIG_BYTES }))) {
    throw new ParseError<ConfigErrorCode>('CONFIG_FAULT', 'config to be signed must be a JSON object');
  }
  const bytes = await signConfig(content, key, spki);
  const digest = createHash('sha384').update(bytes).digest();
  return {
    bytes,
    sha384: toHex(digest),
    pcr16: createHash('sha384').update(new Uint8Array(48)).update(digest).digest('hex'),
    keySha256: createHash('sha256').update(spki).digest('hex'),
  };
}
