// The control port inside: what it takes from image, config and NSM, what time it goes by, what it writes down.
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { toCid, toVsockPort } from '@caisson/core/address';
import { createLog } from '@caisson/core/log';
import { createSimulatedAuthority, createSimulatedNsm } from '@caisson/host/simulator';
import { connectControl, createControlIdentity, signOperatorList } from '@caisson/link/control';
import { createFabricTransport } from '@caisson/link/transport';
import { measuredImage } from '@caisson/testkit/boot';
import { checkPolicy } from '@caisson/verify/policy';
import type { AcceptedConfig } from '../boot-config/index.ts';
import { serveEnclaveControl, watchPhase } from './index.ts';
import { createEventLog } from './log-event.ts';
import { createTrustedClock } from './trusted-clock.ts';

const quiet = { report() {}, configTaken() {}, lastWords() {}, async finish() {} };

function logOf(lines: string[]) {
  return createLog({
    level: 'info',
    format: 'json',
    write: (line) => void lines.push(line),
    now: () => 0,
    colour: false,
  });
}

async function opened(context: TestContext, listFor: 'this image' | 'another image' | 'nobody') {
  const directory = mkdtempSync(join(tmpdir(), 'caisson-control-'));
  context.after(() => rmSync(directory, { recursive: true }));
  mkdirSync(join(directory, '16'), { mode: 0o700 });
  const ca = await createSimulatedAuthority();
  const device = createSimulatedNsm({ authority: ca, pcrs: { 0: 'ab'.repeat(48) } });
  const [root, bob] = [await createControlIdentity(), await createControlIdentity()];
  const at = Math.floor(Date.now() / 1_000);
  const list = await signOperatorList(
    {
      version: 1,
      notBefore: at - 60,
      notAfter: at + 600,
      target: { kind: 'label', label: listFor === 'this image' ? 'hello' : 'other' },
      operators: [{ name: 'bob', spkiSha256: bob.spkiSha256, verbs: ['logs'], execTemplates: [] }],
    },
    root.privateKey.toCryptoKey('Ed25519', false, ['sign']),
    root.spki,
  );
  const operators = listFor === 'nobody' ? null : list;
  const signed = { keySha256: root.spkiSha256, version: 9, notAfter: at + 600, operators };
  const config: AcceptedConfig = {
    received: null,
    config: null,
    environment: {},
    adopted: false,
    sha384: '07'.repeat(48),
    signed,
  };
  const lines: string[] = [];
  const { reporter, readiness } = watchPhase(quiet);
  const server = await serveEnclaveControl({
    transport: createFabricTransport({ directory, localCid: toCid(16) }),
    device,
    config,
    readiness,
    handlers: {},
    image: measuredImage({ components: ['control'], version: '12', profile: 'production', config: { label: 'hello' } }),
    operators: { v: 1, rootKey: Buffer.from(root.spki).toString('base64'), threshold: 1, operators: [] },
    bootId: '0f'.repeat(16),
    log: logOf(lines),
  });
  context.after(() => server.close());
  const parent = createFabricTransport({ directory, localCid: toCid(3) });
  const policy = checkPolicy({
    backend: 'sim',
    pcrs: { 0: 'ab'.repeat(48) },
    roots: [ca.rootPem],
    image: { minimumVersion: 12 },
  });
  const dial = () => parent.connect({ cid: toCid(16), port: toVsockPort(53_000) });
  return { lines, reporter, connect: () => connectControl({ dial, identity: bob, policy }) };
}

test('operators of the signed config may come, and documents say what booted', async (context) => {
  const { lines, reporter, connect } = await opened(context, 'this image');
  reporter.report('degraded', []);
  const session = await connect();
  const { facts } = session.enclave;
  assert.deepEqual([facts.configVersion, facts.imageVersion, facts.profile], [9, 12, 'production']);
  assert.equal(Buffer.from(facts.bootId).toString('hex'), '0f'.repeat(16));
  assert.deepEqual(await session.info(), {
    operator: 'bob',
    verbs: ['logs'],
    threshold: 1,
    listVersion: 1,
    phase: 'degraded',
  });
  await session.close();
  const text = lines.join('');
  assert.match(text, /Pipeline listening on port 53000/);
  assert.match(text, /CONTROL_LIST.*operator list of the boot config taken/);
  assert.match(text, /CONTROL_OPENED.*bob/);
});

test('a list of the config that is not for this image lets nobody in, and the enclave boots', async (context) => {
  const { lines, connect } = await opened(context, 'another image');
  await assert.rejects(connect(), { code: 'CONTROL_REFUSED' });
  assert.match(lines.join(''), /operator list of the boot config refused.*CONTROL_LIST_TARGET/);
});

test('without a list nobody is an operator', async (context) => {
  const { lines, connect } = await opened(context, 'nobody');
  await assert.rejects(connect(), { code: 'CONTROL_REFUSED' });
  // Written once the stranger is gone.
  while (lines.length < 2) await new Promise(setImmediate);
  assert.match(lines.join(''), /CONTROL_REFUSED.*CONTROL_KEY/);
});

test('an operator gets as many documents as a service does: 40 at once, then 20 a second', async (context) => {
  const { connect } = await opened(context, 'this image');
  const session = await connect();
  const began = performance.now();
  await Promise.all(Array.from({ length: 44 }, () => session.prove()));
  // The session's own was the first of the 40.
  assert.ok(performance.now() - began >= 200, `${performance.now() - began}`);
  await session.close();
});

test('time is the NSM’s, carried on by a steady clock, and never goes back', () => {
  let steadyMs = 500;
  const clock = createTrustedClock(1_000_000, () => steadyMs);
  assert.equal(clock.now(), 1_000);
  steadyMs += 2_500;
  assert.equal(clock.now(), 1_002);
  clock.take(900_000);
  assert.equal(clock.now(), 1_002);
  clock.take(1_060_000);
  assert.equal(clock.now(), 1_060);
});

test('refusals beyond ten a second are counted, not written', () => {
  const lines: string[] = [];
  let nowMs = 0;
  const tell = createEventLog(logOf(lines), () => nowMs);
  const refused = { kind: 'refused', code: 'CONTROL_TLS', reason: 'no', cid: toCid(3) } as const;
  for (let index = 0; index < 5_000; index += 1) tell(refused);
  assert.equal(lines.length, 10);
  nowMs = 1_000;
  tell(refused);
  assert.equal(lines.length, 12);
  assert.match(lines[10]!, /"count":4990/);
});
