// Shims that are killed, at every step of their lives: the next one finds an enclave that still runs and takes it over, or finds nothing and starts anew.
// Never two of a name, and nothing left behind.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { laneBoundMs, laneFigure } from '@caisson/testkit/contract';
import { fakeSpec, lastingEnclaves, fakeShimWords as words } from '@caisson/testkit/fake';
import { readProcessStart } from '../file/index.ts';
import { enclaveFolder, readState, removeRecord, writeSpec } from '../record/index.ts';
import { endLeftEnclave, openShim, SHIM_STEPS, type ShimClient, type ShimStep, startShim } from './index.ts';

let state = '';
beforeEach(async () => {
  state = mkdtempSync(join(tmpdir(), 'c-kill-'));
  const ingress = [{ hostAddress: '127.0.0.1', hostPort: 0, port: 80, vsockPort: 80, holdMs: 0 }];
  const egress = [{ host: '127.0.0.1', port: 9 }];
  await writeSpec(state, fakeSpec('web', { ingress, egress, hasReadyLine: false }));
});
afterEach(async () => {
  for (const pid of existsSync(join(state, 'lasting')) ? lastingEnclaves(state, 'web') : [])
    process.kill(pid, 'SIGKILL');
  rmSync(state, { recursive: true, force: true });
});

const start = (kill = ''): Promise<ShimClient> =>
  startShim({ state, name: 'web', words, env: { ...process.env, CAISSON_TEST_KILL: kill } });

async function untilPhase(client: ShimClient, phase: string): Promise<void> {
  if ((await client.status()).phase === phase) return;
  for await (const { fields } of client.events({ follow: true })) if (fields['phase'] === phase) return;
}

async function gone(pid: number): Promise<void> {
  while ((await readProcessStart(pid)) !== '') await pause(2);
}

interface Point {
  readonly step: ShimStep;
  readonly during: 'start' | 'restart' | 'stop';
}

// Steps that this enclave does not come to: it takes no config.
const unreached: readonly ShimStep[] = ['config-sent'];
const late: readonly ShimStep[] = ['stop-asked', 'ended', 'state-ended'];
const again: readonly ShimStep[] = [
  'stop-asked',
  ...SHIM_STEPS.slice(SHIM_STEPS.indexOf('boot-asked'), SHIM_STEPS.indexOf('stop-asked')),
];
const points: readonly Point[] = [
  ...SHIM_STEPS.filter((step) => !late.includes(step)).map((step) => ({ step, during: 'start' }) as const),
  ...again.map((step) => ({ step, during: 'restart' }) as const),
  ...late.map((step) => ({ step, during: 'stop' }) as const),
].filter(({ step }) => !unreached.includes(step));

/** Until the shim is dead; whoever was asking has no answer. */
async function dieAt({ step, during }: Point): Promise<void> {
  try {
    const client = await start(`${step}:${during === 'restart' && step !== 'stop-asked' ? 2 : 1}`);
    if (during !== 'start') await untilPhase(client, 'ready');
    if (during === 'restart') await client.restart();
    if (during === 'stop') await client.stop();
    await untilPhase(client, 'never');
  } catch {
    // It is dead.
  }
  const last = await readState(state, 'web');
  if (last !== undefined) await gone(last.shim.pid);
}

test('R-G1 killed at any step of a start, a restart or a stop, a shim leaves one enclave or none, and the next has exactly one', {
  timeout: 1_200_000,
}, async () => {
  const rounds = laneFigure('R-G1');
  for (let round = 0; round < rounds; round += 1) {
    const point = points[Math.floor((round * points.length) / rounds) % points.length] as Point;
    const at = `${point.step} of a ${point.during}`;
    await dieAt(point);
    const left = lastingEnclaves(state, 'web');
    assert.ok(left.length <= 1, `${left.length} enclaves after a kill at ${at}`);
    const before = await readState(state, 'web');
    assert.ok(
      before === undefined || ['lost', 'stopped'].includes(before.phase),
      `${before?.phase} after a kill at ${at}`,
    );
    const client = await start();
    await untilPhase(client, 'ready');
    const now = lastingEnclaves(state, 'web');
    assert.equal(now.length, 1, at);
    if (left.length === 1) assert.deepEqual(now, left, `an enclave that ran was taken over after a kill at ${at}`);
    const { shim } = await client.status();
    await client.stop();
    await client.close();
    await gone(shim.pid);
    assert.deepEqual(lastingEnclaves(state, 'web'), [], at);
    const { path, sock } = enclaveFolder(state, 'web');
    assert.deepEqual(readdirSync(sock), [], at);
    assert.deepEqual(readdirSync(path).sort(), ['console.log', 'log', 'sock', 'spec.json', 'state.json'], at);
  }
});

test('what a killed shim has left can be ended without starting anything, and then its record goes', async () => {
  const client = await start();
  await untilPhase(client, 'ready');
  const { shim } = await client.status();
  await assert.rejects(startShim({ state, name: 'web', words, env: process.env }), { code: 'SHIM_TAKEN' });
  await assert.rejects(removeRecord(state, 'web'), { code: 'RECORD_RUNNING' });
  process.kill(shim.pid, 'SIGKILL');
  await gone(shim.pid);
  assert.equal((await readState(state, 'web'))?.phase, 'lost');
  assert.equal(await openShim(state, 'web'), undefined);
  assert.equal(lastingEnclaves(state, 'web').length, 1);
  await endLeftEnclave({ state, name: 'web', words, env: process.env });
  assert.deepEqual(lastingEnclaves(state, 'web'), []);
  assert.equal((await readState(state, 'web'))?.phase, 'stopped');
  await removeRecord(state, 'web');
  assert.equal(await readState(state, 'web'), undefined);
});

test('what was left and cannot be kept any more is ended before its state says so', async (t) => {
  const client = await start();
  await untilPhase(client, 'ready');
  const { shim } = await client.status();
  process.kill(shim.pid, 'SIGKILL');
  await gone(shim.pid);
  const server = createServer().listen(0, '127.0.0.1');
  t.after(() => server.close());
  await once(server, 'listening');
  const { port: hostPort } = server.address() as AddressInfo;
  const ingress = [{ hostAddress: '127.0.0.1', hostPort, port: 80, vsockPort: 80, holdMs: 0 }];
  await writeSpec(state, fakeSpec('web', { ingress, hasReadyLine: false }));
  const next = await start();
  // To the end, which may be that of the line to the shim: it is on its way out, and what it has left is in the record.
  try {
    for await (const _ of next.events({ follow: true }));
  } catch {}
  await next.close();
  const { failure, phase, shim: other } = (await readState(state, 'web'))!;
  assert.deepEqual([phase, failure?.code], ['failed', 'SHIM_PORT']);
  await gone(other.pid);
  assert.deepEqual(lastingEnclaves(state, 'web'), []);
});

test('what was stopped can be removed, and started again, at once', async () => {
  for (let round = 0; round < 2; round += 1) {
    const client = await start();
    await client.stop();
    if (round === 1) await removeRecord(state, 'web');
    await client.close();
  }
  assert.deepEqual(readdirSync(join(state, 'enclaves')), []);
});

test('a shim that cannot begin says why to whoever started it', async () => {
  await assert.rejects(startShim({ state, name: 'none', words, env: process.env }), { code: 'RECORD_UNKNOWN' });
  await assert.rejects(startShim({ state, name: 'web', words: ['/bin/false'], env: process.env }), {
    code: 'SHIM_START',
    message: 'the shim of enclave web did not start: it ended without a word',
  });
  await assert.rejects(startShim({ state, name: 'web', words: ['/nowhere'], env: process.env }), {
    code: 'SHIM_START',
  });
  const silent = ['/bin/sh', '-c', 'echo trouble >&2; sleep 60'];
  await assert.rejects(
    startShim({ state, name: 'web', words: silent, env: process.env, timeoutMs: laneBoundMs(200) }),
    {
      code: 'SHIM_START',
      message: /said nothing for \d+ ms; .*shim\.log ends with: trouble$/,
    },
  );
});
