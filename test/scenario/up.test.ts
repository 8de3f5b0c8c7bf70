// From one file to ready and proven enclaves, with the program itself, the real shim, the simulator and the real PID 1; and back to nothing.

import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { hangingInit, writeProbeImage } from '@caisson/testkit/backend';
import { writeMeasuredEif } from '@caisson/testkit/boot';
import { assertFitsSchema } from '@caisson/testkit/contract';
import type { EndedProcess } from '@caisson/testkit/program';
import { programSkip as skip, startProgram, termsIn } from './engine/program.ts';
import { leftOf } from './engine/traces.ts';

// Short, because sockets lie in it.
const folder = mkdtempSync(join(tmpdir(), 'caisson-up-'));
const at = (name: string): string => join(folder, name);
const timeout = 300_000;
const terms = termsIn(folder);

const caisson = (...words: string[]) => startProgram(words, terms).ended;

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

function told({ out, err }: EndedProcess, schema: string): Told {
  ok(out !== '', err);
  const document = JSON.parse(out) as Told;
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
    first.out,
  );
  deepEqual([first.code, first.err], [0, '']);
  const phases = enclaves[0]!.phases.map(({ phase }) => phase);
  deepEqual(
    phases.filter((phase) => phase !== 'config'),
    ['build', 'boot', 'heartbeat', 'services', 'ready', 'verified'],
  );
  deepEqual(await Promise.all([ask(0), ask(1)]), ['one heard: from afar', 'two heard: from afar']);

  const { code, out, err } = await caisson(
    'exec',
    'one',
    '--',
    '/usr/lib/caisson/busybox',
    'cat',
    '/etc/caisson/profile',
  );
  deepEqual([code, out], [0, 'development\n'], err);
  match(err, /^SIMULATED/);
  const compared = await caisson('attest', 'compare', 'two', '--json');
  equal(compared.code, 0, compared.err);
  told(compared, 'attest-compare');
  // Of an image that is another by now than the one that was built, which only the record says.
  const record = at('s/enclaves/two/spec.json');
  const spec = readFileSync(record, 'utf8');
  writeFileSync(record, spec.replace(/("PCR2": ?")[0-9a-f]{96}/, `$1${'ab'.repeat(48)}`));
  const differs = await caisson('attest', 'compare', 'two');
  writeFileSync(record, spec);
  equal(differs.code, 2, differs.err);
  match(differs.out, /\nPCR2 .*(ab){48}[\s\S]*\nDIFFERENT: two runs another image\n$/);

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
  equal(ended.code, 0, ended.err);
  told(ended, 'stop');
  deepEqual(readdirSync(at('config/caisson/policies')), []);
  deepEqual(await leftOf(at('s')), []);
});

/** `hangs.eif`: a few hundred kilobytes, for what never boots, or never gets further. */
async function writeHanging(): Promise<void> {
  writeFileSync(at('kernel'), 'a kernel of few words');
  await writeProbeImage({ path: at('hangs.eif'), kernel: at('kernel'), words: undefined, init: hangingInit() });
}

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
  after: { image: { eif: hangs.eif }, depends_on: [crash] }
`,
  );
  await writeHanging();
  const taken = `enclaves: { taken: { image: { eif: hangs.eif }, ingress: ["${port}:3000"] }, built: { ${bad} } }\n`;
  writeFileSync(at('taken.yaml'), taken);
  const early = await caisson('up', '-f', 'taken.yaml');
  deepEqual([early.code, early.out, existsSync(at('s/built/built'))], [1, '', false], early.err);
  const holder = `port ${port} of 127\\.0\\.0\\.1 must be free for enclave taken: process ${process.pid}`;
  match(early.err, new RegExp(holder));

  const failed = await caisson('up', '-f', 'bad.yaml', '--json');
  const { enclaves } = told(failed, 'up');
  const results = Object.fromEntries(enclaves.map(({ name, result }) => [name, result]));
  deepEqual([results, failed.code], [{ crash: 'failed', after: 'skipped' }, 1], failed.out);
  const failure = (name: string) => enclaves.find((one) => one.name === name)?.failure;
  match(JSON.stringify(failure('crash')), /about to fall/);

  const hangs = 'hangs: { image: { eif: hangs.eif }, resources: { memoryMiB: 64 }, ready: { timeout: 3s } }';
  writeFileSync(at('never.yaml'), `enclaves: { never: { ${bad}, ready: { timeout: 2s } }, ${hangs} }\n`);
  const late = await caisson('up', '-f', 'never.yaml');
  equal(late.code, 3, late.err);
  match(late.err, /^never {2}NOT READY {2}in services\n {2}enclave never .*service-(starting|not-ready) app/m);
  match(late.err, /^ {2}try: /m);
  match(
    late.err,
    /^hangs {2}NOT READY {2}in (boot|heartbeat)\n {2}enclave hangs must send its heartbeat within 3000 ms; /m,
  );
  match(late.err, /^ {4}\| caisson-init: waits for ever$/m);

  const wrong = `name: wrong\nimage: { eif: hangs.eif, pcr0: "${'0'.repeat(96)}" }\n`;
  writeFileSync(at('wrong.yaml'), wrong);
  const refused = await caisson('up', '-f', 'wrong.yaml');
  equal(refused.code, 2, refused.err);
  match(refused.err, /REFUSED {2}in build\n {2}image .* must measure PCR0 0{96}, got [0-9a-f]{96}/);
  equal((await caisson('up', '--timeout', 'soon')).code, 64);
  await caisson('down', '--all');
  deepEqual(await leftOf(at('s')), []);
});

test('a CID that another enclave has is refused, and the other one goes on; stop keeps what restart starts again', {
  skip,
  timeout,
}, async () => {
  const run = (name: string, image: string) => caisson('run', image, '-d', '--json', '--cid', '77', '--name', name);
  const first = await run('first', builtImage());
  deepEqual([first.code, told(first, 'up').enclaves[0]?.cid], [0, 77], first.out);
  await writeHanging();
  const second = await run('second', 'hangs.eif');
  equal(second.code, 1);
  match(told(second, 'up').enclaves[0]!.failure!.message, /77.*first|first.*77/);
  const byCid = await caisson('exec', '77', '--', '/usr/lib/caisson/busybox', 'true');
  equal(byCid.code, 0, 'with no CAISSON_VSOCK');
  equal((await caisson('stop', 'first')).code, 0);
  const gone = await caisson('exec', 'first', '--', 'true');
  match(gone.err, /enclave first must run, got phase stopped/);
  const restarted = await caisson('restart', 'first', '--json');
  deepEqual([restarted.code, told(restarted, 'up').enclaves[0]?.result], [0, 'ready'], restarted.err);
  match((await caisson('rm', 'first')).err, /enclave first must have ended to be removed/);
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
    const full = { ...terms, env: { ...terms.env, CAISSON_STATE: small } };
    const { code, err } = await startProgram(['run', './full', '-d'], full).ended;
    equal(code, 1);
    match(err, /cannot write .*\.eif: ENOSPC[\s\S]*try: /);
    deepEqual(readdirSync(join(small, 'built/full')), []);
    // Not a byte is left, and not a lock can be written: what removes has to work all the same.
    mkdirSync(join(small, 'enclaves/old'), { recursive: true, mode: 0o700 });
    spawnSync('dd', ['if=/dev/zero', `of=${join(small, 'fill')}`, 'bs=4k']);
    const down = await startProgram(['down', 'old'], full).ended;
    deepEqual([down.code, readdirSync(join(small, 'enclaves'))], [0, []], down.err);
    await writeMeasuredEif(at('given.eif'), { config: { expect: 'none' } });
    const image = await startProgram(['run', at('given.eif'), '-d'], full).ended;
    match(image.err, /cannot write .*: ENOSPC[\s\S]*try: free space/);
    deepEqual([image.code, readdirSync(small).filter((name) => name.startsWith('.caisson-'))], [1, []]);
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
