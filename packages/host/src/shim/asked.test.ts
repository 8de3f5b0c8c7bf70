// What a caisson.yaml asks of the shim beside the enclave itself, against enclaves that are scripts over a real fabric.
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { createLinuxKernel } from '@caisson/sys';
import { createFakeBackend, type FakeBackend, type FakeBackendOptions, fakeSpec } from '@caisson/testkit/fake';
import { type RecordedSpec, type RecordedState, writeSpec } from '../record/index.ts';
import { createSimulatedAuthority } from '../simulator/index.ts';
import { openShim, type RunShimOptions, runShim, type ShimClient } from './index.ts';

const kernel = createLinuxKernel();
const { rootPem } = await createSimulatedAuthority();
let folder = '';
const kept: Kept[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'c-ask-'));
});
afterEach(async () => {
  for (const { stop, over } of kept.splice(0)) {
    stop.abort();
    await over.catch(() => {});
  }
  rmSync(folder, { recursive: true, force: true });
});

interface Kept {
  readonly name: string;
  readonly backend: FakeBackend;
  readonly client: ShimClient;
  readonly stop: AbortController;
  readonly over: Promise<RecordedState>;
}

const turn = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 1));

async function keep(
  changes: Partial<RecordedSpec> = {},
  backendOptions: Partial<FakeBackendOptions> = {},
  options: Partial<RunShimOptions> = {},
): Promise<Kept> {
  const spec = fakeSpec('web', { ingress: [], ...changes });
  const { name } = spec;
  await writeSpec(folder, spec);
  const backend = createFakeBackend({ folder, ...backendOptions });
  const stop = new AbortController();
  const up = Promise.withResolvers<void>();
  const over = runShim({
    ...{ state: folder, name, version: '0.1.0', kernel, openBackend: () => backend, stop: stop.signal },
    ...{ onUp: up.resolve, ...options },
  });
  await Promise.race([up.promise, over]);
  const client = await openShim(folder, name);
  assert.ok(client !== undefined);
  const one: Kept = { name, backend, client, stop, over };
  kept.push(one);
  return one;
}

async function ready({ client }: Kept): Promise<RecordedState> {
  for (;;) {
    const state = await client.status();
    if (state.phase === 'ready') return state;
    assert.notEqual(state.phase, 'failed', state.failure?.message);
    await turn();
  }
}

const operatorEnv = () => ({ XDG_CONFIG_HOME: join(folder, 'config') });
const policies = (): string[] => {
  const path = join(folder, 'config/caisson/policies');
  return existsSync(path)
    ? readdirSync(path)
        .filter((name) => name.endsWith('.yaml'))
        .sort()
    : [];
};
const simulated = { documents: { kind: 'simulated', rootPem, rootSha256: '' } } as const;

test('the policy under a CID is that of the enclave that has the CID: each boot writes its own, and takes it along', async () => {
  const one = await keep({ restart: 'always' }, simulated, { operatorEnv: operatorEnv() });
  assert.equal((await ready(one)).cid, 16);
  while (policies().length < 2) await turn();
  assert.deepEqual(policies(), ['16.yaml', 'web.yaml'], 'up that did not wait has them too');
  await one.client.restart();
  assert.equal((await ready(one)).cid, 17);
  while (!policies().includes('17.yaml')) await turn();
  assert.deepEqual(policies(), ['17.yaml', 'web.yaml']);
  const text = readFileSync(join(folder, 'config/caisson/policies/17.yaml'), 'utf8');
  assert.match(text, /^# written by caisson up for enclave web \(sim\);.*\n# SIMULATED/);
  assert.match(text, new RegExp('a0'.repeat(48)));
  await one.client.stop();
  assert.deepEqual(policies(), ['web.yaml']);
});

test('a policy that somebody wrote himself under a CID stays as it is, and what cannot be written is told and costs nothing', async () => {
  const path = join(folder, 'config/caisson/policies');
  mkdirSync(path, { recursive: true, mode: 0o700 });
  writeFileSync(join(path, '16.yaml'), 'pcrs: {}\n');
  const one = await keep({}, simulated, { operatorEnv: operatorEnv() });
  await ready(one);
  await one.client.stop();
  await one.over;
  assert.equal(readFileSync(join(path, '16.yaml'), 'utf8'), 'pcrs: {}\n');
  rmSync(path, { recursive: true });
  writeFileSync(path, '');
  const other = await keep({}, simulated, { operatorEnv: operatorEnv() });
  await ready(other);
  let events: string[] = [];
  while (!events.includes('POLICY_UNWRITTEN')) {
    events = [];
    for await (const { code } of other.client.events({ follow: false })) events.push(code);
  }
});

test('nothing is written for documents that nobody signs, nor where nobody said whose folder it is', async () => {
  await ready(await keep({ name: 'a' }, {}, { operatorEnv: operatorEnv() }));
  await ready(await keep({ name: 'b', cid: 40 }, simulated));
  for (const { client } of kept) await client.stop();
  assert.deepEqual(policies(), []);
});
