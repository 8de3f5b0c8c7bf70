// Asks the supervisor for an attestation document: a length and a JSON object over a unix socket (docs/wire/attest-socket.md).
import { connect } from 'node:net';

const path = process.env.CAISSON_ATTEST.replace(/^unix:/, '');

/** For the web: `{ purpose: 'caisson-web/1', nonce }`; with words of one's own: `{ nonce, publicKey, userData }`. All in hex. */
export async function attest(request) {
  const socket = connect({ path, timeout: 10_000 }).on('timeout', () => socket.destroy(new Error('no answer in 10 s')));
  const body = Buffer.from(JSON.stringify(request));
  const length = Buffer.alloc(4);
  length.writeUInt32BE(body.length);
  socket.end(Buffer.concat([length, body]));
  const pieces = [];
  for await (const piece of socket) pieces.push(piece);
  const answer = JSON.parse(Buffer.concat(pieces).subarray(4).toString());
  if (answer.document === undefined) throw new Error(`${answer.error}: ${answer.message ?? 'no document'}`);
  return Buffer.from(answer.document, 'hex');
}
