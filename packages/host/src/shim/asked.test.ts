// What a caisson.yaml asks of the shim beside the enclave itself, against enclaves that are scripts over a real fabric.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { CID_PARENT, hostPort, toCid, toVsockPort } from '@caisson/core/address';
import { createFabricTransport } from '@caisson/link/transport';
import { endShims, type FakeEnclave, isReady, type KeepTerms, type KeptShim, keepShim } from '@caisson/testkit/fake';
import { enclaveFolder, type RecordedState } from '../record/index.ts';
import { createSimulatedAuthority } from '../simulator/index.ts';
import { LogFile } from './log-file.ts';

const { rootPem } = await createSimulatedAuthority();
let folder = '';
const kept: KeptShim[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'c-ask-'));
});
afterEach(async () => {
  await endShims(kept.splice(0));
  rmSync(folder, { recursive: true, force: true });
});

const turn = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 1));

async function keep(...terms: KeepTerms): Promise<KeptShim> {
  const one = await keepShim(folder, ...terms);
  kept.push(one);
  return one;
}

async function ready({ client }: KeptShim): Promise<RecordedState> {
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

test('the ways out that a boot config names listen on its own ports for this enclave alone, and are told by name', async (t) => {
  const far = createServer((socket) => socket.on('error', () => {}).pipe(socket)).listen(0, '127.0.0.1');
  t.after(() => far.close());
  await once(far, 'listening');
  const { port } = far.address() as AddressInfo;
  const endpoints = [{ host: '127.0.0.1', port, vsockPort: 8100 }];
  const egress = [{ host: 'example.com', port: 443 }];
  const one = await keep({ egress, endpoints });
  await ready(one);
  const [inside] = one.backend.running;
  const socket = await inside!.transport.connect({ cid: CID_PARENT, port: toVsockPort(8100) });
  socket.write('ping');
  assert.equal(String((await once(socket, 'data'))[0]), 'ping');
  socket.destroy();
  // A listener of the parent is heard by every enclave.
  const neighbour = createFabricTransport({ directory: join(folder, 'fabric'), localCid: toCid(77) });
  const stranger = await neighbour.connect({ cid: CID_PARENT, port: toVsockPort(8100) });
  stranger.write('ping');
  await assert.rejects(once(stranger.resume(), 'close'), { code: 'ECONNRESET' });
  // So is one for a way out of the image, whatever its port.
  const measuredPort = toVsockPort(hostPort(inside!.cid, 16));
  const other = await neighbour.connect({ cid: CID_PARENT, port: measuredPort });
  other.write('ping');
  await assert.rejects(once(other.resume(), 'close'), { code: 'ECONNRESET' });
  const [measured, ours] = (await one.client.stats()).egress;
  assert.equal(measured?.refused, 1);
  assert.deepEqual([measured?.name, ours?.name], ['example.com:443', `127.0.0.1:${port}`]);
  assert.deepEqual([ours?.refused, ours?.bytesIn, ours?.bytesOut], [1, 4, 4]);
  const told: string[] = [];
  for await (const { code, message } of one.client.events({ follow: false }))
    if (code === 'EGRESS_BOUND') told.push(message);
  assert.deepEqual(told, [`ways out: example.com:443, 127.0.0.1:${port}`]);
});

test('of two enclaves that want one vsock port of the host the second is refused with the name of the first', async () => {
  const endpoints = [{ host: 'a.io', port: 443, vsockPort: 8100 }];
  await ready(await keep({ name: 'first', endpoints, cid: 40 }));
  const { over } = await keep({ name: 'second', endpoints, cid: 41 });
  const { phase, failure } = await over;
  assert.deepEqual([phase, failure?.code], ['failed', 'SHIM_PORT']);
  assert.match(
    failure?.message ?? '',
    /^vsock port 8100 of this host must be free for enclave second: enclave first has/,
  );
});

test('logs of caisson.yaml writes what this host keeps into a file of its owner’s, from its level on', async () => {
  const live = (fake: FakeEnclave): void => {
    const log = { time: '2026-11-21T10:00:00.000Z', code: 'X_Y', message: 'said \u001b[2J' };
    fake.print(`kernel: half a li`);
    isReady(fake);
    fake.print(`ne\n${JSON.stringify({ ...log, level: 'error' })}\n${JSON.stringify({ ...log, level: 'debug' })}\nend`);
  };
  const read = (name: string): Record<string, string>[] =>
    readFileSync(join(folder, name), 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
  const all = await keep({ logFile: join(folder, 'all.log') }, { live });
  await ready(all);
  await all.client.stop();
  await all.over;
  const lines = read('all.log');
  const console = lines.filter(({ service }) => service === 'console');
  assert.deepEqual(
    console.map(({ level, code, message }) => [level, code, message]),
    [
      ['info', 'CONSOLE_LINE', 'kernel: half a line'],
      ['error', 'X_Y', 'said \\u001b[2J'],
      ['debug', 'X_Y', 'said \\u001b[2J'],
      ['info', 'CONSOLE_LINE', 'end'],
    ],
  );
  const codes = lines.filter(({ service }) => service === undefined).map(({ code }) => code);
  assert.ok(codes.includes('SHIM_STARTED') && codes.includes('ENCLAVE_ENDED'), codes.join(' '));
  assert.equal(codes.filter((code) => code === 'ENCLAVE_PHASE').length, 5);
  const grave = await keep({ logFile: join(folder, 'grave.log'), logLevel: 'warn' }, { live });
  await ready(grave);
  await grave.client.stop();
  await grave.over;
  assert.deepEqual(
    read('grave.log').map(({ level, code }) => [level, code]),
    [['error', 'X_Y']],
  );
  const { events } = enclaveFolder(folder, 'web');
  assert.ok(readFileSync(events, 'utf8').includes('"ENCLAVE_PHASE"'), 'events are kept whatever the level');
});

test('last words are grave enough for a log of warnings, and a file that cannot be written costs its lines and nothing else', async () => {
  const written: unknown[] = [];
  const file = new LogFile({
    path: join(folder, 'words.log'),
    enclave: 'web',
    level: 'warn',
    date: () => 0,
    onTrouble: (error) => void written.push(error),
  });
  file.words('app', ['out of memory']);
  file.close();
  assert.match(
    readFileSync(join(folder, 'words.log'), 'utf8'),
    /"level":"warn","code":"LAST_WORDS","message":"out of m/,
  );
  const one = await keep({ logFile: join(folder, 'none/web.log') });
  await ready(one);
  const told: string[] = [];
  for await (const { code } of one.client.events({ follow: false })) told.push(code);
  assert.equal(told.filter((code) => code === 'LOG_FILE_UNWRITTEN').length, 1, told.join(' '));
});
