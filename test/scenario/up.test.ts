// From one file to ready and proven enclaves, with the program itself, the real shim, the simulator and the real PID 1; and back to nothing.

import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { createSimBackend } from '@caisson/host/backend-sim';
import { writeMeasuredEif } from '@caisson/testkit/boot';
import { assertFitsSchema } from '@caisson/testkit/contract';
import { imageSkip } from './backend/image.ts';

const program = join(import.meta.dirname, '../../packages/cli/bin/caisson.js');
const isBuilt = existsSync(join(program, '../../dist/main/caisson.js'));
// Short, because sockets lie in it.
const folder = mkdtempSync(join(tmpdir(), 'caisson-up-'));
const at = (name: string): string => join(folder, name);
const [missing] = imageSkip === false ? await createSimBackend({ state: at('none') }).findMissing() : [];
const skip = imageSkip || (!isBuilt && 'not built') || (missing !== undefined && `the simulator needs ${missing.what}`);
const timeout = 120_000;

interface Ran {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

async function caisson(...words: string[]): Promise<Ran> {
  const env = { ...process.env, CAISSON_STATE: at('s'), XDG_CONFIG_HOME: at('config'), CAISSON_VSOCK: undefined };
  const child = spawn(process.execPath, [program, ...words], { cwd: folder, env, stdio: ['ignore', 'pipe', 'pipe'] });
  let [stdout, stderr] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text) => (stderr += text));
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  return { code, stdout, stderr };
}

interface Told {
  readonly enclaves: readonly {
    readonly name: string;
    readonly result: string;
    readonly cid: number;
    readonly unchanged: boolean;
    readonly changes: readonly string[];
    readonly verdict: { readonly holds: boolean; readonly simulated?: boolean } | null;
    readonly failure: { readonly code: string; readonly message: string; readonly evidence: unknown } | null;
    readonly phases: readonly { readonly phase: string }[];
  }[];
}

function told({ stdout, stderr }: Ran, schema: string): Told {
  ok(stdout !== '', stderr);
  const document = JSON.parse(stdout) as Told;
  assertFitsSchema(document, schema);
  return document;
}

let far: Server;
let ports: number[];
before(async () => {
  far = createServer((socket) => socket.end('from afar'));
  await listen(far);
  const servers = [createServer(), createServer()];
  ports = await Promise.all(servers.map(listen));
  for (const server of servers) server.close();
});
after(async () => {
  far.close();
  if (skip === false) await caisson('down', '--all');
  rmSync(folder, { recursive: true });
});

async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

const app = `
const { connect } = require('node:net');
require('node:http').createServer((ask, answer) => {
  const socket = connect(Number(process.env.FAR), '127.0.1.64');
  let text = process.env.WHO + ' heard: ';
  socket.on('data', (piece) => (text += piece)).on('close', () => answer.end(text)).on('error', () => {});
}).listen(3000, '127.0.0.1');
`;

function writeFile(memoryMiB = 448): void {
  const { port } = far.address() as AddressInfo;
  const enclave = (name: string, index: number): string => `  ${name}:
    image: { source: ./app }
    profile: development
    operators: { local: dev }
    env: { WHO: ${name}, FAR: "${port}" }
    services: { app: "ReadyPort = 3000" }
    ingress: ["${ports[index]}:3000"]
    egress: ["127.0.0.1:${port}"]
`;
  const two = `${enclave('two', 1)}    depends_on: [one]\n    resources: { memoryMiB: ${memoryMiB} }\n`;
  writeFileSync(at('caisson.yaml'), `enclaves:\n${enclave('one', 0)}${two}`);
}

async function ask(index: number): Promise<string> {
  return await (await fetch(`http://127.0.0.1:${ports[index]}/`)).text();
}

test('one command takes a file to two enclaves that are ready and proven, with equal ways out at once; down leaves nothing', {
  skip,
  timeout,
}, async () => {
  mkdirSync(at('app'));
  writeFileSync(at('app/package.json'), '{"main":"main.js"}');
  writeFileSync(at('app/main.js'), app);
  writeFile();
  const first = await caisson('up', '--json');
  const { enclaves } = told(first, 'up');
  const short = enclaves.map(({ name, result, verdict }) => [name, result, verdict?.holds, verdict?.simulated]);
  deepEqual(
    short,
    [
      ['one', 'ready', true, true],
      ['two', 'ready', true, true],
    ],
    first.stdout,
  );
  deepEqual([first.code, first.stderr], [0, '']);
  const phases = enclaves[0]!.phases.map(({ phase }) => phase);
  deepEqual(
    phases.filter((phase) => phase !== 'config'),
    ['build', 'boot', 'heartbeat', 'services', 'ready', 'verified'],
  );
  deepEqual(await Promise.all([ask(0), ask(1)]), ['one heard: from afar', 'two heard: from afar']);

  const { code, stdout, stderr } = await caisson(
    'exec',
    'one',
    '--',
    '/usr/lib/caisson/busybox',
    'cat',
    '/etc/caisson/profile',
  );
  deepEqual([code, stdout], [0, 'development\n'], stderr);
  match(stderr, /^SIMULATED/);
  const compared = await caisson('attest', 'compare', 'two', '--json');
  equal(compared.code, 0, compared.stderr);
  told(compared, 'attest-compare');

  writeFile(512);
  const again = told(await caisson('up', '--json'), 'up').enclaves;
  deepEqual(
    again.map(({ name, unchanged, changes }) => [name, unchanged, changes]),
    [
      ['one', true, []],
      ['two', false, ['memoryMiB 448 -> 512']],
    ],
  );
  equal(again[0]!.cid, enclaves[0]!.cid);
  equal(await ask(1), 'two heard: from afar');

  const seen = await caisson('inspect', 'two', '--json');
  told(seen, 'inspect');
  const policies = readdirSync(at('config/caisson/policies')).sort();
  deepEqual(policies, [`${again[0]!.cid}.yaml`, `${again[1]!.cid}.yaml`, 'one.yaml', 'two.yaml'].sort());
  equal(existsSync(at('config/caisson/seen')), false, 'a trial is no memory of versions');
  const ended = await caisson('down', '--json');
  equal(ended.code, 0, ended.stderr);
  told(ended, 'stop');
  deepEqual(readdirSync(at('config/caisson/policies')), []);
  deepEqual(await leftOf(at('s')), []);
});

/** Of the first test's build: whoever needs no other image spares himself one. */
function builtImage(): string {
  const name = readdirSync(at('s/built/one')).find((one) => one.endsWith('.eif'));
  return `s/built/one/${name}`;
}

test('what does not come up says one cause with its evidence, by exit code: failed, refused, not ready in time', {
  skip,
  timeout,
}, async () => {
  mkdirSync(at('bad'));
  writeFileSync(at('bad/package.json'), '{"main":"main.js"}');
  writeFileSync(
    at('bad/main.js'),
    "if (process.env.FALL) { console.error('about to fall'); process.exit(3); } setInterval(() => {}, 1000);",
  );
  const { port } = far.address() as AddressInfo;
  const bad = 'image: ./bad, profile: development, services: { app: "ReadyPort = 3000" }';
  writeFileSync(
    at('bad.yaml'),
    `enclaves:
  crash: { ${bad}, env: { FALL: 1 } }
  taken: { image: { eif: ${builtImage()} }, ingress: ["${port}:3000"] }
  after: { image: { eif: ${builtImage()} }, depends_on: [crash] }
`,
  );
  const failed = await caisson('up', '-f', 'bad.yaml', '--json');
  const { enclaves } = told(failed, 'up');
  const results = Object.fromEntries(enclaves.map(({ name, result }) => [name, result]));
  deepEqual([results, failed.code], [{ crash: 'failed', taken: 'failed', after: 'skipped' }, 1], failed.stdout);
  const failure = (name: string) => enclaves.find((one) => one.name === name)?.failure;
  match(JSON.stringify(failure('crash')), /about to fall/);
  const holder = `port ${port} of 127\\.0\\.0\\.1 must be free for enclave taken: process ${process.pid}`;
  match(failure('taken')!.message, new RegExp(holder));

  writeFileSync(at('never.yaml'), `enclaves: { never: { ${bad}, ready: { timeout: 2s } } }\n`);
  const late = await caisson('up', '-f', 'never.yaml');
  equal(late.code, 3, late.stderr);
  match(late.stderr, /^never {2}NOT READY {2}in services\n {2}enclave never .*service-(starting|not-ready) app/m);
  match(late.stderr, /^ {2}try: /m);

  const wrong = `name: wrong\nimage: { eif: ${builtImage()}, pcr0: "${'0'.repeat(96)}" }\n`;
  writeFileSync(at('wrong.yaml'), wrong);
  const refused = await caisson('up', '-f', 'wrong.yaml');
  equal(refused.code, 2, refused.stderr);
  match(refused.stderr, /REFUSED {2}in build\n {2}image .* must measure PCR0 0{96}, got [0-9a-f]{96}/);
  equal((await caisson('up', '--timeout', 'soon')).code, 64);
  await caisson('down', '--all');
  deepEqual(await leftOf(at('s')), []);
});

test('a CID that another enclave has is refused, and the other one goes on; stop keeps what restart starts again', {
  skip,
  timeout,
}, async () => {
  const run = (name: string) => caisson('run', builtImage(), '-d', '--json', '--cid', '77', '--name', name);
  const first = await run('first');
  deepEqual([first.code, told(first, 'up').enclaves[0]?.cid], [0, 77], first.stdout);
  const second = await run('second');
  equal(second.code, 1);
  match(told(second, 'up').enclaves[0]!.failure!.message, /77.*first|first.*77/);
  const byCid = await caisson('exec', '77', '--', '/usr/lib/caisson/busybox', 'true');
  equal(byCid.code, 0, 'with no CAISSON_VSOCK');
  equal((await caisson('stop', 'first')).code, 0);
  const gone = await caisson('exec', 'first', '--', 'true');
  match(gone.stderr, /enclave first must run, got phase stopped/);
  const restarted = await caisson('restart', 'first', '--json');
  deepEqual([restarted.code, told(restarted, 'up').enclaves[0]?.result], [0, 'ready'], restarted.stderr);
  match((await caisson('rm', 'first')).stderr, /enclave first must have ended to be removed/);
  equal((await caisson('down', '--all', '--images')).code, 0);
  deepEqual(await leftOf(at('s')), []);
});

test('a full disk is told with its cause, and nothing is half done', { skip: skip || noTmpfs(), timeout }, async () => {
  const small = at('small');
  mkdirSync(small);
  equal(spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=4m,mode=0700', 'caisson', small]).status, 0);
  try {
    mkdirSync(at('full'));
    writeFileSync(at('full/main.js'), '');
    writeFileSync(at('full/package.json'), '{"main":"main.js"}');
    const env = { ...process.env, CAISSON_STATE: small, XDG_CONFIG_HOME: at('config') };
    const words = [program, 'run', './full', '-d'];
    const { status, stderr } = spawnSync(process.execPath, words, { cwd: folder, env, encoding: 'utf8' });
    equal(status, 1);
    match(stderr, /cannot write .*\.eif: ENOSPC[\s\S]*try: /);
    deepEqual(readdirSync(join(small, 'built/full')), []);
    // Not a byte is left, and not a lock can be written: what removes has to work all the same.
    mkdirSync(join(small, 'enclaves/old'), { recursive: true, mode: 0o700 });
    spawnSync('dd', ['if=/dev/zero', `of=${join(small, 'fill')}`, 'bs=4k']);
    const down = spawnSync(process.execPath, [program, 'down', 'old'], { cwd: folder, env, encoding: 'utf8' });
    deepEqual([down.status, readdirSync(join(small, 'enclaves'))], [0, []], down.stderr);
    await writeMeasuredEif(at('given.eif'), { config: { expect: 'none' } });
    const image = spawnSync(process.execPath, [program, 'run', at('given.eif'), '-d'], {
      cwd: folder,
      env,
      encoding: 'utf8',
    });
    match(image.stderr, /cannot write .*: ENOSPC[\s\S]*try: free space/);
    deepEqual([image.status, readdirSync(small).filter((name) => name.startsWith('.caisson-'))], [1, []]);
  } finally {
    spawnSync('umount', [small]);
  }
});

function noTmpfs(): string | false {
  if (process.getuid?.() !== 0) return 'only root can mount a small file system';
  const probe = at('probe');
  mkdirSync(probe);
  const isMounted = spawnSync('mount', ['-t', 'tmpfs', 'caisson', probe]).status === 0;
  if (isMounted) spawnSync('umount', [probe]);
  return !isMounted && 'no file system can be mounted here';
}

/** Processes and mounts of this state folder, and its files but for what outlives every enclave. A shim that has told its end may still be ending. */
async function leftOf(state: string): Promise<string[]> {
  for (let turn = 0; ; turn += 1) {
    const left = tracesOf(state);
    if (left.length === 0 || turn === 60) return left;
    await pause(50);
  }
}

function tracesOf(state: string): string[] {
  const kept = /^(version|cids|sim-authority(\/.*)?|built(\/.*)?|sim-measured(\/.*)?|run(\/fabric(\/3)?)?|enclaves)$/;
  const files = readdirSync(state, { recursive: true, encoding: 'utf8' }).filter((name) => !kept.test(name));
  const mounts = readFileSync('/proc/self/mountinfo', 'latin1')
    .split('\n')
    .filter((line) => line.includes(state));
  const processes = readdirSync('/proc').flatMap((pid) => {
    const isOurs = /^[0-9]+$/.test(pid) && readText(`/proc/${pid}/environ`).includes(`CAISSON_STATE=${state}\0`);
    return isOurs ? [`process ${pid} ${readText(`/proc/${pid}/cmdline`)}`] : [];
  });
  return [...files, ...mounts, ...processes];
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return '';
  }
}
