// attest() over real TLS: the key that the connection proved is the one that is compared, whoever issued its certificate.
import assert from 'node:assert/strict';
import { createHash, createPrivateKey } from 'node:crypto';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import { concatBytes, parseHex, toHex } from '@caisson/core/bytes';
import { encodeCbor } from '@caisson/core/cbor';
import { parseCertificate, toPem } from '@caisson/core/x509';
import { type ForgedChain, forgeChain, forgeDocument, testPcrs } from '@caisson/testkit/authority';
import { attest } from '@caisson/verify';
import { createTlsGetter } from './index.ts';

const at = Math.floor(Date.now() / 1000);
let chain: ForgedChain;
let server: Server;
let url: string;
let namedKey: Uint8Array;
let tlsKey: Uint8Array;
let body: ((nonce: Uint8Array) => Promise<Uint8Array>) | undefined;

const sha256 = (bytes: Uint8Array): Uint8Array => new Uint8Array(createHash('sha256').update(bytes).digest());
const policy = () => ({ pcrs: { 0: toHex(testPcrs().get(0)!) }, backend: 'sim' as const, roots: [chain.rootPem] });
const anyone = createTlsGetter({ anyCertificate: true });

before(async () => {
  chain = await forgeChain({ at });
  // The server's own certificate: one that nobody issued.
  const own = await forgeChain({ at, levels: 2 });
  const key = createPrivateKey({
    key: Buffer.from(await crypto.subtle.exportKey('pkcs8', own.keys[1]!)),
    format: 'der',
    type: 'pkcs8',
  }).export({ type: 'pkcs8', format: 'pem' });
  tlsKey = parseCertificate(own.certificate).publicKey.spki;
  server = createServer({ key, cert: toPem('CERTIFICATE', own.certificate) }, (request, response) => {
    const nonce = parseHex(new URL(request.url!, 'https://localhost').searchParams.get('nonce')!);
    void (body ?? answer)(nonce).then((bytes) => {
      response.writeHead(200, { 'content-type': 'application/cbor' }).end(bytes);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `https://127.0.0.1:${(server.address() as AddressInfo).port}/attestation`;
});
after(() => {
  server.closeAllConnections();
  return new Promise((resolve) => server.close(resolve));
});

function answer(nonce: Uint8Array): Promise<Uint8Array> {
  const claims = new Map<number, string | Uint8Array>([
    [1, 'caisson-web/1'],
    [2, sha256(namedKey)],
  ]);
  const userData = concatBytes(new TextEncoder().encode('CAISSON\0'), encodeCbor(claims));
  return forgeDocument(chain, { timestamp: Date.now(), nonce, userData });
}

test('a connection whose key the document names is bound', async () => {
  namedKey = tlsKey;
  assert.equal((await attest(url, policy(), { get: anyone })).bound, true);
});

test('a genuine document that names another key is refused: somebody stands in between', async () => {
  namedKey = Uint8Array.of(1);
  await assert.rejects(attest(url, policy(), { get: anyone }), {
    class: 'USERDATA',
    code: 'VERIFY_TLS_KEY',
    expected: toHex(sha256(tlsKey)),
  });
});

test('a certificate that nobody issued is refused unless that was asked for', async () => {
  namedKey = tlsKey;
  await assert.rejects(attest(url, policy(), { get: createTlsGetter() }), {
    code: 'VERIFY_FETCH',
    message: /certificate/,
  });
  await assert.rejects(attest(url, policy(), { get: createTlsGetter({ ca: chain.rootPem }) }), {
    code: 'VERIFY_FETCH',
  });
});

test('too many bytes, silence and a url without TLS are refused', async () => {
  body = () => Promise.resolve(new Uint8Array(20_000));
  await assert.rejects(attest(url, policy(), { get: anyone }), {
    code: 'VERIFY_FETCH',
    message: /at most 16896 bytes/,
  });
  body = () => new Promise(() => {});
  await assert.rejects(attest(url, policy(), { get: anyone, timeoutMs: 300 }), { message: /none within 300 ms/ });
  body = undefined;
  await assert.rejects(attest(url.replace('https', 'http'), policy(), { get: anyone }), { message: /must be https/ });
});
