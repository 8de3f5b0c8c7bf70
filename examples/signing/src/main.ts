// Inside: an Ed25519 key that exists in this process and nowhere else. Its public half stands in attestation documents.
import { generateKeyPairSync, sign } from 'node:crypto';
import { askForDocument } from '../../service/ask-for-document.ts';
import { nonceOf, serveHttp } from '../../service/serve-http.ts';
import { messageOf, PURPOSE } from './protocol.ts';

const { publicKey, privateKey } = generateKeyPairSync('ed25519');
const spki = publicKey.export({ type: 'spki', format: 'der' });

serveHttp(3000, {
  'GET /key': ({ query }) => askForDocument({ nonce: nonceOf(query), publicKey: spki, userData: Buffer.from(PURPOSE) }),
  'POST /sign': ({ body }) => sign(null, messageOf(body), privateKey),
});
