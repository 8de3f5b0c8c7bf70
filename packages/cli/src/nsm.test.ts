// The NSM for people: what the commands print and refuse, against one simulator behind a socket.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { after, before, test } from 'node:test';
import { parseAttestationDocument } from '@caisson/core/attestation';
import { parseHex, toHex } from '@caisson/core/bytes';
import { encodeNsmResponse } from '@caisson/core/nitro';
import { type ServedNsm, serveSimulatedNsm, verifyWithOpenssl } from '@caisson/host/simulator';
import { serveNsmSocket } from '@caisson/link/nsm';
import { assertFitsSchema } from '@caisson/testkit/contract';
import { Command, CommanderError } from 'commander';
import { registerNsmAttest } from './commands/nsm-attest.ts';
import { registerNsmDescribe } from './commands/nsm-describe.ts';
import { registerNsmPcr } from './commands/nsm-pcr.ts';
import { registerNsmRandom } from './commands/nsm-random.ts';
import { registerNsmServe } from './commands/nsm-serve.ts';
import { UsageError } from './exit-code.ts';
import type { Surroundings } from './surroundings.ts';

const moduleId = 'i-0123456789abcdef0-enc0fedcba987654321';
const pcr0 = 'ab'.repeat(48);
let folder: string;
let socket: string;
let served: ServedNsm;
before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'caisson-nsm-cli-'));
  socket = join(folder, 'nsm.sock');
  served = await serveSimulatedNsm({ socketPath: socket, moduleId, pcrs: { 0: pcr0 } });
});
after(async () => {
  await served.close();
  rmSync(folder, { recursive: true });
});

interface Outcome {
  readonly stdout: string;
  readonly stderr: string;
}

// One command line in a process that is only its Surroundings.
function started(words: readonly string[], { nsm = `unix:${socket}`, stop = new AbortController() } = {}) {
  const stdout = new PassThrough();
  const stderr = new PassThrough();
  const surroundings: Surroundings = {
    stdin: Readable.from([]),
    stdout,
    stderr,
    env: { CAISSON_NSM: nsm },
    name: 'caisson',
    stop: stop.signal,
    onReload: () => {},
  };
  const command = new Command('nsm').exitOverride().configureOutput({ writeErr: () => {}, writeOut: () => {} });
  for (const register of [
    registerNsmServe,
    registerNsmDescribe,
    registerNsmPcr,
    registerNsmRandom,
    registerNsmAttest,
  ]) {
    register(command, surroundings);
  }
  return { stdout, stderr, ended: command.parseAsync(words, { from: 'user' }) };
}

async function run(words: readonly string[], options: Parameters<typeof started>[1] = {}): Promise<Outcome> {
  const { stdout, stderr, ended } = started(words, options);
  await ended;
  const text = (stream: PassThrough): string => (stream.read() as Buffer | null)?.toString() ?? '';
  return { stdout: text(stdout), stderr: text(stderr) };
}
const json = async (words: readonly string[]): Promise<Record<string, unknown>> => {
  const { stdout } = await run([...words, '--json']);
  assert.equal(stdout.trimEnd().split('\n').length, 1, 'exactly one document');
  const document = JSON.parse(stdout) as Record<string, unknown>;
  assertFitsSchema(document, `nsm-${words[0]}`);
  return document;
};

const refusesUsage = (words: readonly string[], message: RegExp): Promise<void> =>
  assert.rejects(run(words), (error: Error) => {
    assert.ok(error instanceof UsageError, String(error));
    assert.match(error.message, message);
    return true;
  });

test('describe shows module, version and locked PCRs', async () => {
  const { stdout, stderr } = await run(['describe']);
  assert.equal(stdout, `module id  ${moduleId}\nversion    1.0.0\ndigest     SHA384\nPCRs       32, locked 0-15\n`);
  assert.equal(stderr, '');
  const document = await json(['describe']);
  assert.deepEqual([document['moduleId'], document['version'], document['maxPcrs']], [moduleId, '1.0.0', 32]);
});

test('pcr read shows each PCR asked for, or all', async () => {
  assert.equal(
    (await run(['pcr', 'read', '0', '31'])).stdout,
    `PCR0   locked  ${pcr0}\nPCR31  open    ${'00'.repeat(48)}\n`,
  );
  assert.equal(((await json(['pcr', 'read']))['pcrs'] as unknown[]).length, 32);
});

test('pcr extend and lock change the NSM, and a locked one is refused in the NSM’s own word', async () => {
  const { pcrs } = (await json(['pcr', 'extend', '20', '0102'])) as { pcrs: { index: number; value: string }[] };
  assert.deepEqual((await json(['pcr', 'read', '20']))['pcrs'], [{ index: 20, locked: false, value: pcrs[0]?.value }]);
  assert.match((await run(['pcr', 'lock', '20'])).stdout, /^PCR20 {2}locked/);
  await assert.rejects(run(['pcr', 'lock', '20']), { nsmError: 'ReadOnlyIndex', hint: /locked PCR stays locked/ });
  assert.equal(((await json(['pcr', 'lock', '--range', '18']))['pcrs'] as unknown[]).length, 18);
  assert.match((await run(['describe'])).stdout, /locked 0-17, 20\n/);
});

test('random prints as many bytes as asked for', async () => {
  assert.match((await run(['random'])).stdout, /^[0-9a-f]{512}\n$/);
  for (const count of [1, 256, 257, 1000]) {
    assert.equal(((await json(['random', '--bytes', String(count)]))['random'] as string).length, count * 2);
  }
});

test('attest writes the document as it came, says what it says, and says UNVERIFIED', async (context) => {
  const out = join(folder, 'document.cbor');
  const words = ['attest', '--out', out, '--nonce', '0a0b', '--user-data', 'FF', '--public-key', '01'];
  const { stdout } = await run(words);
  const bytes = Uint8Array.from(readFileSync(out));
  const { payload } = parseAttestationDocument(bytes);
  assert.deepEqual(
    [payload.nonce, payload.userData, payload.publicKey].map((field) => toHex(field!)),
    ['0a0b', 'ff', '01'],
  );
  assert.match(stdout, new RegExp(`^document   ${bytes.length} bytes in ${out}\nmodule id  ${moduleId}\n`));
  assert.match(stdout, /root {7}SIMULATED\.nitro-enclaves\n/);
  assert.match(stdout, new RegExp(`PCR0 {7}${pcr0}\nPCR1 {7}0{96}\nPCR2 {7}0{96}\nPCR4 {7}`));
  assert.match(stdout, /UNVERIFIED/);
  assert.equal((await json(words))['verified'], false);
  try {
    assert.deepEqual(await verifyWithOpenssl(bytes, served.rootPem), { chain: 'ok', signature: 'ok' });
  } catch (error) {
    if ((error as { code?: string }).code !== 'SIMULATOR_OPENSSL') throw error;
    context.diagnostic('not compared with openssl: no binary on this machine');
  }
});

test('attest keeps a document of another form as it came, and says that it is one', async () => {
  // As QEMU answers: protected header {1: -1}, nothing signed.
  const unsigned = parseHex(`8443a10120a041005860${'00'.repeat(96)}`);
  const answer = encodeNsmResponse({ type: 'Attestation', document: unsigned });
  const path = join(folder, 'unsigned.sock');
  const server = await serveNsmSocket({ path, device: { request: async () => answer, close: async () => {} } });
  try {
    const out = join(folder, 'unsigned.cbor');
    const { stdout } = await run(['attest', '--out', out], { nsm: `unix:${path}` });
    assert.deepEqual(Uint8Array.from(readFileSync(out)), unsigned);
    assert.match(stdout, /form {7}not that of hardware: COSE_Sign1 protected header must be \{1: -35\}/);
    assert.match(stdout, /UNVERIFIED/);
    const document = JSON.parse((await run(['attest', '--out', out, '--json'], { nsm: `unix:${path}` })).stdout);
    assertFitsSchema(document, 'nsm-attest');
    assert.match(document.fault, /protected header/);
  } finally {
    await server.close();
  }
});

test('CAISSON_NSM=sim is announced on stderr, so that stdout stays the answer', async () => {
  const { stdout, stderr } = await run(['random', '--bytes', '1'], { nsm: 'sim' });
  assert.match(stderr, /^SIMULATED/);
  assert.match(stdout, /^[0-9a-f]{2}\n$/);
});

test('wrong words are usage errors that name the option, the value and the bound', async () => {
  await refusesUsage(['pcr', 'read', '32'], /PCR index must be an integer in 0\.\.31, got 32/);
  await refusesUsage(['pcr', 'read', '0x1'], /got 0x1/);
  await refusesUsage(['pcr', 'extend', '16', 'abc'], /data must be hex/);
  await refusesUsage(['pcr', 'lock'], /either an index or --range/);
  await refusesUsage(['pcr', 'lock', '16', '--range', '17'], /either an index or --range/);
  await refusesUsage(['pcr', 'lock', '--range', '33'], /--range must be an integer in 0\.\.32, got 33/);
  await refusesUsage(['random', '--bytes', '0'], /--bytes must be an integer in 1\.\.65536, got 0/);
  await refusesUsage(['attest', '--out', 'x', '--nonce', 'zz'], /--nonce must be hex/);
  await refusesUsage(
    ['attest', '--out', 'x', '--nonce', '00'.repeat(1025)],
    /--nonce must have at most 1024 bytes, got 1025/,
  );
  await refusesUsage(['serve', '--socket', 'x', '--pcr', 'abc'], /--pcr must read N=HEX/);
  await refusesUsage(['serve', '--socket', 'x', '--pcr', '0=aa', '--pcr', '0=bb'], /--pcr 0 must be given once/);
  await assert.rejects(run(['attest']), CommanderError);
});

test('serve says SIMULATED when it listens, answers, and ends when it is asked to', async () => {
  const stop = new AbortController();
  const path = join(folder, 'other.sock');
  const state = join(folder, 'state');
  const words = ['serve', '--socket', path, '--state', state, '--pcr', `1=${pcr0}`, '--module-id', 'i-234-enc5678'];
  const { stdout, ended } = started(words, { stop });
  const [first] = (await stdout.take(1).toArray()) as Buffer[];
  assert.match(first!.toString(), /^SIMULATED NSM/);
  assert.match(first!.toString(), new RegExp(`in ${state}/root.pem`));
  const answered = await run(['pcr', 'read', '1'], { nsm: `unix:${path}` });
  assert.equal(answered.stdout, `PCR1   locked  ${pcr0}\n`);
  stop.abort('SIGTERM');
  await ended;
  await assert.rejects(run(['describe'], { nsm: `unix:${path}` }), { code: 'SIMULATOR_NSM_ABSENT' });
});

test('serve --json prints one document when it listens', async () => {
  const stop = new AbortController();
  const { stdout, ended } = started(['serve', '--socket', join(folder, 'json.sock'), '--json'], { stop });
  const [first] = (await stdout.take(1).toArray()) as Buffer[];
  const document = JSON.parse(first!.toString()) as Record<string, unknown>;
  assertFitsSchema(document, 'nsm-serve');
  assert.equal(document['simulated'], true);
  stop.abort('SIGTERM');
  await ended;
});

test('the schemas refuse what the commands do not print', () => {
  const good = { v: 1, moduleId: 'm', version: '1.0.0', digest: 'SHA384', maxPcrs: 32, lockedPcrs: [0] };
  assertFitsSchema(good, 'nsm-describe');
  for (const wrong of [
    { ...good, v: 2 },
    { ...good, more: 1 },
    { ...good, lockedPcrs: ['0'] },
    { ...good, version: '1' },
    { v: 1 },
  ]) {
    assert.throws(() => assertFitsSchema(wrong, 'nsm-describe'));
  }
  assert.throws(() => assertFitsSchema({ v: 1, verified: false, bytes: 1 }, 'nsm-attest'));
});
