// The folder of a simulated root: private, whole after a crash, one root for all who start at once.
import assert from 'node:assert/strict';
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { toPem } from '@caisson/core/x509';
import { createSimulatedAuthority } from './authority.ts';
import { rootProfile } from './chain-profile.ts';
import { createSigner } from './signer.ts';

let parent: string;
let state: string;
beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), 'caisson-state-'));
  state = join(parent, 'state');
});
afterEach(() => rmSync(parent, { recursive: true, force: true }));

const open = (folder = state): ReturnType<typeof createSimulatedAuthority> =>
  createSimulatedAuthority({ state: folder });
const refuses = (folder: string, message: RegExp): Promise<void> =>
  assert.rejects(open(folder), (error: Error & { code?: string }) => {
    assert.equal(error.code, 'SIMULATOR_STATE');
    assert.match(error.message, message);
    return true;
  });

test('a restart keeps the root, and root.pem is that root', async () => {
  const first = await open();
  const second = await open();
  assert.equal(second.rootPem, first.rootPem);
  assert.equal(readFileSync(join(state, 'root.pem'), 'utf8'), first.rootPem);
});

test('a crash before root.pem was written loses nothing: the next start writes it', async () => {
  const first = await open();
  rmSync(join(state, 'root.pem'));
  await open();
  assert.equal(readFileSync(join(state, 'root.pem'), 'utf8'), first.rootPem);
});

test('folder and key are readable by their owner only, and nothing else is left', async () => {
  await open();
  assert.equal(statSync(state).mode & 0o777, 0o700);
  assert.equal(statSync(join(state, 'authority.pem')).mode & 0o777, 0o600);
  assert.deepEqual(readdirSync(state).sort(), ['authority.pem', 'root.pem']);
  assert.doesNotMatch(readFileSync(join(state, 'root.pem'), 'utf8'), /PRIVATE/);
});

test('many that start at once share one root', async () => {
  const all = await Promise.all(Array.from({ length: 8 }, () => open()));
  assert.equal(new Set(all.map(({ rootPem }) => rootPem)).size, 1);
  assert.deepEqual(readdirSync(state).sort(), ['authority.pem', 'root.pem']);
});

test('sweeps what a dead process left half written, and only that', async () => {
  mkdirSync(state, { mode: 0o700 });
  // Above the greatest pid Linux gives (2^22).
  writeFileSync(join(state, '.caisson-99999999-0123456789abcdef'), 'half');
  writeFileSync(join(state, `.caisson-${process.pid}-0123456789abcdef`), 'of a living process');
  writeFileSync(join(state, 'mine.txt'), 'of somebody else');
  await open();
  assert.deepEqual(readdirSync(state).sort(), [
    `.caisson-${process.pid}-0123456789abcdef`,
    'authority.pem',
    'mine.txt',
    'root.pem',
  ]);
});

test('refuses a folder that others can read, a link and a file in its place', async () => {
  mkdirSync(state, { mode: 0o755 });
  chmodSync(state, 0o755);
  await refuses(state, /mode 700, got uid \d+ mode 755/);
  symlinkSync(state, join(parent, 'link'));
  await refuses(join(parent, 'link'), /must be a folder and no link/);
});

test('refuses a key file that others can read, is a link, is too large or is no key', async () => {
  await open();
  const file = join(state, 'authority.pem');
  const good = readFileSync(file, 'utf8');
  chmodSync(file, 0o644);
  await refuses(state, /with mode 600, got \d+ bytes with mode 644/);
  chmodSync(file, 0o600);
  for (const wrong of ['', 'x', good.slice(0, -40), good.slice(good.indexOf('-----BEGIN CERTIFICATE'))]) {
    writeFileSync(file, wrong);
    await refuses(state, /must hold a simulated root and its key/);
  }
  writeFileSync(file, 'x'.repeat(16_385));
  await refuses(state, /at most 16384 bytes/);
  rmSync(file);
  symlinkSync('root.pem', file);
  await refuses(state, /cannot be opened/);
});

test('refuses a certificate that another key made', async () => {
  await open();
  await open(join(parent, 'other'));
  const split = (folder: string): string[] =>
    readFileSync(join(folder, 'authority.pem'), 'utf8').split(/(?=-----BEGIN CERT)/);
  const [key = ''] = split(state);
  const [, certificate = ''] = split(join(parent, 'other'));
  writeFileSync(join(state, 'authority.pem'), key + certificate);
  await refuses(state, /private key does not belong to the certificate/);
});

test('refuses a root that does not say SIMULATED, so that nobody’s own root signs simulations', async () => {
  await open();
  const foreign = await createSigner({
    profile: rootProfile,
    commonName: 'example root',
    issuer: undefined,
    at: 1_790_000_000,
  });
  const key = new Uint8Array(await crypto.subtle.exportKey('pkcs8', foreign.key));
  const text = toPem('PRIVATE KEY', key) + toPem('CERTIFICATE', foreign.certificate);
  writeFileSync(join(state, 'authority.pem'), text);
  await refuses(state, /common name must be SIMULATED\.nitro-enclaves, got example root/);
});
