// The proof by openssl: it holds for what the simulator made, and for nothing that was touched.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { encodeAttestationPayload, parseAttestationDocument } from '@caisson/core/attestation';
import { encodeCoseSign1, signCoseSign1 } from '@caisson/core/cose';
import { VerificationError } from '@caisson/core/errors';
import { createNsmClient } from '@caisson/core/nitro';
import { createSimulatedAuthority, type SimulatedAuthority } from './authority.ts';
import { createSimulatedNsm } from './device.ts';
import { verifyWithOpenssl } from './verify-with-openssl.ts';

const skip = hasOpenssl() ? false : 'no openssl binary on this machine';
function hasOpenssl(): boolean {
  try {
    execFileSync('openssl', ['version'], { timeout: 300_000 });
    return true;
  } catch {
    return false;
  }
}

let authority: SimulatedAuthority;
let document: Uint8Array;
before(async () => {
  authority = await createSimulatedAuthority();
  document = await createNsmClient(createSimulatedNsm({ authority })).attestation({ nonce: Uint8Array.of(1) });
});
const refused = (bytes: Uint8Array, pem: string, message: RegExp): Promise<void> =>
  assert.rejects(verifyWithOpenssl(bytes, pem), (error) => {
    assert.ok(error instanceof VerificationError, String(error));
    assert.equal(error.code, 'SIMULATOR_PROOF');
    assert.match(error.message, message);
    return true;
  });

test('openssl agrees with chain and signature of a simulated document', { skip }, async () => {
  assert.deepEqual(await verifyWithOpenssl(document, authority.rootPem), { chain: 'ok', signature: 'ok' });
});

test('a changed nonce breaks the signature', { skip }, async () => {
  const { cose, payload } = parseAttestationDocument(document);
  const forged = encodeAttestationPayload({ ...payload, nonce: Uint8Array.of(2) }, { indefiniteMap: true });
  await refused(encodeCoseSign1({ ...cose, payload: forged }), authority.rootPem, /signature must hold/);
});

test('another simulator’s root does not hold it, nor does its leaf under this bundle', { skip }, async () => {
  const other = await createSimulatedAuthority();
  await refused(document, other.rootPem, /cabundle\[0\] must be the trusted root/);
  const { payload } = parseAttestationDocument(document);
  const foreign = await other.issueLeaf(payload.moduleId);
  const forged = encodeAttestationPayload({ ...payload, certificate: foreign.certificate }, { indefiniteMap: true });
  await refused(await signCoseSign1(forged, foreign.key), authority.rootPem, /chain must hold/);
});

test('a document dated after its leaf does not hold', { skip }, async () => {
  const { payload } = parseAttestationDocument(document);
  const leaf = await authority.issueLeaf(payload.moduleId);
  const late = { ...payload, certificate: leaf.certificate, timestamp: payload.timestamp + 4 * 3_600_000 };
  const forged = await signCoseSign1(encodeAttestationPayload(late, { indefiniteMap: true }), leaf.key);
  await refused(forged, authority.rootPem, /chain must hold.*expired/);
});

test('leaves no file behind, whether it holds or not', { skip }, async () => {
  const before = process.env['TMPDIR'];
  const own = mkdtempSync(join(tmpdir(), 'caisson-empty-'));
  process.env['TMPDIR'] = own;
  try {
    await verifyWithOpenssl(document, authority.rootPem);
    const { cose } = parseAttestationDocument(document);
    const forged = encodeCoseSign1({ ...cose, signature: new Uint8Array(96).fill(1) });
    await refused(forged, authority.rootPem, /signature must hold/);
    assert.deepEqual(readdirSync(own), []);
  } finally {
    if (before === undefined) delete process.env['TMPDIR'];
    else process.env['TMPDIR'] = before;
    rmSync(own, { recursive: true });
  }
});

const folder = join(import.meta.dirname, '../../../../../shared/vectors/attestation');
const noVectors = existsSync(folder) ? skip : `no vectors at ${folder}`;

test('openssl agrees with real documents of AWS hardware under the root AWS publishes', {
  skip: noVectors,
}, async () => {
  const root = readFileSync(join(folder, 'aws-root-g1.pem'), 'utf8');
  const manifest = JSON.parse(readFileSync(join(folder, 'manifest.json'), 'utf8')) as {
    entries: { kind: string; file: string; root: string; expect: { ok?: boolean } }[];
  };
  const real = manifest.entries.filter(
    ({ kind, expect, root: name }) => kind === 'real' && expect.ok && name.startsWith('aws'),
  );
  assert.ok(real.length >= 20);
  for (const { file } of real.slice(0, 5)) {
    assert.deepEqual(
      await verifyWithOpenssl(readFileSync(join(folder, file)), root),
      { chain: 'ok', signature: 'ok' },
      file,
    );
  }
});
