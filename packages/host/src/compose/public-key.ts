// Public keys as caisson.yaml names them: PEM text, a PEM file, or what the measured files hold.
import { createHash, createPublicKey } from 'node:crypto';
import { resolve } from 'node:path';
import { CaissonError } from '@caisson/core/errors';
import type { ComposeErrorCode } from './error-code.ts';
import { readText } from './read-text.ts';

// Chosen: a PEM file may have words before the key.
const maxPemBytes = 65_536;
// SubjectPublicKeyInfo of Ed25519 and X25519 in base64: 44 bytes.
const base64Form = /^[A-Za-z0-9+/]{59}=$/;

/** SubjectPublicKeyInfo, DER, base64. `place` names the key in messages. Throws CaissonError COMPOSE_INPUT. */
export async function readPublicKey(text: string, place: string, folder: string): Promise<string> {
  if (base64Form.test(text)) return text;
  const isPem = text.includes('-----BEGIN');
  const pem = isPem ? text : await readText(resolve(folder, text), place, maxPemBytes);
  if (pem.includes('PRIVATE KEY')) {
    // It would work, and then the private key would be in every checkout.
    throw fault(`${place} must be a public key, got a private one`, {
      hint: 'openssl pkey -in KEY -pubout makes the public one; keep the other away from here',
    });
  }
  try {
    return createPublicKey(pem).export({ format: 'der', type: 'spki' }).toString('base64');
  } catch (cause) {
    throw fault(`${place} must be a public key in PEM`, { cause });
  }
}

/** Hex, of the DER. */
export function hashKey(spki: string): string {
  return createHash('sha256').update(Buffer.from(spki, 'base64')).digest('hex');
}

function fault(message: string, options: { hint?: string; cause?: unknown }): CaissonError<ComposeErrorCode> {
  return new CaissonError('COMPOSE_INPUT', message, options);
}
