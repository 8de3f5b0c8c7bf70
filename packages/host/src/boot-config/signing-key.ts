// An operator's Ed25519 key from a PEM file: PKCS#8, as `openssl genpkey -algorithm ed25519` writes it.
import { createPrivateKey, createPublicKey, type webcrypto } from 'node:crypto';
import { open } from 'node:fs/promises';
import { CaissonError } from '@caisson/core/errors';
import type { HostBootConfigErrorCode } from './error-code.ts';

export interface ConfigSigningKey {
  readonly key: webcrypto.CryptoKey;
  /** DER of the public key. */
  readonly spki: Uint8Array<ArrayBuffer>;
}

// Chosen: a PKCS#8 of Ed25519 has 119 characters.
const maxKeyFileBytes = 16_384;
const othersMode = 0o077;

/** Throws CaissonError HOST_SIGNING_KEY. The key itself is in no message. */
export async function readConfigSigningKey(path: string): Promise<ConfigSigningKey> {
  const pem = await readKeyFile(path);
  let der: Buffer;
  let spki: Buffer;
  try {
    const key = createPrivateKey({ key: pem, format: 'pem' });
    if (key.asymmetricKeyType !== 'ed25519') throw new Error(`it is of type ${key.asymmetricKeyType}`);
    der = key.export({ type: 'pkcs8', format: 'der' });
    spki = createPublicKey(key).export({ type: 'spki', format: 'der' });
  } catch (cause) {
    throw fault(path, 'must be an Ed25519 private key in PEM (PKCS#8, without passphrase)', { cause });
  } finally {
    pem.fill(0);
  }
  const key = await crypto.subtle.importKey('pkcs8', Uint8Array.from(der), 'Ed25519', false, ['sign']);
  der.fill(0);
  return { key, spki: Uint8Array.from(spki) };
}

async function readKeyFile(path: string): Promise<Buffer> {
  const file = await open(path, 'r').catch((cause: NodeJS.ErrnoException) => {
    throw fault(path, `cannot be read: ${cause.code ?? cause.message}`, { cause });
  });
  try {
    const { mode, size } = await file.stat();
    if ((mode & othersMode) !== 0) {
      const got = (mode & 0o777).toString(8).padStart(4, '0');
      throw fault(path, `must be readable by its owner alone, got mode ${got}`, { hint: `chmod 600 ${path}` });
    }
    if (size > maxKeyFileBytes) throw fault(path, `must have at most ${maxKeyFileBytes} bytes, got ${size}`, {});
    return await file.readFile();
  } finally {
    await file.close();
  }
}

function fault(
  path: string,
  rule: string,
  options: { readonly cause?: unknown; readonly hint?: string },
): CaissonError<HostBootConfigErrorCode> {
  return new CaissonError('HOST_SIGNING_KEY', `signing key ${path} ${rule}`, options);
}
