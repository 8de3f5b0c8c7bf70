// Outside: learns the key from a document that is held to the policy, asks for a signature, and checks it under that key. The way between is not trusted.
import { createPublicKey, type KeyObject, verify } from 'node:crypto';
import type { PolicySource } from '@caisson/verify/policy';
import { askAttested, askService, readCommandLine } from '../client/ask.ts';
import { messageOf, PURPOSE } from './src/protocol.ts';

/** The key that the image made. Rejects with VerificationError, or when the document has none for this purpose. */
export async function learnKey(url: string, policy: PolicySource): Promise<KeyObject> {
  const { publicKey, userData } = await askAttested(`${url}/key`, policy);
  if (publicKey === undefined || Buffer.from(userData ?? []).toString() !== PURPOSE) {
    throw new Error(`document must have a public key for ${PURPOSE}`);
  }
  return createPublicKey({ key: Buffer.from(publicKey), format: 'der', type: 'spki' });
}

/** Rejects unless the signature is that key's over exactly this message. */
export async function askForSignature(url: string, key: KeyObject, message: Uint8Array): Promise<Buffer> {
  const signature = await askService(`${url}/sign`, message);
  if (!verify(null, messageOf(message), key, signature)) throw new Error('signature must be of the attested key');
  return signature;
}

if (import.meta.main) {
  const { url, policy, rest } = await readCommandLine('signing', 'http://127.0.0.1:8090');
  const key = await learnKey(url, policy);
  console.log(`key        ${key.export({ type: 'spki', format: 'der' }).toString('base64')}`);
  const signature = await askForSignature(url, key, Buffer.from(rest[0] ?? 'hello'));
  console.log(`signature  ${signature.toString('base64')}`);
  console.log('checked    under the key of the attested image');
}
