// The attest socket with a simulated NSM behind it: documents for the web, a service's own, and what is refused. docs/wire/attest-socket.md and the
// example of docs/attest.md are held against it.
import { deepEqual, equal, match, ok, rejects } from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { before, type TestContext, test } from 'node:test';
import { parseAttestationDocument } from '@caisson/core/attestation';
import { parseHex, toHex } from '@caisson/core/bytes';
import { parseStrictJson } from '@caisson/core/config';
import { encodeFrame, FrameReader } from '@caisson/core/frame';
import { createNsmClient } from '@caisson/core/nitro';
import { createSimulatedAuthority, createSimulatedNsm } from '@caisson/host/simulator';
import { verifyAttestation } from '@caisson/verify';
import fc from 'fast-check';
import type { NsmCaller, NsmRefusal } from './caller.ts';
import { parseDocumentRequest } from './document-request.ts';
import { createNsmRate, type DocumentServerOptions, serveDocuments } from './index.ts';
import { encodeWebClaims } from './web-claims.ts';

let authority: Awaited<ReturnType<typeof createSimulatedAuthority>>;
before(async () => {
  authority = await createSimulatedAuthority();
});

const someone: NsmCaller = { pid: 7, uid: 1000, service: 'api', pcrs: [], fieldLimitBytes: 1_024 };
const facts = {
  bootId: new Uint8Array(16),
  configVersion: null,
  configSha384: new Uint8Array(48).fill(5),
  imageVersion: 3,
  profile: 'development' as const,
};
const nonce = 'c0ffee'.repeat(6);
const pcr0 = 'ab'.repeat(48);
const page = (name: string): string => readFileSync(new URL(`../../../../docs/${name}.md`, import.meta.url), 'utf8');

async function open(context: TestContext, options: Partial<DocumentServerOptions> = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'caisson-'));
  const refusals: NsmRefusal['kind'][] = [];
  const device = createSimulatedNsm({ authority, pcrs: { 0: pcr0 } });
  await createNsmClient(device).lockPcr(16);
  const server = await serveDocuments({
    device,
    facts,
    path: join(folder, 'attest.sock'),
    peerOf: () => ({ pid: someone.pid, uid: someone.uid, gid: 1000 }),
    callerOf: async () => someone,
    onRefusal: ({ kind }) => void refusals.push(kind),
    ...options,
  });
  context.after(async () => {
    await server.close();
    rmSync(folder, { recursive: true });
  });
  return {
    path: server.path,
    refusals,
    ask: async (request: object) =>
      JSON.parse(
        Buffer.from(await exchange(server.path, encodeFrame(Buffer.from(JSON.stringify(request))))).toString(),
      ),
  };
}

/** What comes back for `bytes` and the end of our side: one answer. */
async function exchange(path: string, bytes: Uint8Array): Promise<Uint8Array> {
  const socket = connect({ path, allowHalfOpen: true });
  socket.end(bytes);
  const reader = new FrameReader({ maxBytes: 65_536, name: 'answer' });
  for await (const chunk of socket) reader.push(chunk as Uint8Array);
  return reader.next() ?? new Uint8Array();
}

const documentOf = (answer: { document?: string }): Uint8Array => {
  equal(typeof answer.document, 'string', JSON.stringify(answer));
  return parseHex(answer.document!);
};
const policy = () => ({
  backend: 'sim' as const,
  pcrs: { 0: pcr0 },
  roots: [authority.rootPem],
  nonce: parseHex(nonce),
  allowDevelopment: true,
});

test('a document for the web names the TLS key, the image and the config, in user_data that no service can write', async (context) => {
  const { ask } = await open(context);
  const tlsKeySha256 = '48'.repeat(32);
  const attested = await verifyAttestation(
    documentOf(await ask({ purpose: 'caisson-web/1', nonce, tlsKeySha256 })),
    policy(),
  );
  deepEqual(attested.claims, {
    purpose: 'caisson-web/1',
    tlsKeySha256: parseHex(tlsKeySha256),
    configVersion: undefined,
    configSha384: facts.configSha384,
    imageVersion: 3,
    profile: 'development',
  });
  const bare = await verifyAttestation(documentOf(await ask({ purpose: 'caisson-web/1', nonce })), policy());
  equal(bare.claims?.tlsKeySha256, undefined);
});

test("a service's own words pass as /run/nsm.sock lets them: user data like ours and fields over 1,024 bytes are refused", async (context) => {
  const { ask, refusals } = await open(context);
  const answer = await ask({ nonce, publicKey: '01', userData: '6d696e65' });
  const { payload } = parseAttestationDocument(documentOf(answer));
  deepEqual([toHex(payload.publicKey!), Buffer.from(payload.userData!).toString()], ['01', 'mine']);
  deepEqual(await ask({ userData: toHex(encodeWebClaims(null, facts)) }), { error: 'nsm', message: 'InvalidArgument' });
  const long = await ask({ userData: '00'.repeat(1_025) });
  deepEqual([long.error, /1024 bytes, got 1025/.test(long.message)], ['request', true]);
  deepEqual(refusals, ['reserved_user_data', 'malformed']);
});

test('a request that is misspelt, has no nonce or another purpose is refused with its fault, and asks the NSM nothing', async (context) => {
  const unasked = createSimulatedNsm({ authority });
  await createNsmClient(unasked).lockPcr(16);
  let asked = -1;
  const device = {
    request: (bytes: Uint8Array) => {
      asked += 1;
      return unasked.request(bytes);
    },
    close: async () => {},
  };
  const { ask, path } = await open(context, { device });
  for (const [request, fault] of [
    [{ purpose: 'caisson-control/1', nonce }, /purpose must be "caisson-web\/1"/],
    [{ purpose: 'caisson-web/1' }, /nonce must be 16 to 64 bytes, got none/],
    [{ purpose: 'caisson-web/1', nonce: 'ab' }, /nonce must be 16 to 64 bytes, got 1/],
    [{ purpose: 'caisson-web/1', nonce: 'ab'.repeat(65) }, /got 65/],
    [{ purpose: 'caisson-web/1', nonce, tlsKeySha256: 'ab' }, /tlsKeySha256 must be 32 bytes or null, got 1/],
    [{ purpose: 'caisson-web/1', nonce, userData: '00' }, /keys must be purpose, nonce, tlsKeySha256, got "userData"/],
    [{ nonce: 'xy' }, /nonce must be hex text or null, got "xy"/],
    [{ Nonce: nonce }, /keys must be nonce, publicKey, userData, got "Nonce"/],
    [{ nonce: 7 }, /nonce must be hex text or null, got 7/],
  ] as const) {
    const answer = (await ask(request)) as { error: string; message: string };
    equal(answer.error, 'request');
    match(answer.message, fault);
  }
  equal(Buffer.from(await exchange(path, encodeFrame(Buffer.from('[]')))).toString(), '{"error":"bad-request"}');
  equal(asked, 0, 'only the check that the config is fixed');
});

test('the socket is for every user of the enclave, only after the config is fixed, and at the rate of the NSM', async (context) => {
  const device = createSimulatedNsm({ authority });
  await rejects(open(context, { device }), { code: 'NSM_SERVED_TOO_EARLY' });
  const admitted: number[] = [];
  const { path, ask } = await open(context, { rate: { admit: async (uid) => void admitted.push(uid) } });
  equal(statSync(path).mode & 0o777, 0o666);
  await ask({ purpose: 'caisson-web/1', nonce });
  await ask({ nonce });
  deepEqual(admitted, [someone.uid, someone.uid]);
  ok(createNsmRate());
});

test('a peer that the kernel does not know is cut off before a byte is read', async (context) => {
  const { path, refusals } = await open(context, { peerOf: () => undefined });
  deepEqual(await exchange(path, encodeFrame(Buffer.from('{}'))).catch(() => new Uint8Array()), new Uint8Array());
  deepEqual(refusals, ['unknown_peer']);
});

test('reads any object to a request or a ParseError, never to user data of ours', () => {
  const value = fc.oneof(fc.constant(null), fc.string(), fc.integer(), fc.constant(nonce));
  const request = fc.dictionary(
    fc.constantFrom('purpose', 'nonce', 'publicKey', 'userData', 'tlsKeySha256', '__proto__', 'x'),
    fc.oneof(value, fc.constant('caisson-web/1')),
  );
  fc.assert(
    fc.property(request, (given) => {
      const object = parseStrictJson(Buffer.from(JSON.stringify(given)), { maxBytes: 65_536, maxDepth: 4 });
      try {
        const wanted = parseDocumentRequest(object as ReadonlyMap<string, never>);
        equal(wanted.kind === 'web', given['purpose'] === 'caisson-web/1');
      } catch (error) {
        equal((error as { code?: string }).code, 'NSM_DOCUMENT_REQUEST');
      }
    }),
    { seed: 8, numRuns: 2_000 },
  );
});

test('attest-socket.md shows requests and answers as they are', async (context) => {
  const text = page('wire/attest-socket');
  const shown = (name: string): Buffer =>
    Buffer.from(
      (new RegExp(`^\`\`\`hex ${name}\\n([^\`]+)^\`\`\``, 'm').exec(text)?.[1] ?? '')
        .replace(/\|.*$/gm, '')
        .replace(/\s/g, ''),
      'hex',
    );
  const { path } = await open(context);
  const answer = JSON.parse(Buffer.from(await exchange(path, shown('request'))).toString()) as { document: string };
  const { payload } = parseAttestationDocument(parseHex(answer.document));
  equal(toHex(payload.nonce!), '000102030405060708090a0b0c0d0e0f');
  equal(
    Buffer.from(await exchange(path, shown('misspelt'))).toString('hex'),
    shown('refused').subarray(4).toString('hex'),
  );
  const claims = /```hex claims\n([^`]+)```/.exec(text)?.[1]?.replace(/\s/g, '');
  equal(claims, toHex(encodeWebClaims(parseHex('48'.repeat(32)), facts)));
});
