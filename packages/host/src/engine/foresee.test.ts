// What is refused before anything is built, and what is not.
import { deepEqual, equal, match, ok, rejects } from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { CaissonError } from '@caisson/core/errors';
import { writeMeasuredEif } from '@caisson/testkit/boot';
import { createFakeDoor, type FakeDoor, fakeSpec, fakeState } from '@caisson/testkit/fake';
import { readProcessStart } from '../file/index.ts';
import { listRecords, writeSpec, writeState } from '../record/index.ts';
import { createEngine, type Engine, type EngineEvent, type UpOutcome } from './index.ts';

let folder: string;
let door: FakeDoor;
let engine: Engine;
let looked: string[];
let begun: string[];
let lacks: Set<string>;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'caisson-foresee-'));
  door = createFakeDoor();
  [looked, begun, lacks] = [[], [], new Set(['qemu'])];
  const env = { CAISSON_STATE: join(folder, 'state'), XDG_CONFIG_HOME: join(folder, 'config'), PATH: '' };
  const host = {
    async findMissing(kind: string) {
      looked.push(kind);
      return lacks.has(kind) ? [{ what: 'qemu-system-x86_64', get: 'apt-get install it' }] : [];
    },
    async requirePort(enclave: string, { hostPort }: { readonly hostPort: number }) {
      looked.push(`${enclave} ${hostPort}`);
      if (hostPort === 81) throw new CaissonError('SHIM_PORT', 'port 81 must be free');
    },
  };
  engine = createEngine({ env, words: ['caisson'], version: '0', shims: door, host });
  await writeMeasuredEif(join(folder, 'a.eif'), {
    components: ['network', 'ready'],
    config: { expect: 'none' },
    ingress: [{ vsockPort: 3_000, targetPort: 3_000 }],
  });
  mkdirSync(join(folder, 'app'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const onEvent = (event: EngineEvent): void => {
  if (event.kind === 'begin') begun.push(event.phase);
};

async function up(text: string): Promise<readonly UpOutcome[]> {
  const file = join(folder, 'caisson.yaml');
  writeFileSync(file, text);
  const command = { verb: 'up', file, names: [], variables: {}, detach: false } as const;
  return (await engine.execute(command, { onEvent })).enclaves;
}

/** Of a record whose shim lives. */
async function ownShim() {
  return { pid: process.pid, start: await readProcessStart(process.pid), protocol: 1, version: '0' };
}

async function refusal(work: Promise<unknown>): Promise<CaissonError> {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  deepEqual([begun, door.done, await listRecords(engine.state)], [[], [], []]);
  return error as CaissonError;
}

test('a backend that is not here is refused before anything is built, with all that is missing and how to get it', async () => {
  const text = 'enclaves:\n  a: { image: ./app, backend: sim }\n  b: { image: ./app, backend: qemu }\n';
  const { code, message, hint } = await refusal(up(text));
  deepEqual([code, hint], ['BACKEND_UNAVAILABLE', 'apt-get install it']);
  equal(message, 'the backend qemu needs qemu-system-x86_64');
  deepEqual(looked, ['qemu']);
});

test('a simulator that lacks something is found out when there is something to build, and else by the start', async () => {
  lacks.add('sim');
  const [built] = await up('name: a\nimage: ./app\ncmd: [node, x]\nprofile: development\n');
  deepEqual([built?.failure?.code, built?.failedIn, door.done], ['BACKEND_UNAVAILABLE', 'build', []]);
  equal((await up('name: a\nimage: { eif: a.eif }\n'))[0]?.kind, 'ready');
});

test('a port that somebody has is refused before anything is built', async () => {
  const text = 'enclaves:\n  a: { image: ./app, ingress: [80] }\n  b: { image: ./app, ingress: [81] }\n';
  equal((await refusal(up(text))).code, 'SHIM_PORT');
  deepEqual(looked, ['a 80', 'b 81']);
});

const config = (httpPort: number, vsockPort: number): string =>
  JSON.stringify({ httpPort, httpVsockPort: 8_000, httpTcpPort: 3_000, endpoints: [{ host: 'a.io', vsockPort }] });
const source = (name: string, what: string): string =>
  `name: ${name}\nimage: ./app\nprofile: development\nbackend: sim\ncomponents: [ready, network]\nconfig: ${what}\n`;

test('the httpPort of a boot config is looked at as ingress is, before anything is built', async () => {
  equal((await refusal(up(source('a', config(81, 8_100))))).code, 'SHIM_PORT');
  deepEqual(looked, ['a 81']);
  writeFileSync(join(folder, 'c.json'), config(81, 8_100));
  const run = {
    verb: 'run',
    image: join(folder, 'app'),
    command: [],
    config: join(folder, 'c.json'),
    backend: 'sim',
    debug: false,
    ingress: [],
    egress: ['a.io:443'],
    restart: 'no',
    labels: {},
    detach: false,
  } as const;
  equal((await refusal(engine.execute(run, { onEvent }))).code, 'SHIM_PORT');
  const clash = { ...run, ingress: ['81:3000'] };
  const { code, message } = await refusal(engine.execute(clash, { onEvent }));
  equal(code, 'ENGINE_CONFIG');
  match(message, /^httpPort 81 in the boot config of enclave app must lead where ingress leads, .* got 8000$/);
});

test('a vsock port that an enclave of another file has is refused before anything is built, with its name, and in a machine of its own is not', async () => {
  const endpoints = [{ host: 'b.io', port: 443, vsockPort: 8_100 }];
  const openRecord = async (backend: 'sim' | 'qemu', phase: 'ready' | 'stopped'): Promise<void> => {
    await writeSpec(engine.state, fakeSpec('first', { backend, endpoints }));
    await writeState(engine.state, fakeState('first', { backend, phase, shim: await ownShim() }));
  };
  await openRecord('sim', 'ready');
  const { code, message, hint } = await up(source('a', config(80, 8_100))).then(
    () => ok(false),
    (error) => error,
  );
  deepEqual([code, begun, door.done], ['SHIM_PORT', [], []]);
  equal(message, 'vsock port 8100 of this host must be free for enclave a: enclave first has it');
  match(hint ?? '', /end first$/);
  lacks.add('sim');
  for (const [backend, phase] of [
    ['qemu', 'ready'],
    ['sim', 'stopped'],
  ] as const) {
    await openRecord(backend, phase);
    equal((await up(source('a', config(80, 8_100))))[0]?.failure?.code, 'BACKEND_UNAVAILABLE');
  }
  await openRecord('qemu', 'ready');
  await rejects(up(source('a', config(80, 8_100)).replace('backend: sim', 'backend: qemu')), {
    code: 'BACKEND_UNAVAILABLE',
  });
});

test('what the enclaves of this command have themselves is not in their way, and their backend is not looked for', async () => {
  await up('name: a\nimage: { eif: a.eif }\ningress: ["127.0.0.1:80:3000"]\n');
  looked.length = 0;
  const both = 'enclaves:\n  a: { image: { eif: a.eif }, ingress: ["82:3000"] }\n';
  const outcomes = await up(`${both}  b: { image: { eif: a.eif }, ingress: ["80:3000"] }\n`);
  deepEqual(
    outcomes.map(({ kind }) => kind),
    ['ready', 'ready'],
    JSON.stringify(outcomes.map(({ failure }) => failure)),
  );
  deepEqual(looked, ['a 82']);
});

test('a development image is not built and not started for hardware, where it ends itself, but in debug mode', async () => {
  const source = 'name: a\nimage: ./app\nprofile: development\nbackend: nitro\n';
  const { code, hint } = await refusal(up(source));
  equal(code, 'ENGINE_PROFILE');
  match(hint ?? '', /^profile: production .*debug: true .*sim and qemu/);
  const run = {
    ...({ verb: 'run', image: join(folder, 'app'), command: [], backend: 'nitro', debug: false } as const),
    ...({ ingress: [], egress: [], restart: 'no', labels: {}, detach: false } as const),
  };
  equal((await refusal(engine.execute(run, { onEvent }))).code, 'ENGINE_PROFILE');
  await writeMeasuredEif(join(folder, 'd.eif'), {
    components: ['ready'],
    config: { expect: 'none' },
    profile: 'development',
  });
  const given = 'name: a\nimage: { eif: d.eif }\nbackend: nitro\n';
  const [refused] = await up(given);
  deepEqual([refused?.kind, refused?.failure?.code, door.done], ['failed', 'ENGINE_PROFILE', []]);
  equal((await up(`${given}debug: true\n`))[0]?.kind, 'ready');
  equal((await up(given.replace('nitro', 'sim')))[0]?.kind, 'ready');
});
