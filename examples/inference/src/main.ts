// Inside: reads the model once, hashes what it read, and answers. Each answer is signed with a key of this process, and a document says that the key
// belongs to this image and this model.
import { createHash, generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { parseAttestationDocument } from '@caisson/core/attestation';
import { askForDocument } from '../../service/ask-for-document.ts';
import { BadRequest, nonceOf, serveHttp } from '../../service/serve-http.ts';
import { guess, parseModel } from './model.ts';
import { type Statement, signedBytes, userDataOf } from './protocol.ts';

const sha384 = (bytes: Uint8Array): Buffer => createHash('sha384').update(bytes).digest();

const file = readFileSync(new URL('model.bin', import.meta.url));
const model = parseModel(file);
const modelHash = sha384(file);
const { publicKey, privateKey } = generateKeyPairSync('ed25519');
const bound = { publicKey: publicKey.export({ type: 'spki', format: 'der' }), userData: userDataOf(modelHash) };

const own = parseAttestationDocument(await askForDocument({ ...bound, nonce: randomBytes(32) }));
const pcr0 = Buffer.from(own.payload.pcrs.get(0)!).toString('hex');

serveHttp(3000, {
  'GET /document': ({ query }) => askForDocument({ ...bound, nonce: nonceOf(query) }),
  'POST /guess': ({ body }) => {
    if (body.length === 0 || body.length > 4_096) throw new BadRequest('a text must have 1 to 4096 bytes');
    const statement = JSON.stringify({
      v: 1,
      pcr0,
      modelSha384: modelHash.toString('hex'),
      requestSha384: sha384(body).toString('hex'),
      ...guess(model, body.toString()),
    } satisfies Statement);
    return { statement, signature: sign(null, signedBytes(statement), privateKey).toString('hex') };
  },
});
