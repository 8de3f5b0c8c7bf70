// Inside: an Ed25519 key that exists in this process and nowhere else. Its public half stands in attestation documents.
import { generateKeyPairSync, sign } from 'node:crypto';
import { nonceOf, serveHttp } from '../../shared/http.ts';
import { askForDocument } from '../../shared/nsm.ts';
import { messageOf, PURPOSE } from './protocol.ts';

const { publicKey, privateKey } = generateKeyPairSync('ed25519');
const spki = publicKey.export({ type: 'spki', format: 'der' });

serveHttp(3000, {
  'GET /key': ({ query }) => askForDocument({ nonce: nonceOf(query), publicKey: spki, userData: Buffer.from(PURPOSE) }),
  'POST /sign': ({ body }) => sign(null, messageOf(body), privateKey),
});
