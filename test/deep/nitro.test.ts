// The nitro backend as far as a laptop goes: behind a nitro-cli that is none stand real enclaves of the simulator, so that a launch, a heartbeat, a config, a
// ready line, a session and an end go through everything that hardware would see. Whose root signs the documents is the one thing that differs, and no
// command takes that root unless a policy of this side names it.
import { deepEqual, equal, match, ok, rejects } from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { CID_PARENT, toVsockPort } from '@caisson/core/address';
import { parseHex } from '@caisson/core/bytes';
import { createNitroBackend } from '@caisson/host/backend-nitro';
import { waitUntilReady } from '@caisson/host/ready';
import { createFabricTransport } from '@caisson/link/transport';
import { type BackendScene, backendContract, hangingInit, isAlive, writeProbeImage } from '@caisson/testkit/backend';
import { freePort } from '@caisson/testkit/loopback';
import { createSimulatedNitro, type SimulatedNitro } from '@caisson/testkit/nitro-cli';
import { startProcess } from '@caisson/testkit/program';
import { verifyDocument } from '@caisson/verify';
import { checks } from '../../scripts/hardware/smoke/check.ts';
import { makeImages } from '../scenario/backend/image.ts';
import { programSkip, startProgram, termsIn } from '../scenario/engine/program.ts';

const root = join(import.meta.dirname, '../..');
const skip = programSkip || (process.getuid?.() !== 0 && 'nitro-smoke.sh would ask for root');
// Short, because sockets lie in it.
const folder = mkdtempSync(join(tmpdir(), 'cn-'));
const at = (name: string): string => join(folder, name);
let nitro: SimulatedNitro;
let terms: ReturnType<typeof termsIn>;

before(async () => {
  if (skip) return;
  mkdirSync(at('n'));
  nitro = await createSimulatedNitro(at('n'));
  const { cwd, env } = termsIn(folder);
  const standIn = { CAISSON_NITRO_ROOT: nitro.root, CAISSON_VSOCK: nitro.vsock };
  terms = { cwd, env: { ...env, ...standIn, PATH: `${nitro.path}:${process.env['PATH']}` } };
});
after(() => {
  if (!skip) nitro.close();
  rmSync(folder, { recursive: true });
});

const caisson = (...words: readonly string[]) => startProgram(words, terms).ended;

// Hardware has them from the kernel or not at all: no console without debug and so no code and no step, enclaves that outlive their starter, another rule of
// memory; and a machine that lacks something is a fake one.
const beyond = [
  'tells the code of an enclave that ends at once, and keeps its console',
  'refuses a boot that ends before its heartbeat with the step and the console',
  'ends with the process that started it, killed as it may be, and the next start removes its files',
  'refuses an image that its memory cannot hold, and leaves nothing',
  'says what it lacks here, and how its enclaves differ from hardware',
];

describe('the nitro backend keeps the contract of backends with an enclave behind it', { skip }, () => {
  let scene: BackendScene;
  before(async () => {
    const directory = nitro.vsock.slice('fabric:'.length);
    const transport = createFabricTransport({ directory, localCid: CID_PARENT, hostWide: true });
    mkdirSync(at('images'));
    const state = at('contract');
    const terms = { state, transport, vsock: nitro.vsock, path: nitro.path, root: nitro.root };
    scene = {
      state,
      memoryMiB: 768,
      tooSmallMiB: 64,
      readyMs: 60_000,
      cycles: 2,
      hostProgram: () => [],
      backend: createNitroBackend({ ...terms, times: { settleMs: 4_000, pollMs: 20 } }),
      images: await makeImages(at('images')),
    };
  });
  for (const { title, run } of backendContract.filter((one) => !beyond.includes(one.title)))
    test(title, { timeout: 240_000 }, async () => await run(scene));

  test('a boot that ends before its heartbeat is E36, and one that never has it is ended in time', {
    timeout: 240_000,
  }, async () => {
    const { backend, images } = scene;
    const spec = { name: 'dark', memoryMiB: 64, cpus: { count: 1 } };
    await rejects(backend.start({ ...spec, image: images.broken }), {
      code: 'BACKEND_BOOT',
      message: /nitro-cli run-enclave failed with E36: /,
    });
    await writeProbeImage({ path: at('hangs.eif'), kernel: images.waits, words: undefined, init: hangingInit() });
    // nitro-cli itself is ended then, and the process of its enclave with whatever it has started.
    await rejects(backend.start({ ...spec, image: at('hangs.eif'), bootMs: 3_000 }), {
      code: 'BACKEND_LATE',
      message:
        /^enclave dark must send its heartbeat within 3000 ms; nitro-cli run-enclave did not end, and was ended$/,
    });
    for (const name of readdirSync(join(scene.state, 'nitro'))) rmSync(join(scene.state, 'nitro', name));
    deepEqual(nitro.enclaves(), []);
  });

  test('a document of an enclave of nitro-cli has its registers and a root that no verifier takes unasked; a console is there in debug mode alone', {
    timeout: 240_000,
  }, async () => {
    const { backend, images } = scene;
    const spec = { name: 'hello', image: images.hello, memoryMiB: 768, cpus: { count: 1 } };
    const { cid, transport, measurements, documents, console, kill } = await backend.start(spec);
    await waitUntilReady({ cid, transport, deadlineMs: 60_000, intervalMs: 250 });
    const nonce = randomBytes(32);
    const socket = await transport.connect({ cid, port: toVsockPort(8080) }, { timeoutMs: 10_000 });
    socket.write(`GET /document?${nonce.toString('hex')} HTTP/1.0\r\nHost: x\r\nConnection: close\r\n\r\n`);
    let text = '';
    for await (const chunk of socket) text += chunk.toString();
    socket.destroy();
    const { data } = JSON.parse(text.slice(text.indexOf('\r\n\r\n'))) as { data: string };
    const { PCR0, PCR1, PCR2 } = measurements;
    const given = { nonce, pcrs: { 0: PCR0, 1: PCR1, 2: PCR2 } };
    await verifyDocument(parseHex(data), { ...given, roots: [nitro.rootPem] });
    await rejects(verifyDocument(parseHex(data), given), { name: 'VerificationError' });
    deepEqual(documents, { kind: 'aws' }, 'what the backend says is no word of the fake');
    equal(console.tail(), '');
    await kill();
    const debug = await backend.start({ ...spec, image: images.waits, debug: true });
    while (!/^waiting$/m.test(debug.console.tail())) await new Promise((resolve) => setTimeout(resolve, 20));
    await debug.kill();
    deepEqual(nitro.enclaves(), []);
  });
});

test('the smoke holds through nitro-cli with an enclave behind it, all eleven lines, and says that it is SIMULATED', {
  skip,
  timeout: 300_000,
}, async () => {
  const local = at('tmp');
  mkdirSync(local);
  const env = {
    ...terms.env,
    TMPDIR: local,
    CAISSON_SMOKE_ROOT: nitro.rootFile,
    CAISSON_SMOKE_HOST: 'localhost',
    CAISSON_SMOKE_MEMORY: '768',
    CAISSON_SMOKE_KERNEL: join(root, 'package.json'),
    CAISSON_SMOKE_HTTP_PORT: `${await freePort()}`,
    CAISSON_SMOKE_HOST_ECHO_PORT: `${await freePort()}`,
  };
  const smoke = (more: NodeJS.ProcessEnv = {}) =>
    startProcess([join(root, 'scripts/nitro-smoke.sh')], { env: { ...env, ...more } }).ended;
  const { code, out, all } = await smoke();
  equal(code, 0, all);
  deepEqual(
    out
      .trim()
      .split('\n')
      .slice(0, -2)
      .map((line) => line.slice(0, 20).trimEnd()),
    ['image', 'ready', ...checks.map(({ name }) => name), 'ended'].map((name) => `PASS  ${name}`),
  );
  match(out, /\nPASS {2}verified {6}under a SIMULATED root, which proves nothing about hardware; /);
  match(
    out,
    /\nHELD {2}argonaut's checks: 5, ours: 6; failed: 0, skipped: 0, not reached: 0; backend nitro\nSIMULATED: this says nothing about hardware\n$/,
  );
  deepEqual([nitro.enclaves(), readdirSync(local)], [[], []]);

  // Without the root it is AWS's that counts, and these documents do not bear it.
  const alone = await smoke({ CAISSON_SMOKE_ROOT: undefined });
  equal(alone.code, 1, alone.all);
  for (const name of ['verified', 'exec', 'cp']) match(alone.out, new RegExp(`\nFAIL {2}${name} `));
  match(alone.out, /argonaut's checks: 5, ours: 3; failed: 3, skipped: 0, not reached: 0; backend nitro\nSIMULATED: /);
  deepEqual([nitro.enclaves(), readdirSync(local)], [[], []]);
});

const service =
  'require("node:http").createServer((ask, answer) => answer.end("from inside")).listen(8080, "127.0.0.1");';

/** `metal` of a folder of its own; `more` of caisson.yaml. */
function write(more = ''): string {
  writeFileSync(
    at('caisson.yaml'),
    `name: metal
image: { eif: metal.eif }
backend: nitro
resources: { memoryMiB: 768, cpus: 1 }
${more}`,
  );
  return at('caisson.yaml');
}

/** `metal.eif`, once. */
async function build(): Promise<void> {
  if (existsSync(at('metal.eif'))) return;
  mkdirSync(at('app'));
  writeFileSync(at('app/package.json'), '{"main":"main.js"}');
  writeFileSync(at('app/main.js'), service);
  const key = JSON.parse((await caisson('operator', 'create', 'dev', '--json')).out).spki;
  const list = [{ name: 'dev', key, verbs: ['all'], exec: [['/usr/bin/node', '--version']] }];
  const spec = {
    name: 'metal',
    version: '1.0.0',
    operators: { list },
    services: { app: 'ReadyPort = 8080' },
    ingress: ['8080:8080'],
  };
  writeFileSync(at('build.yaml'), JSON.stringify(spec));
  const words = ['--config', at('build.yaml'), '--kernel', at('app/main.js'), '-o', at('metal.eif')];
  const built = await caisson('build', at('app'), ...words);
  equal(built.code, 0, built.all);
}

test('up on nitro is proven under a policy of this side and by nothing else; commands by name, an end and a new shim work as on hardware', {
  skip,
  timeout: 300_000,
}, async () => {
  await build();
  const port = await freePort();
  const ways = `ingress: ["${port}:8080"]\n`;
  const bare = await caisson('up', '-f', write(ways));
  equal(bare.code, 0, bare.all);
  match(bare.out, /^metal {2}READY {2}nitro, CID \d+, production/);
  match(bare.out, /^ {2}NOT VERIFIED {2}/m);
  equal(await (await fetch(`http://127.0.0.1:${port}/`)).text(), 'from inside');
  const unasked = await caisson('exec', 'metal', '--', '/usr/bin/node', '--version');
  equal(unasked.code, 64, unasked.all);
  match(unasked.err, /a policy must say what enclave metal must be, got none/);
  // Everything that a policy can say, but for the root: AWS's is then the only one.
  const { measurements } = JSON.parse((await caisson('inspect', 'metal', '--json')).out).spec;
  const pcrs = { 0: measurements.PCR0, 1: measurements.PCR1, 2: measurements.PCR2 };
  const wrong = await caisson('up', '-f', write(`${ways}policy: ${JSON.stringify({ attest: { v: 1, pcrs } })}\n`));
  equal(wrong.code, 2, wrong.all);
  match(wrong.all, /metal {2}REFUSED {2}in verif/);
  const attest = { v: 1, pcrs, backend: 'sim', roots: [nitro.rootPem] };
  const file = write(`${ways}policy: ${JSON.stringify({ attest })}\n`);
  const { code, all } = await caisson('up', '-f', file);
  equal(code, 0, all);
  match(all, /^metal {2}READY {2}nitro, CID \d+, production/m);
  match(all, /VERIFIED/);
  match(all, /SIMULATED/);
  const asked = ['--operator', 'dev'];
  const ran = await caisson('exec', ...asked, 'metal', '--', '/usr/bin/node', '--version');
  deepEqual([ran.code, ran.out], [0, `${process.version}\n`], ran.err);
  match(ran.err, /^SIMULATED/m);
  const compared = await caisson('attest', 'compare', 'metal', ...asked);
  deepEqual([compared.code, compared.out.split('\n').at(-2)], [0, 'EQUAL: metal runs what was built'], compared.err);

  const { shim, cid } = JSON.parse(readFileSync(at('s/enclaves/metal/state.json'), 'utf8'));
  process.kill(shim.pid, 'SIGKILL');
  while (isAlive(shim.pid)) await new Promise((resolve) => setTimeout(resolve, 5));
  const again = await caisson('up', '-f', file, '--json');
  const [told] = JSON.parse(again.out).enclaves;
  deepEqual([again.code, told.result, told.cid, nitro.enclaves().length], [0, 'ready', cid, 1], again.err);
  equal(await (await fetch(`http://127.0.0.1:${port}/`)).text(), 'from inside');
  equal((await caisson('down', '-f', file)).code, 0);
  deepEqual(nitro.enclaves(), []);
});

test('a nitro-cli that answers nobody is late, 3, and one that ends nothing is told by down, which keeps the record', {
  skip,
  timeout: 300_000,
}, async () => {
  await build();
  const file = write();
  nitro.script({ 'describe-enclaves': { hangs: true } });
  const late = await caisson('up', '-f', file);
  equal(late.code, 3, late.all);
  match(late.err, /^metal {2}NOT READY {2}in \w+\n {2}nitro-cli describe-enclaves must end within 10000 ms$/m);
  match(late.err, /^ {2}try: look whether nitro-cli answers by hand/m);
  nitro.script({});
  equal((await caisson('up', '-f', file)).code, 0);
  nitro.script({ 'terminate-enclave': { lies: true } });
  const kept = await caisson('down', '-f', file);
  equal(kept.code, 1, kept.all);
  match(kept.err, /nitro-cli terminate-enclave must end enclave i-\S+, and its process \d+ goes on/);
  equal(nitro.enclaves().length, 1);
  nitro.script({});
  const ended = await caisson('down', '-f', file);
  equal(ended.code, 0, ended.all);
  deepEqual([nitro.enclaves(), readdirSync(at('s/enclaves'))], [[], []]);
});

test('an image whose first process never gives its heartbeat is not ready in time, with nitro-cli as with the simulator', {
  skip,
  timeout: 120_000,
}, async () => {
  const [path, kernel] = [at('dark.eif'), import.meta.filename];
  await writeProbeImage({ path, kernel, words: undefined, init: hangingInit(), profile: 'production' });
  const dark = (backend: string): string =>
    `name: dark\nimage: { eif: dark.eif }\nbackend: ${backend}\nresources: { memoryMiB: 64, cpus: 1 }\nready: { timeout: 2s }\n`;
  for (const backend of ['nitro', 'sim']) {
    writeFileSync(at('dark.yaml'), dark(backend));
    const { code, err } = await caisson('up', '-f', 'dark.yaml');
    equal(code, 3, err);
    match(err, /^dark {2}NOT READY {2}in \w+\n {2}enclave dark must send its heartbeat within 2000 ms; /m);
    if (backend === 'sim') match(err, /caisson-init: waits for ever/);
    equal((await caisson('down', '-f', 'dark.yaml')).code, 0);
  }
  ok(nitro.enclaves().length === 0);
});
