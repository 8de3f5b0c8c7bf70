// AWS KMS Decrypt with an attested recipient: the answer is encrypted to a key that exists in this process for this one request.
import { randomBytes } from 'node:crypto';
import { request } from 'node:https';
import { createRecipient, openCiphertextForRecipient } from '@caisson/verify/kms';
import { askForDocument } from '../../service/ask-for-document.ts';
import { type Credentials, signRequest } from './sign-request.ts';

export interface KmsPlace {
  readonly host: string;
  readonly port: number;
  readonly address: string;
  /** PEM; undefined: the roots of node. */
  readonly ca: string | undefined;
  /** The whole ARN: an alias could be pointed elsewhere. */
  readonly key: string;
  readonly credentials: Credentials;
}

// Chosen.
const maxAnswerBytes = 65_536;
const timeoutMs = 10_000;

export async function decrypt(
  place: KmsPlace,
  ciphertext: string,
  encryptionContext: Record<string, string>,
): Promise<Uint8Array> {
  const { publicKey, privateKey, recipientKeyId } = await createRecipient();
  const document = await askForDocument({ publicKey, nonce: randomBytes(32) });
  const answer = await post(place, {
    CiphertextBlob: ciphertext,
    KeyId: place.key,
    EncryptionContext: encryptionContext,
    Recipient: {
      AttestationDocument: Buffer.from(document).toString('base64'),
      KeyEncryptionAlgorithm: 'RSAES_OAEP_SHA_256',
    },
  });
  // docs/kms.md: the answer must be for the key that was named.
  if (answer['KeyId'] !== place.key) throw new Error(`answer must be of key ${place.key}, got ${answer['KeyId']}`);
  const sealed = Buffer.from(String(answer['CiphertextForRecipient']), 'base64');
  return await openCiphertextForRecipient({ ciphertext: sealed, privateKey, recipientKeyId });
}

function post(place: KmsPlace, content: object): Promise<Record<string, unknown>> {
  const { host, port, address, ca, key, credentials } = place;
  const body = JSON.stringify(content);
  const plain = { 'content-type': 'application/x-amz-json-1.1', 'x-amz-target': 'TrentService.Decrypt', host };
  // The region of the key, which is measured: the parent has no word in where this goes.
  const terms = { region: key.split(':')[3] ?? '', service: 'kms', now: new Date() };
  const headers = signRequest({ method: 'POST', path: '/', headers: plain, body }, credentials, terms);
  const tls = { servername: host, ...(ca !== undefined && { ca }) };
  return new Promise((resolve, reject) => {
    const asked = request(
      { host: address, port, method: 'POST', path: '/', headers, timeout: timeoutMs, agent: false, ...tls },
      async (response) => {
        try {
          const pieces: Buffer[] = [];
          let length = 0;
          for await (const piece of response as AsyncIterable<Buffer>) {
            length += piece.length;
            if (length > maxAnswerBytes) throw new Error(`answer of kms must have at most ${maxAnswerBytes} bytes`);
            pieces.push(piece);
          }
          const answer = JSON.parse(Buffer.concat(pieces).toString()) as Record<string, unknown>;
          if (response.statusCode === 200) resolve(answer);
          else reject(new Error(`kms answered ${response.statusCode}: ${answer['__type']}`));
        } catch (error) {
          reject(error);
        }
      },
    );
    asked.on('timeout', () => asked.destroy(new Error(`kms must answer within ${timeoutMs} ms`))).on('error', reject);
    asked.end(body);
  });
}
