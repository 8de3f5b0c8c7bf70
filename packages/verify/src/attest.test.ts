// attest(): one question over HTTP, an answer of bounded size in bounded time, and the truth about whether the connection is bound.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import { concatBytes, parseHex, toHex } from '@caisson/core/bytes';
import { type CborValue, encodeCbor } from '@caisson/core/cbor';
import { type ForgedChain, forgeChain, forgeDocument, testPcrs } from '@caisson/testkit/authority';
import { attest, type DocumentGetter } from './index.ts';

const at = Math.floor(Date.now() / 1000);
const key = Uint8Array.of(0x30, 1, 2, 3);
const keySha256 = new Uint8Array(createHash('sha256').update(key).digest());
let chain: ForgedChain;
let server: Server;
let url: string;
let answer: (nonce: Uint8Array, response: ServerResponse) => Promise<void> | void;
const asked: string[] = [];

const webData = (tlsKey: CborValue, purpose = 'caisson-web/1'): Uint8Array =>
  concatBytes(
    new TextEncoder().encode('CAISSON\0'),
    encodeCbor(
      new Map<number, CborValue>([
        [1, purpose],
        [2, tlsKey],
      ]),
    ),
  );
const make = (nonce: Uint8Array, userData: Uint8Array = webData(null)): Promise<Uint8Array> =>
  forgeDocument(chain, { timestamp: Date.now(), nonce, userData });
const send =
  (userData?: Uint8Array) =>
  async (nonce: Uint8Array, response: ServerResponse): Promise<void> => {
    response.writeHead(200, { 'content-type': 'application/cbor' }).end(await make(nonce, userData));
  };
const policy = () => ({ pcrs: { 0: toHex(testPcrs().get(0)!) }, backend: 'sim' as const, roots: [chain.rootPem] });

before(async () => {
  chain = await forgeChain({ at });
  server = createServer((request, response) => {
    const { searchParams } = new URL(request.url!, 'http://localhost');
    asked.push(request.url!);
    void answer(parseHex(searchParams.get('nonce') ?? ''), response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/attestation`;
});
after(() => {
  server.closeAllConnections();
  return new Promise((resolve) => server.close(resolve));
});

test('asks with a nonce of its own each time, keeps the query, and says that the connection is not bound', async () => {
  answer = send();
  const first = await attest(`${url}?tenant=a`, policy());
  const second = await attest(`${url}?tenant=a&nonce=00`, policy());
  assert.equal(first.bound, false);
  assert.equal(first.root, 'custom');
  assert.notDeepEqual(first.nonce, second.nonce);
  assert.equal(first.nonce?.length, 32);
  assert.match(asked.at(-1)!, /\?tenant=a&nonce=[0-9a-f]{64}$/);
});

test('a platform that shows the TLS key gets the binding, and a refusal where the key is another or none', async () => {
  const shown =
    (userData: Uint8Array): DocumentGetter =>
    async (target) => {
      const body = await make(parseHex(target.searchParams.get('nonce')!), userData);
      return { status: 200, contentType: 'application/cbor', body, tlsPublicKey: key };
    };
  assert.equal((await attest(url, policy(), { get: shown(webData(keySha256)) })).bound, true);
  for (const other of [null, new Uint8Array(32), keySha256.subarray(1)]) {
    await assert.rejects(attest(url, policy(), { get: shown(webData(other)) }), {
      class: 'USERDATA',
      code: 'VERIFY_TLS_KEY',
    });
  }
});

test('a document that was made for another protocol is refused', async () => {
  for (const userData of [webData(keySha256, 'caisson-control/1'), new Uint8Array(), Uint8Array.of(1)]) {
    answer = send(userData);
    await assert.rejects(attest(url, policy()), { class: 'USERDATA', expected: 'caisson-web/1' });
  }
});

test('a document with another nonce, an old one replayed, is refused', async () => {
  const old = await make(new Uint8Array(32));
  answer = (_, response) => void response.writeHead(200, { 'content-type': 'application/cbor' }).end(old);
  await assert.rejects(attest(url, policy()), { class: 'NONCE' });
});

test('refuses another status, another type, a redirect, too many bytes, silence and a closed port', async () => {
  const refused = async (message: RegExp, respond: typeof answer, target = url): Promise<void> => {
    answer = respond;
    // Short only where the end of it is what is waited for.
    const timeoutMs = message.source.includes('500 ms') ? 500 : 10_000;
    await assert.rejects(attest(target, policy(), { timeoutMs }), { code: 'VERIFY_FETCH', message });
  };
  const cbor = { 'content-type': 'application/cbor' };
  await refused(/must answer 200, got 429$/, (_, response) => void response.writeHead(429).end());
  await refused(/must answer 200, got 204$/, (_, response) => void response.writeHead(204).end());
  await refused(/must answer application\/cbor, got ""$/, (_, response) => void response.writeHead(200).end('x'));
  await refused(/must answer application\/cbor, got "text\/html"$/, (_, response) => {
    response.writeHead(200, { 'content-type': 'text/html' }).end('<p>');
  });
  await refused(/must answer 200, got 302$/, (_, response) => {
    response.writeHead(302, { location: 'http://127.0.0.1:1/' }).end();
  });
  await refused(/at most 16896 bytes, got more$/, (_, response) => {
    response.writeHead(200, cbor).end(new Uint8Array(16_897));
  });
  await refused(/must answer, got none within 500 ms$/, () => {});
  await refused(/must answer, got none within 500 ms$/, (_, response) => {
    response.writeHead(200, cbor).write('x');
  });
  await refused(/must answer, got /, () => {}, 'http://127.0.0.1:1/');
  await assert.rejects(attest(url, policy(), { strict: true, get: () => Promise.reject('no error') }), {
    code: 'VERIFY_FETCH',
    message: /must answer, got no error$/,
  });
  await assert.rejects(attest('ftp://127.0.0.1/', policy()), TypeError);
});

test('strict is asked of the document too, and only where it was asked for', async () => {
  answer = async (nonce, response) => {
    const later = await forgeDocument(
      chain,
      { timestamp: Date.now(), nonce, userData: webData(null) },
      { payload: (known) => [...known, ['later', [1]]] },
    );
    response.writeHead(200, { 'content-type': 'application/cbor' }).end(later);
  };
  assert.deepEqual((await attest(url, policy())).unknownFields, ['later']);
  await assert.rejects(attest(url, policy(), { strict: true }), { code: 'VERIFY_UNKNOWN_FIELD' });
});

test('an empty answer is a document of no bytes', async () => {
  answer = (_, response) => void response.writeHead(200, { 'content-type': 'application/cbor; v=1' }).end();
  await assert.rejects(attest(url, policy()), { class: 'CBOR' });
});
