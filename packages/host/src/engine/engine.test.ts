// The engine against shims that are no processes: what is started, in which order, and what is said of what does not come up.
import { deepEqual, equal, match, ok, rejects } from 'node:assert/strict';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { CaissonError } from '@caisson/core/errors';
import { type ImageChanges, writeMeasuredEif } from '@caisson/testkit/boot';
import { createFakeDoor, type FakeDoor } from '@caisson/testkit/fake';
import { withLock } from '../file/index.ts';
import { measureImage } from '../image/index.ts';
import { enclaveFolder, listRecords, readSpec, readState } from '../record/index.ts';
import { createEngine, type Engine, type EngineEvent, type UpOutcome, type UpPhase } from './index.ts';

let folder: string;
let door: FakeDoor;
let engine: Engine;
let events: EngineEvent[];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'caisson-engine-'));
  door = createFakeDoor();
  events = [];
  const env = { CAISSON_STATE: join(folder, 'state'), XDG_CONFIG_HOME: join(folder, 'config'), PATH: '' };
  engine = createEngine({ env, words: ['caisson'], version: '0', shims: door });
});
afterEach(() => rmSync(folder, { recursive: true }));

const at = (name: string): string => join(folder, name);

/** An image of ours with a ready line, unless the test wants another. */
async function image(name: string, changes: ImageChanges | null = { components: ['ready'] }): Promise<void> {
  const config = { expect: 'none', ...changes?.config } as const;
  await writeMeasuredEif(at(name), changes === null ? undefined : { ...changes, config }, name);
}

async function up(text: string, more: object = {}): Promise<readonly UpOutcome[]> {
  writeFileSync(at('caisson.yaml'), text);
  const command = { verb: 'up', file: at('caisson.yaml'), names: [], variables: {}, detach: false, ...more } as const;
  return (await engine.execute(command, { onEvent: (event) => void events.push(event) })).enclaves;
}

const kinds = (outcomes: readonly UpOutcome[]): string[] => outcomes.map(({ name, kind }) => `${name} ${kind}`);
const donePhases = (name: string): UpPhase[] =>
  events.flatMap((event) => (event.kind === 'done' && event.enclave === name ? [event.phase] : []));
const notes = (): string => events.map((event) => (event.kind === 'note' ? event.text : '')).join('\n');

const three = `enclaves:
  web: { image: { eif: web.eif }, depends_on: [api] }
  api: { image: { eif: api.eif }, depends_on: [store] }
  store: { image: { eif: store.eif } }
  other: { image: { eif: other.eif } }
`;

test('up starts each enclave after what it waits for is ready, and says each phase with its time', async () => {
  for (const name of ['web', 'api', 'store', 'other']) await image(`${name}.eif`);
  const outcomes = await up(three);
  deepEqual(kinds(outcomes).sort(), ['api ready', 'other ready', 'store ready', 'web ready']);
  const order = door.done.filter((one) => one !== 'start other');
  deepEqual(order, ['start store', 'start api', 'start web']);
  deepEqual(donePhases('web'), ['build', 'boot', 'heartbeat', 'services', 'ready', 'verified']);
  match(notes(), /^backend sim \(no \/dev\/nitro_enclaves on this machine; .*SIMULATED/m);
  const spec = await readSpec(engine.state, 'web');
  deepEqual([spec?.composeFile, spec?.memoryMiB, spec?.readyTimeoutMs], [at('caisson.yaml'), 512, 60_000]);
});

test('an enclave that does not come up takes with it those that wait for it, and no other', async () => {
  for (const name of ['web', 'api', 'store', 'other']) await image(`${name}.eif`);
  const end = { at: '2026-11-21T10:00:00.000Z', exit: 7, byHost: false, text: 'ended with 7' };
  door.scripts.set('store', ['booting', { phase: 'exited', end }]);
  const outcomes = await up(three);
  deepEqual(kinds(outcomes).sort(), ['api skipped', 'other ready', 'store failed', 'web skipped']);
  deepEqual(door.done.sort(), ['start other', 'start store']);
  const store = outcomes.find(({ name }) => name === 'store');
  deepEqual([store?.failure?.code, store?.failedIn], ['ENGINE_ENDED', 'heartbeat']);
  deepEqual(store?.failure?.evidence, [{ what: 'its end', lines: ['ended with 7'] }]);
  ok(store?.failure?.hint);
});

test('names bring up what they wait for too, and nothing else; an unknown name starts nothing', async () => {
  for (const name of ['web', 'api', 'store', 'other']) await image(`${name}.eif`);
  deepEqual(kinds(await up(three, { names: ['api'] })), ['store ready', 'api ready']);
  await rejects(up(three, { names: ['nobody'] }), { code: 'COMPOSE_NAME' });
  deepEqual(door.done, ['start store', 'start api']);
});

test('what runs as it was asked for is left alone; what was asked otherwise is ended and started again, with each difference', async () => {
  await image('a.eif');
  const text = 'name: a\nimage: { eif: a.eif }\nresources: { memoryMiB: 256 }\n';
  await up(text);
  const [again] = await up(text, { timeoutMs: 5_000 });
  deepEqual([again?.kind, again?.unchanged, again?.changes], ['ready', true, []]);
  deepEqual(door.done, ['start a']);
  await writeMeasuredEif(at('a.eif'), { components: ['ready'], config: { expect: 'none' } }, 'another');
  const [changed] = await up(text.replace('256', '512').concat('labels: { owner: me }\n'));
  deepEqual(door.done, ['start a', 'stop a', 'start a']);
  deepEqual([changed?.kind, changed?.unchanged], ['ready', false]);
  const words = changed?.changes.map((one) => one.replace(/[0-9a-f]{12}/g, 'X'));
  deepEqual(words, ['image PCR0 X -> X', 'image PCR1 X -> X', 'memoryMiB 256 -> 512', 'labels none -> owner=me']);
});

test('what fits no record is refused before what runs is ended for it', async () => {
  await image('a.eif');
  await up('name: a\nimage: { eif: a.eif }\n');
  const day = 24 * 3_600_000;
  const [refused] = await up('name: a\nimage: { eif: a.eif }\nresources: { memoryMiB: 256 }\n', { timeoutMs: day + 1 });
  deepEqual([refused?.kind, refused?.failure?.code], ['failed', 'RECORD_FORM']);
  match(refused?.failure?.message ?? '', /^spec of enclave a: readyTimeoutMs must be at most 86400000, got 86400001$/);
  match(refused?.failure?.hint ?? '', /nothing was started or ended/);
  deepEqual(door.done, ['start a']);
});

test('an image that does not measure what the file says is refused before anything is started', async () => {
  await image('a.eif');
  const [outcome] = await up(`name: a\nimage: { eif: a.eif, pcr0: "${'0'.repeat(96)}" }\n`);
  deepEqual([outcome?.kind, outcome?.failure?.code], ['refused', 'ENGINE_PCR']);
  match(outcome?.failure?.message ?? '', new RegExp((await measureImage(at('a.eif'))).PCR0));
  deepEqual([door.done, await listRecords(engine.state)], [[], []]);
});

test('one that never becomes ready is late with its last phase and reasons, within its deadline', async () => {
  await image('a.eif');
  door.scripts.set('a', ['booting', { phase: 'services', reasons: ['service-starting app'] }]);
  const told = new CaissonError('SHIM_LATE', 'enclave a must be ready within 20 ms, its last phase is services');
  // As its shim does when time is up.
  const giving = setInterval(() => {
    const shim = door.shimOf('a');
    if (shim?.state.phase !== 'services') return;
    clearInterval(giving);
    const failure = { code: told.code, message: told.message, hint: 'wait longer' };
    shim.state = { ...shim.state, phase: 'failed', reasons: [], failure };
    shim.say({ time: '', level: 'warn', code: 'ENCLAVE_PHASE', message: '', enclave: 'a', fields: { seq: 99 } });
  }, 5);
  const [outcome] = await up('name: a\nimage: { eif: a.eif }\nready: { timeout: 20ms }\n');
  deepEqual([outcome?.kind, outcome?.failure?.code, outcome?.failedIn], ['late', 'SHIM_LATE', 'services']);
  ok(outcome?.failure?.evidence.some(({ lines }) => lines.includes('service-starting app')));
});

test('a shim that dies without a word is told from one that ended, with the last lines of its log', async () => {
  await image('a.eif');
  door.scripts.set('a', ['booting']);
  const dying = setInterval(() => {
    const shim = door.shimOf('a');
    if (shim === undefined) return;
    shim.status = () => Promise.reject(new Error('gone'));
    writeFileSync(enclaveFolder(engine.state, 'a').shimLog, 'out of memory \u001b[31m\n');
    clearInterval(dying);
  }, 5);
  const [outcome] = await up('name: a\nimage: { eif: a.eif }\n');
  deepEqual([outcome?.kind, outcome?.failure?.code], ['failed', 'ENGINE_ENDED']);
  match(outcome?.failure?.message ?? '', /the process that kept it is gone/);
  const log = outcome?.failure?.evidence.find(({ what }) => what.includes('shim'));
  deepEqual(log?.lines, ['out of memory [31m']);
});

test('what a shim cannot begin with is the failure of its enclave, under its own code', async () => {
  await image('a.eif');
  const taken = 'port 80 of 127.0.0.1 must be free for enclave a: process 5 (nginx) has it';
  door.refusals.set('a', new CaissonError('SHIM_PORT', taken, { hint: 'end it' }));
  const [outcome] = await up('name: a\nimage: { eif: a.eif }\n');
  deepEqual(outcome?.failure, { code: 'SHIM_PORT', message: taken, hint: 'end it', evidence: [] });
  equal(outcome?.failedIn, 'boot');
});

test('one that falls as soon as it has said ready is not up', async () => {
  await image('a.eif');
  const end = { at: '2026-11-21T10:00:00.000Z', exit: 3, byHost: false, text: 'ended with 3' };
  door.scripts.set('a', ['booting', 'ready']);
  const falling = setInterval(() => {
    const shim = door.shimOf('a');
    if (shim === undefined || shim.state.phase !== 'ready') return;
    let asked = 0;
    shim.status = async () => {
      asked += 1;
      return asked === 1 ? shim.state : { ...shim.state, phase: 'exited', end };
    };
    clearInterval(falling);
  }, 1);
  door.scripts.set('a', ['booting', 'services', 'ready']);
  const [outcome] = await up('name: a\nimage: { eif: a.eif }\n');
  clearInterval(falling);
  deepEqual([outcome?.kind, outcome?.failure?.message], ['failed', 'enclave a did not stay up: ended with 3']);
});

test('one that is started again while it is proven is proven again', async () => {
  await image('a.eif');
  const watching = setInterval(() => {
    const shim = door.shimOf('a');
    if (shim?.state.phase !== 'ready') return;
    clearInterval(watching);
    let asked = 0;
    shim.status = async () => {
      asked += 1;
      return asked === 1 ? shim.state : { ...shim.state, bootId: 'f'.repeat(32), restarts: 1 };
    };
  }, 1);
  const [outcome] = await up('name: a\nimage: { eif: a.eif }\n');
  clearInterval(watching);
  equal(outcome?.kind, 'ready');
  match(notes(), /^ended and starts again \(1\)/m);
  equal(events.filter((event) => event.kind === 'begin' && event.phase === 'verified').length, 2);
});

test('of two who bring up one file at once the second finds what the first has started', async () => {
  await image('a.eif');
  const text = 'name: a\nimage: { eif: a.eif }\n';
  const both = (await Promise.all([up(text), up(text)])).flat();
  deepEqual(both.map(({ kind, unchanged }) => [kind, unchanged]).sort(), [
    ['ready', false],
    ['ready', true],
  ]);
  deepEqual(door.done, ['start a']);
  deepEqual(readdirSync(join(engine.state, 'enclaves')), ['a']);
});

test('every fault of the file is told at once, and nothing is started', async () => {
  await image('a.eif');
  await rejects(up('name: a\nimage: { eif: a.eif }\nconfig: none.json\nrestart: maybe\n'), { code: 'COMPOSE_FAULTS' });
  await rejects(up('name: a\nimage: { eif: none.eif }\nconfig: none.json\n'), (error: Error) => {
    match(error.message, /none\.eif[\s\S]*none\.json/);
    return true;
  });
  deepEqual(door.done, []);
});

test('a boot config stands 0600 beside the record, and one that the image lacks or does not take is refused', async () => {
  await image('takes.eif', { components: ['ready'], config: { expect: 'required' } });
  await image('none.eif');
  const [taken] = await up('name: a\nimage: { eif: takes.eif }\nconfig: { token: 5 }\n');
  equal(taken?.kind, 'ready');
  const config = (await readSpec(engine.state, 'a'))?.config;
  equal(readFileSync(config!.path, 'utf8'), '{"token":5}\n');
  const kept = `boot-config-${config?.sha384.slice(0, 16)}.json`;
  equal(config?.path, join(enclaveFolder(engine.state, 'a').path, kept));
  equal(statSync(config.path).mode & 0o777, 0o600);
  const [lacks] = await up('name: b\nimage: { eif: takes.eif }\n');
  const [spare] = await up('name: c\nimage: { eif: none.eif }\nconfig: { token: 5 }\n');
  deepEqual([lacks?.failure?.code, spare?.failure?.code], ['ENGINE_CONFIG', 'ENGINE_CONFIG']);
});

test('what runs keeps the boot config of its own record while another is asked for that does not come up, and then has it', async () => {
  await image('a.eif', { components: ['ready'], config: { expect: 'required' } });
  await image('b.eif');
  const text = (token: number): string =>
    `enclaves: { a: { image: { eif: a.eif }, config: { token: ${token} }, depends_on: [b] }, b: { image: { eif: b.eif } } }\n`;
  await up(text(1));
  door.scripts.set('b', [{ phase: 'failed' }]);
  deepEqual(kinds(await up(text(2).replace('b.eif }', 'b.eif }, labels: { x: y }'))).sort(), ['a skipped', 'b failed']);
  const config = (await readSpec(engine.state, 'a'))?.config;
  equal(readFileSync(config!.path, 'utf8'), '{"token":1}\n');
  door.scripts.delete('b');
  const { path } = enclaveFolder(engine.state, 'a');
  const files = (): string[] => readdirSync(path).filter((file) => file.startsWith('boot-config'));
  utimesSync(config!.path, 1, 1);
  await up(text(2));
  deepEqual(
    files().map((file) => readFileSync(join(path, file), 'utf8')),
    ['{"token":2}\n'],
  );
  await up(text(3));
  equal(files().length, 2, 'another command may have just written it, and wait for its turn');
});

test('ways in and out are those that the image measures, in its order', async () => {
  const ways = {
    ingress: [{ vsockPort: 9_000, targetPort: 3_000 }],
    egress: [
      { host: 'one.example', port: 443 },
      { host: 'two.example', port: 443 },
    ],
  };
  await image('a.eif', { components: ['network', 'ready'], ...ways });
  await image('foreign.eif', null);
  await up('name: a\nimage: { eif: a.eif }\ningress: ["8080:3000"]\n');
  const spec = await readSpec(engine.state, 'a');
  const rule = { hostAddress: '127.0.0.1', hostPort: 8_080, port: 3_000, vsockPort: 9_000, holdMs: 0 };
  deepEqual([spec?.ingress, spec?.egress], [[rule], ways.egress]);
  const [closed] = await up('name: b\nimage: { eif: a.eif }\ningress: [4000]\n');
  const [turned] = await up('name: c\nimage: { eif: a.eif }\negress: [two.example:443, one.example:443]\n');
  deepEqual([closed?.failure?.code, turned?.failure?.code], ['ENGINE_IMAGE', 'ENGINE_IMAGE']);
  const [d] = await up('name: d\nimage: { eif: foreign.eif }\ningress: [4000]\negress: [two.example:443]\n');
  equal(d?.kind, 'ready', d?.failure?.message);
  const foreign = await readSpec(engine.state, 'd');
  deepEqual([foreign?.ingress[0]?.vsockPort, foreign?.egress.length, foreign?.hasReadyLine], [4_000, 1, false]);
});

test('a name that runs for another file is not taken over; when that has ended it is', async () => {
  await image('a.eif');
  const text = `name: a\nimage: { eif: ${at('a.eif')} }\n`;
  await up(text);
  mkdirSync(at('elsewhere'));
  writeFileSync(at('elsewhere/caisson.yaml'), text);
  const command = { verb: 'up', file: at('elsewhere/caisson.yaml'), names: [], variables: {}, detach: false } as const;
  await rejects(engine.execute(command), { code: 'ENGINE_NAME', hint: /caisson down a/ });
  await engine.execute({ verb: 'stop', names: ['a'] });
  deepEqual(kinds((await engine.execute(command)).enclaves), ['a ready']);
  const down = {
    verb: 'down',
    which: { kind: 'file', file: at('caisson.yaml'), variables: {} },
    images: false,
  } as const;
  deepEqual((await engine.execute(down)).enclaves, [], 'it is of the other file now');
});

test('down ends those that wait for others first, and removes every record; what does not end keeps nobody', async () => {
  for (const name of ['web', 'api', 'store', 'other']) await image(`${name}.eif`);
  await up(three);
  door.done.length = 0;
  door.shimOf('other')!.stop = () => Promise.reject(new CaissonError('SHIM_LOST', 'no answer'));
  const which = { kind: 'file', file: at('caisson.yaml'), variables: {} } as const;
  const { enclaves } = await engine.execute({ verb: 'down', which, images: false });
  deepEqual(door.done, ['stop web', 'stop api', 'stop store']);
  const told = enclaves.map(({ name, removed, failure }) => [name, removed, failure?.code ?? null]);
  deepEqual(told.sort(), [
    ['api', true, null],
    ['other', false, 'SHIM_LOST'],
    ['store', true, null],
    ['web', true, null],
  ]);
  deepEqual(
    (await listRecords(engine.state)).map(({ name }) => name),
    ['other'],
  );
});

test('down ends what came of a file also when that is broken or gone by now; of one that nothing came of it is told', async () => {
  await image('a.eif');
  const down = async () => {
    const which = { kind: 'file', file: at('caisson.yaml'), variables: {} } as const;
    return (await engine.execute({ verb: 'down', which, images: false })).enclaves.map(({ name }) => name);
  };
  for (const spoil of [() => writeFileSync(at('caisson.yaml'), 'name: [a'), () => rmSync(at('caisson.yaml'))]) {
    await up('name: a\nimage: { eif: a.eif }\n');
    spoil();
    deepEqual(await down(), ['a']);
  }
  await rejects(down(), { code: 'COMPOSE_INPUT' });
});

test('stop keeps the record, restart starts from it, rm removes it and not while it runs', async () => {
  await image('a.eif');
  await up('name: a\nimage: { eif: a.eif }\n');
  await rejects(engine.execute({ verb: 'remove', names: ['a'], force: false }), { code: 'ENGINE_RUNNING' });
  const bytes = readFileSync(at('a.eif'));
  await writeMeasuredEif(at('a.eif'), { components: ['ready'], config: { expect: 'none' } }, 'another');
  const [refused] = (await engine.execute({ verb: 'restart', names: ['a'] })).enclaves;
  deepEqual([refused?.kind, refused?.failure?.code, door.done], ['refused', 'ENGINE_PCR', ['start a']]);
  writeFileSync(at('a.eif'), bytes);
  deepEqual((await engine.execute({ verb: 'restart', names: ['a'] })).enclaves[0]?.kind, 'ready');
  deepEqual(door.done, ['start a', 'restart a']);
  const stopped = await engine.execute({ verb: 'stop', names: ['a'], graceMs: 0 });
  deepEqual(stopped.enclaves, [{ name: 'a', wasRunning: true, end: 'ended with 0', removed: false, failure: null }]);
  deepEqual((await engine.execute({ verb: 'stop', names: ['a'] })).enclaves[0]?.wasRunning, false);
  deepEqual((await engine.execute({ verb: 'restart', names: ['a'] })).enclaves[0]?.kind, 'ready');
  deepEqual(door.done.slice(2), ['kill a', 'start a']);
  await engine.execute({ verb: 'remove', names: ['a'], force: true });
  await rejects(engine.execute({ verb: 'stop', names: ['a'] }), { code: 'RECORD_UNKNOWN' });
  deepEqual(readdirSync(join(engine.state, 'enclaves')), []);
});

test('what runs is ended also where its record was damaged, and is said to have run', async () => {
  await image('a.eif');
  await up('name: a\nimage: { eif: a.eif }\n');
  writeFileSync(enclaveFolder(engine.state, 'a').state, 'garbage');
  const { enclaves } = await engine.execute({ verb: 'remove', names: ['a'], force: true });
  deepEqual([enclaves[0]?.wasRunning, enclaves[0]?.removed, door.done.at(-1)], [true, true, 'stop a']);
});

test('rm -f of an enclave that is just being started ends it as soon as it can be asked', async () => {
  await image('a.eif');
  await up('name: a\nimage: { eif: a.eif }\n');
  await engine.execute({ verb: 'stop', names: ['a'] });
  const starting = withLock(enclaveFolder(engine.state, 'a').shimPid, async () => {
    await pause(100);
    await (await door.start({ state: engine.state, name: 'a', words: [], env: {} })).close();
    while (door.shimOf('a') !== undefined) await pause(5);
  });
  const { enclaves } = await engine.execute({ verb: 'remove', names: ['a'], force: true });
  await starting;
  deepEqual([enclaves[0]?.wasRunning, enclaves[0]?.removed, enclaves[0]?.failure], [true, true, null]);
  deepEqual(door.done, ['start a', 'stop a', 'start a', 'stop a']);
  deepEqual(await listRecords(engine.state), []);
});

test('what a shim that was killed has left is ended by whoever stops it', async () => {
  await image('a.eif', { components: ['ready'], profile: 'production' });
  for (const [backend, end] of [
    ['nitro', 'was left by its shim and ended'],
    ['sim', 'ended with its shim'],
  ]) {
    await up(`name: a\nimage: { eif: a.eif }\nbackend: ${backend}\n`);
    door.lose('a');
    const path = enclaveFolder(engine.state, 'a').state;
    const state = JSON.parse(readFileSync(path, 'utf8')) as { shim: object };
    writeFileSync(path, JSON.stringify({ ...state, shim: { ...state.shim, start: '1' } }));
    equal((await readState(engine.state, 'a'))?.phase, 'lost');
    const [stopped] = (await engine.execute({ verb: 'stop', names: ['a'] })).enclaves;
    deepEqual([stopped?.wasRunning, stopped?.end, door.done.at(-1)], [true, end, 'end left a']);
  }
});

test('one that outlived its shim is ended before another is started in its place, and taken over where it is the same', async () => {
  await image('a.eif', { components: ['ready'], profile: 'production' });
  const text = 'name: a\nimage: { eif: a.eif }\nbackend: nitro\n';
  await up(text);
  const lose = (): void => {
    door.lose('a');
    const path = enclaveFolder(engine.state, 'a').state;
    const state = JSON.parse(readFileSync(path, 'utf8')) as { shim: object };
    writeFileSync(path, JSON.stringify({ ...state, shim: { ...state.shim, start: '1' } }));
  };
  lose();
  await up(text);
  lose();
  const [changed] = await up(`${text}resources: { memoryMiB: 1024 }\n`);
  deepEqual(door.done, ['start a', 'start a', 'end left a', 'start a']);
  deepEqual(changed?.changes, ['memoryMiB 512 -> 1024']);
});

test('a failure is told by what its code means: another measurement is refused, time that is up is late', async () => {
  await image('a.eif');
  for (const [code, kind] of [
    ['BACKEND_MEASUREMENTS', 'refused'],
    ['NITRO_MEASUREMENTS', 'refused'],
    ['BACKEND_LATE', 'late'],
    ['SHIM_LATE', 'late'],
    ['BACKEND_BOOT', 'failed'],
  ] as const) {
    door.scripts.set('a', ['booting', { phase: 'failed', failure: { code, message: 'it is so', hint: null } }]);
    equal((await up('name: a\nimage: { eif: a.eif }\n'))[0]?.kind, kind, code);
  }
});

test('run takes the name of the image and a number where that is taken, and refuses what is measured already', async () => {
  await image('a.eif', { components: ['ready'], name: 'hello' });
  const command = {
    ...({ verb: 'run', image: at('a.eif'), command: [], backend: 'auto', debug: false, restart: 'no' } as const),
    ingress: [],
    egress: [],
    labels: {},
    detach: false,
  };
  equal((await engine.execute(command)).name, 'hello');
  equal((await engine.execute(command)).name, 'hello-2');
  equal((await engine.execute({ ...command, name: 'own' })).name, 'own');
  await rejects(engine.execute({ ...command, command: ['x'] }), { code: 'ENGINE_IMAGE' });
  writeFileSync(at('caisson.yaml'), 'name: a\n');
  await rejects(engine.execute({ ...command, image: at('caisson.yaml') }), { message: /got a caisson\.yaml$/ });
  await rejects(
    engine.execute({ ...command, name: 'own', image: at('a.eif') }).then(({ unchanged }) => {
      if (unchanged) throw new CaissonError('SAME', 'it is the same');
    }),
    { code: 'SAME' },
  );
  const missing = await engine.execute({ ...command, image: at('none') });
  deepEqual([missing.kind, missing.failure?.code], ['failed', 'BUILD_SOURCE']);
});

test('waiting ends with what was waited for, with the end of the enclave, or with its time', async () => {
  await image('a.eif');
  await up('name: a\nimage: { eif: a.eif }\n');
  equal((await engine.execute({ verb: 'wait', name: 'a', until: 'ready', timeoutMs: 1_000 })).reached, true);
  equal((await engine.execute({ verb: 'wait', name: 'a', until: 'ended', timeoutMs: 0 })).reached, false);
  const waiting = engine.execute({ verb: 'wait', name: 'a', until: 'ended', timeoutMs: 60_000 });
  await engine.execute({ verb: 'stop', names: ['a'] });
  equal((await waiting).reached, true);
  const never = await engine.execute({ verb: 'wait', name: 'a', until: 'ready', timeoutMs: 60_000 });
  deepEqual([never.reached, never.state.phase], [false, 'stopped']);
});

test('giving up waiting leaves what was started, and the same command goes on with it', async () => {
  await image('a.eif');
  door.scripts.set('a', ['booting']);
  const text = 'name: a\nimage: { eif: a.eif }\n';
  writeFileSync(at('caisson.yaml'), text);
  const stop = new AbortController();
  const command = { verb: 'up', file: at('caisson.yaml'), names: [], variables: {}, detach: false } as const;
  const onEvent = (event: EngineEvent): void => {
    if (event.kind === 'begin' && event.phase === 'heartbeat') stop.abort('SIGINT');
  };
  await rejects(engine.execute(command, { onEvent, signal: stop.signal }), (reason) => reason === 'SIGINT');
  const shim = door.shimOf('a')!;
  shim.state = { ...shim.state, phase: 'ready' };
  const [outcome] = await up(text);
  deepEqual([outcome?.kind, outcome?.unchanged, door.done], ['ready', true, ['start a']]);
});

test('one that somebody stops while it comes up is said to have been stopped, and nothing is advised that needs its record', async () => {
  await image('a.eif');
  door.scripts.set('a', ['booting']);
  writeFileSync(at('caisson.yaml'), 'name: a\nimage: { eif: a.eif }\n');
  const command = { verb: 'up', file: at('caisson.yaml'), names: [], variables: {}, detach: false } as const;
  let stopped: Promise<unknown> | undefined;
  const onEvent = (event: EngineEvent): void => {
    if (event.kind === 'begin' && event.phase === 'heartbeat')
      stopped ??= engine.execute({ verb: 'stop', names: ['a'] });
  };
  const { enclaves } = await engine.execute(command, { onEvent });
  await stopped;
  const { kind, failure } = enclaves[0]!;
  deepEqual([kind, failure?.message], ['failed', 'enclave a was stopped while it came up']);
  match(failure?.hint ?? '', /caisson up starts it again/);
});

test('inspect tells what was asked for, what is so, and by which port of the host each way out leads', async () => {
  await image('a.eif', { components: ['network', 'ready'], egress: [{ host: 'one.example', port: 443 }] });
  await up('name: a\nimage: { eif: a.eif }\n');
  const found = await engine.execute({ verb: 'inspect', name: 'a' });
  deepEqual(found.egress, [{ destination: 'one.example:443', hostPort: 0x40000000 + 16 * 256 + 16 }]);
  deepEqual([found.image?.present, found.state?.phase, found.policyFile, found.fault], [true, 'ready', null, null]);
  rmSync(at('a.eif'));
  equal((await engine.execute({ verb: 'inspect', name: 'a' })).image?.present, false);
  equal((await engine.execute({ verb: 'list' })).length, 1);
});

test('an image without control is ready and not verified, and nothing is compared with it', async () => {
  await image('a.eif');
  const [outcome] = await up('name: a\nimage: { eif: a.eif }\n');
  deepEqual(outcome?.verdict?.holds, false);
  await rejects(engine.execute({ verb: 'compare', name: 'a' }), { code: 'ENGINE_IMAGE' });
});

test('one that is tried again is late at its deadline and not before, with what its shim does and how to end that', {
  // Below the time that a shim is given to end one that is late.
  timeout: 7_000,
}, async () => {
  await image('a.eif');
  const failed = { code: 'SHIM_LATE', message: 'it was late', hint: null };
  // Its own word that it failed is not the end of one that is started again.
  door.scripts.set('a', ['booting', 'failed', { phase: 'waiting', restarts: 1, failure: failed }]);
  const text = 'name: a\nimage: { eif: a.eif }\nready: { timeout: 40ms }\n';
  const [outcome] = await up(`${text}restart: always\n`);
  deepEqual([outcome?.kind, outcome?.failure?.code], ['late', 'ENGINE_LATE']);
  match(outcome?.failure?.message ?? '', /within 40 ms, got phase waiting; the last try ended with: it was late$/);
  match(outcome?.failure?.hint ?? '', /^its shim goes on trying \(restart: always\): .*caisson stop a ends it/);
  deepEqual(door.done, ['start a']);
  equal(door.shimOf('a')?.state.phase, 'waiting', 'nothing was ended');
});
