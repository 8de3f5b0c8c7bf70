// Inside: has a secret decrypted that only this image may have, and works with it. What leaves is a MAC, never the secret.
import { createHmac } from 'node:crypto';
import { BadRequest, serveHttp } from '../../service/serve-http.ts';
import { decrypt, type KmsPlace } from './kms-client.ts';
import { encryptionContext, type MacRequest } from './protocol.ts';
import { readCredentials } from './read-credentials.ts';

const { KMS_HOST = '', KMS_PORT = '', KMS_ADDRESS, KMS_CA = '', KMS_KEY = '' } = process.env;
const place: KmsPlace = {
  host: KMS_HOST,
  port: Number(KMS_PORT),
  key: KMS_KEY,
  credentials: readCredentials(),
  address: KMS_HOST === 'localhost' ? (KMS_ADDRESS ?? '') : KMS_HOST,
  ca: KMS_CA === '' ? undefined : `-----BEGIN CERTIFICATE-----\n${KMS_CA}\n-----END CERTIFICATE-----\n`,
};

serveHttp(3000, {
  'POST /mac': async ({ body }) => {
    const { ciphertext, message } = readRequest(body);
    const secret = await decrypt(place, ciphertext, encryptionContext);
    try {
      return { mac: createHmac('sha256', secret).update(message).digest('hex') };
    } finally {
      secret.fill(0);
    }
  },
});

function readRequest(body: Buffer): MacRequest {
  try {
    const { ciphertext, message } = JSON.parse(body.toString()) as Record<string, unknown>;
    if (typeof ciphertext === 'string' && typeof message === 'string') return { ciphertext, message };
  } catch {
    // The same words for every fault of form.
  }
  throw new BadRequest('a request must be {"ciphertext":BASE64,"message":TEXT}');
}
