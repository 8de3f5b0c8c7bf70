// The nitro backend against a nitro-cli that is slow, fails, hangs, prints garbage and lies, and the contract of backends as far as a fake can hold it.
import { deepEqual, equal, match, ok, rejects, throws } from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { CID_PARENT } from '@caisson/core/address';
import { planEif } from '@caisson/core/eif';
import type { CaissonError } from '@caisson/core/errors';
import { createFabricTransport } from '@caisson/link/transport';
import { type BackendScene, backendContract } from '@caisson/testkit/backend';
import { laneBoundMs, laneFigure } from '@caisson/testkit/contract';
import {
  createFakeNitro,
  type FakeDescribeBehaviour,
  type FakeNitro,
  type FakeRunBehaviour,
  type FakeScript,
} from '@caisson/testkit/nitro-cli';
import type { Backend, EnclaveSpec } from '../backend/index.ts';
import { measureImage } from '../image/index.ts';
import { createNitroBackend, NITRO_DEBUG_WARNING, parseCpuList } from './index.ts';
import { checkCapacity } from './parent-machine.ts';

const folder = mkdtempSync(join(tmpdir(), 'caisson-nitro-'));
const state = join(folder, 'state');
const image = join(folder, 'waits.eif');
// Looks are processes here: more of them would only be in each other's way.
const times = { callMs: 60_000, settleMs: 1_000, pollMs: 100 };
const spec: EnclaveSpec = { name: 'one', image, memoryMiB: 64, cpus: { count: 2 } };
let fake: FakeNitro;
let backend: Backend;

before(async () => {
  const measurements: Record<string, Record<string, string>> = {};
  for (const name of ['waits', 'exits']) {
    const path = join(folder, `${name}.eif`);
    const ramdisks = [Buffer.from('first'), Buffer.from(name)];
    const planned = await planEif(
      { architecture: 'x86_64', kernel: Buffer.from('kernel'), cmdline: 'quiet', metadata: {}, ramdisks },
      () => createHash('sha384'),
    );
    const pieces: Uint8Array[] = [];
    for await (const piece of planned.open()) pieces.push(piece.slice());
    writeFileSync(path, Buffer.concat(pieces));
    measurements[path] = { ...(await measureImage(path)) };
  }
  mkdirSync(join(folder, 'fabric/3'), { recursive: true, mode: 0o700 });
  mkdirSync(join(folder, 'fake'));
  fake = createFakeNitro(join(folder, 'fake'), measurements);
  const transport = createFabricTransport({ directory: join(folder, 'fabric'), localCid: CID_PARENT, hostWide: true });
  backend = createNitroBackend({ state, transport, path: fake.path, root: fake.root, times });
});
after(() => {
  fake.close();
  rmSync(folder, { recursive: true });
});

const records = (): string[] => readdirSync(join(state, 'nitro'));

// Why a fake cannot: nothing boots in it, its parent says nothing of an end, and hardware is what the others differ from.
const beyond = [
  'boots an image of the builder to ready: health answers, ingress works, its document has its measurements, and stop ends it',
  'tells the code of an enclave that ends at once, and keeps its console',
  'refuses a boot that ends before its heartbeat with the step and the console',
  'ends with the process that started it, killed as it may be, and the next start removes its files',
  'refuses an image that its memory cannot hold, and leaves nothing',
  'says what it lacks here, and how its enclaves differ from hardware',
];

describe('the nitro backend keeps the contract of backends', () => {
  for (const title of beyond)
    ok(
      backendContract.some((one) => one.title === title),
      title,
    );
  for (const { title, run } of backendContract.filter((one) => !beyond.includes(one.title))) {
    test(title, { timeout: 300_000 }, async () => {
      const exits = join(folder, 'exits.eif');
      const scene: BackendScene = {
        backend,
        state,
        memoryMiB: 64,
        tooSmallMiB: 64,
        readyMs: 1_000,
        cycles: 3,
        images: { hello: image, exits, waits: image, broken: image },
        hostProgram: () => [],
      };
      await run(scene);
    });
  }
});

interface Fault {
  readonly script: FakeScript;
  readonly code?: string;
  readonly message: RegExp;
  readonly bootMs?: number;
}
const runs = (run: FakeRunBehaviour): FakeScript => ({ 'run-enclave': run });
/** What describe-enclaves does once the enclave is there, whether run-enclave has said which it is or not. */
function launched(described: FakeDescribeBehaviour, code: string, message: RegExp): readonly Fault[] {
  const script: FakeScript = { 'describe-enclaves': { ...described, skips: 1 } };
  const isForgotten = described.prints === '[]';
  const silent: FakeScript = { ...script, 'run-enclave': { prints: 'Started!' } };
  return [{ script, code, message }, ...(isForgotten ? [] : [{ script: silent, code, message }])];
}
// The first of them are those of the fast lane.
const faults: readonly Fault[] = [
  { script: runs({ fails: ['E36', 'E39'], starts: true }), code: 'BACKEND_BOOT', message: /failed with E36: / },
  ...launched({ prints: '[{]' }, 'NITRO_OUTPUT', /describe-enclaves must print/),
  ...launched({ prints: '[]' }, 'BACKEND_BOOT', /said that it had started/),
  ...launched({ doubles: true }, 'NITRO_OUTPUT', /must list one enclave one-[0-9a-f]{16}, got i-\S+ and i-/).slice(1),
  { script: runs({ hangs: true, starts: true }), bootMs: 700, code: 'BACKEND_LATE', message: /within 700 ms/ },
  { script: runs({ dies: true }), code: 'BACKEND_BOOT', message: /said that it had started/ },
  { script: runs({ mismeasures: true }), code: 'NITRO_MEASUREMENTS', message: /^PCR0 of enclave one must be / },
  { script: runs({ fails: ['E27', 'E39'] }), code: 'BACKEND_CAPACITY', message: /failed with E27: / },
  { script: runs({ fails: ['E29'] }), code: 'NITRO_FAILED', message: /run-enclave failed with E29: the driver / },
  { script: runs({ hangs: true }), bootMs: 500, code: 'BACKEND_LATE', message: /within 500 ms/ },
  { script: runs({ mutters: ['E36'], starts: false }), code: 'BACKEND_BOOT', message: /failed with E36: / },
  { script: runs({ prints: 'x'.repeat(2 << 20) }), code: 'NITRO_FAILED', message: /run-enclave must print at most/ },
  ...launched({ prints: 'It is well\n[]' }, 'NITRO_OUTPUT', /describe-enclaves must print/),
  ...launched({ prints: 'x'.repeat(2 << 20) }, 'NITRO_FAILED', /describe-enclaves must print at most 1 MiB/),
  ...launched({ prints: '', mutters: ['E39'] }, 'NITRO_FAILED', /describe-enclaves failed with E39: /),
  ...launched({ fails: ['E39'] }, 'NITRO_FAILED', /describe-enclaves failed with E39: /),
  { script: { 'describe-enclaves': { prints: '[{]' } }, code: 'NITRO_OUTPUT', message: /describe-enclaves must print/ },
];

/** As a shim that is killed: the process of the enclave that it has left. */
async function startAndDie(what: EnclaveSpec): Promise<number> {
  const source = `
    import { createNitroBackend } from ${JSON.stringify(new URL('./index.ts', import.meta.url).href)};
    const backend = createNitroBackend(${JSON.stringify({ state, path: fake.path, root: fake.root, times })});
    const { pids } = await backend.start(${JSON.stringify(what)});
    process.stdout.write(String(pids[0]));
    setInterval(() => {}, 1_000_000);`;
  writeFileSync(join(folder, 'host.mjs'), source);
  const words = ['--conditions=caisson-source', join(folder, 'host.mjs')];
  const host = spawn(process.execPath, words, { stdio: ['ignore', 'pipe', 'inherit'] });
  const [pid] = (await once(host.stdout, 'data')) as [Buffer];
  host.kill('SIGKILL');
  await once(host, 'close');
  return Number(pid);
}

test('R-G4 leaves no enclave, record or lock, whether nitro-cli fails, hangs, lies or its enclave dies', {
  timeout: 1_200_000,
}, async () => {
  for (let round = 0; round < laneFigure('R-G4'); round += 1) {
    const { script, code, message, bootMs = 20_000 } = faults[round % faults.length]!;
    fake.script(script);
    await rejects(backend.start({ ...spec, bootMs }), { code, message }, `round ${round}`);
    deepEqual(fake.enclaves(), [], `round ${round}`);
  }
  for (const name of records()) rmSync(join(state, 'nitro', name));
  fake.script({});
  await (await backend.start(spec)).kill();
  deepEqual(records(), []);
  ok(!readdirSync(state).includes('boot.lock'));
});

test('takes an enclave over whose launch printed garbage, by its whole name and its registers, and says so', async () => {
  fake.script({ 'run-enclave': { prints: 'Started!\u0000{', delayMs: 50 } });
  const stranger = await backend.start({ ...spec, name: 'o' });
  const enclave = await backend.start(spec);
  match(enclave.departures.join('\n'), /^nitro-cli run-enclave printed no JSON; /);
  deepEqual(enclave.measurements, await measureImage(image));
  await enclave.kill();
  deepEqual(
    fake.enclaves().map(({ ProcessID }) => ProcessID),
    stranger.pids,
  );
  await stranger.kill();
});

/** With a nitro-cli that does as it should: what a start before has left is gone, and this one leaves nothing. */
async function startsAlone(): Promise<void> {
  fake.script({});
  const enclave = await backend.start(spec);
  equal(fake.enclaves().length, 1);
  await enclave.kill();
  deepEqual(records(), []);
}

test('ends an enclave that comes up after its launch was given up, at the next start', async () => {
  const late = join(folder, 'late');
  fake.script({ 'run-enclave': { hangs: true, starts: { onceThere: late } } });
  // Time enough for nitro-cli to have read what it is told.
  const bootMs = laneBoundMs(250);
  await rejects(backend.start({ ...spec, bootMs }), { code: 'BACKEND_LATE' });
  equal(records().length, 1);
  writeFileSync(late, '');
  while (fake.enclaves().length === 0) await new Promise((resolve) => setTimeout(resolve, 20));
  await startsAlone();
});

test('ends an enclave whose starter was killed, at the next start, and no other', async () => {
  fake.script({});
  const other = await backend.start({ ...spec, name: 'other' });
  const pid = await startAndDie(spec);
  equal(fake.enclaves().length, 2);
  const next = await backend.start(spec);
  ok(fake.enclaves().every(({ ProcessID }) => ProcessID !== pid));
  equal(fake.enclaves().length, 2);
  await Promise.all([next.kill(), other.kill()]);
  deepEqual(records(), []);
});

test('an enclave whose keeper was killed is left alone by other starts, and taken over under its own name, once', async () => {
  fake.script({});
  const kept = { ...spec, name: 'kept', isKept: true };
  const pid = await startAndDie(kept);
  const other = await backend.start({ ...spec, name: 'other' });
  equal(fake.enclaves().length, 2);
  equal(await backend.adopt?.({ ...spec, name: 'kep' }), undefined);
  const measurements = await measureImage(image);
  const adopted = await backend.adopt?.({ ...kept, image: join(folder, 'gone.eif'), measurements });
  deepEqual([adopted?.pids, adopted?.vsock], [[pid], 'kernel']);
  deepEqual(adopted?.measurements, await measureImage(image));
  equal(await backend.adopt?.(kept), undefined);
  await rejects(backend.start({ ...spec, name: 'x', cid: adopted!.cid }), { code: 'BACKEND_CID' });
  deepEqual(await adopted?.kill(), { kind: 'died', byHost: true });
  await other.kill();
  deepEqual(records(), []);
});

test('what runs under the name and is not what was asked for is not taken over, and ended by the start that follows', async () => {
  fake.script({});
  const kept = { ...spec, name: 'kept', isKept: true };
  await startAndDie(kept);
  // What runs counts, and not which file lies under the path by now.
  const gone = {
    ...kept,
    image: join(folder, 'gone.eif'),
    measurements: { ...(await measureImage(image)), PCR8: 'a'.repeat(96) },
  };
  await rejects(async () => await backend.adopt?.(gone), { code: 'NITRO_MEASUREMENTS', message: /^PCR8 / });
  const changed = { ...kept, image: join(folder, 'exits.eif') };
  await rejects(async () => await backend.adopt?.(changed), { code: 'NITRO_MEASUREMENTS' });
  await rejects(async () => await backend.adopt?.({ ...kept, debug: true }), { code: 'NITRO_MEASUREMENTS' });
  equal(fake.enclaves().length, 1);
  const next = await backend.start(kept);
  equal(fake.enclaves().length, 1);
  await next.kill();
  deepEqual(records(), []);
});

test('says loudly that a debug enclave proves nothing, and reads its console and its code', async () => {
  fake.script({});
  const enclave = await backend.start({ ...spec, debug: true });
  equal(enclave.departures[0], NITRO_DEBUG_WARNING);
  for (const untilMs = performance.now() + 60_000; enclave.console.tail() === ''; ) {
    ok(performance.now() < untilMs, 'the console says nothing');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  process.kill(enclave.pids[0]!, 'SIGKILL');
  deepEqual(await enclave.ended, { kind: 'exited', code: 7 });
  const quiet = await backend.start(spec);
  deepEqual(await quiet.kill(), { kind: 'died', byHost: true });
  deepEqual([quiet.console.tail(), quiet.departures, quiet.documents], ['', [], { kind: 'aws' }]);
});

test('what is free is looked at in turn with the launch that takes it: of two starts that want one cpu at once one is refused', async () => {
  fake.script({});
  const held: boolean[] = [];
  const onPlace = async (): Promise<void> => void held.push(existsSync(join(state, 'boot.lock')));
  const wanted = ['two', 'three'].map((name) => backend.start({ ...spec, name, cpus: { ids: [7] }, onPlace }));
  const settled = await Promise.allSettled(wanted);
  const running = settled.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
  const codes = settled.flatMap((one) => (one.status === 'rejected' ? [one.reason.code] : []));
  for (const one of running) await one.kill();
  deepEqual([running.length, codes, held], [1, ['BACKEND_CAPACITY'], [true]]);
  deepEqual(records(), []);
});

test('says the numbers of huge pages, pool and image before nitro-cli is asked to start anything', async () => {
  fake.script({});
  await rejects(backend.start({ ...spec, memoryMiB: 4096 }), {
    code: 'BACKEND_CAPACITY',
    message: /must fit into 2048 MiB of free huge pages, got 4096 MiB; 2048 MiB are reserved, .* has memory_mib 2048$/,
  });
  await rejects(backend.start({ ...spec, cpus: { count: 5 } }), {
    message: /at most 4 cpus, got 5; the pool has 2,3,6,7/,
  });
  await rejects(backend.start({ ...spec, cpus: { ids: [2, 4] } }), { message: /got 4; the pool has 2,3,6,7/ });
  const cut = join(folder, 'cut.eif');
  writeFileSync(cut, readFileSync(image).subarray(0, -1));
  await rejects(backend.start({ ...spec, image: cut }), { name: 'ParseError' });
  const machine = { freeMiB: 2048, reservedMiB: 2048, cpuPool: [2, 3], allocatedMiB: undefined };
  throws(() => checkCapacity(spec, 20 * 2 ** 20, machine, []), {
    message: /at least 80 MiB, 4 times its image, got 64/,
  });
  deepEqual(parseCpuList('1,3-5\n'), [1, 3, 4, 5]);
  deepEqual(parseCpuList('x,5-3, 7'), [7]);
});

test('a launch whose enclave nothing ends says which may still run and the command, by the cause of its failure, and the next start ends it', async () => {
  const deaf = { 'describe-enclaves': { prints: '[{]', skips: 1 }, 'terminate-enclave': { fails: ['E39'] } } as const;
  const left = String.raw`enclave one-[0-9a-f]{16} of this launch may still run, with cid \d+: nitro-cli terminate-enclave failed with E39: `;
  const hint = (which: string) =>
    new RegExp(`^nitro-cli terminate-enclave --enclave-${which} ends it, and the next start of one tries to$`);
  const told = (code: string, which: string) => (error: CaissonError) => {
    equal(error.code, code);
    match(error.message, new RegExp(left));
    match(error.hint ?? '', hint(which));
    return true;
  };
  fake.script(deaf);
  await rejects(backend.start(spec), told('NITRO_OUTPUT', 'id i-0123456789abcdef0-enc[0-9a-f]{16}'));
  deepEqual([fake.enclaves().length, records().length], [1, 1]);
  // Whoever gave it up himself hears it as well. What the one before has left is ended first.
  const again = { ...deaf, 'terminate-enclave': { fails: ['E39'], skips: 1 } } as const;
  const stop = new AbortController();
  fake.script({ ...again, 'run-enclave': { hangs: true, starts: true } });
  const [first] = fake.enclaves();
  const given = backend.start({ ...spec, signal: stop.signal });
  while (!fake.enclaves().some(({ EnclaveName }) => EnclaveName !== first?.EnclaveName)) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  stop.abort();
  await rejects(given, told('NITRO_LEFT', 'name one-[0-9a-f]{16}'));
  await startsAlone();
});

test('what a killed starter has left is ended by its whole name where no list can be read', async () => {
  fake.script({});
  await startAndDie(spec);
  fake.script({ 'describe-enclaves': { prints: '[{]' } });
  equal(await backend.endLeft?.(spec.name), 1);
  deepEqual([fake.enclaves(), records(), await backend.endLeft?.(spec.name)], [[], [], 0]);
});

test('tries to end an enclave three times, and says when it could not', async () => {
  fake.script({});
  const enclave = await backend.start(spec);
  fake.script({ 'terminate-enclave': { fails: ['E39'], times: 2 } });
  deepEqual(await enclave.kill(), { kind: 'died', byHost: true });
  const other = await backend.start(spec);
  fake.script({ 'terminate-enclave': { fails: ['E39'] } });
  await rejects(other.kill(), { code: 'NITRO_FAILED', message: /^nitro-cli terminate-enclave failed with E39: / });
  fake.script({ 'terminate-enclave': { lies: true } });
  await rejects(other.kill(), {
    code: 'NITRO_FAILED',
    message: new RegExp(
      `^nitro-cli terminate-enclave must end enclave i-\\S+, and its process ${other.pids[0]} goes on$`,
    ),
  });
  fake.script({});
  await other.kill();
  deepEqual(fake.enclaves(), []);
});

test('says what a machine without enclaves lacks, and how to get it', async () => {
  const transport = createFabricTransport({ directory: join(folder, 'fabric'), localCid: CID_PARENT });
  const bare = createNitroBackend({ state, transport, path: '', root: folder });
  const missing = await bare.findMissing();
  deepEqual(
    missing.map(({ what }) => what),
    ['nitro-cli in PATH', '/dev/nitro_enclaves', '/sys/module/nitro_enclaves/parameters/ne_cpus'],
  );
  await rejects(bare.start(spec), { code: 'BACKEND_UNAVAILABLE' });
  deepEqual(await backend.findMissing(), []);
});
