// Whole builds by the program itself, in processes of their own: the same bytes in whatever surroundings, and again from the manifest. The parts
// are those of this tree; node and the kernel are stand-ins of some bytes, because what is built here is not booted (test/vm does).
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { CHANGES, verifyReproducible } from '@caisson/host/build';
import { assertFitsSchema, laneFigure } from '@caisson/testkit/contract';
import { createTestImage, dockerArchive, layer, writeLayout } from '@caisson/testkit/oci';
import { hear, programWords } from '@caisson/testkit/program';
import { run } from '../../packages/cli/src/run.ts';

const root = join(import.meta.dirname, '../..');
const self = programWords();
const parts = [
  join(root, `packages/sys/build/linux-${process.arch}/caisson-init`),
  join(root, 'dist/caisson-enclave.mjs'),
];
const missing = parts.find((path) => !existsSync(path));
const skip = missing !== undefined && `no ${missing} (npm run build, with a C compiler)`;
if (skip) console.error(`build: SKIPPED, NOTHING WAS BUILT: ${skip}`);

let folder: string;
const at = (path: string): string => join(folder, path);
const text = (path: string, body: string) => ({ path, kind: 'file' as const, mode: 0o755, content: Buffer.from(body) });
const machine = process.arch === 'arm64' ? 'aarch64' : 'x86_64';
const loader = machine === 'aarch64' ? 'ld-linux-aarch64.so.1' : 'ld-linux-x86-64.so.2';

before(() => {
  folder = mkdtempSync(join(tmpdir(), 'caisson-build-'));
  chmodSync(folder, 0o755);
  for (const path of ['app/lib', 'app/.git']) mkdirSync(at(path), { recursive: true });
  writeFileSync(at('app/package.json'), '{"main":"main.js"}');
  writeFileSync(at('app/main.js'), 'console.log(1)\n');
  writeFileSync(at('app/.git/HEAD'), 'no part of the application');
  for (const name of ['a', 'B', 'ä', 'z.txt', 'İ']) writeFileSync(at(`app/lib/${name}`), name);
  symlinkSync('../main.js', at('app/lib/link'));
  writeFileSync(at('bzImage'), 'a kernel of few words');
  writeFileSync(
    at('runtime.tar'),
    layer(
      text('runtime.json', JSON.stringify({ v: 1, node: '24.0.0', architecture: machine })),
      text('runtime/bin/node', 'node'),
      text(`runtime/lib/${loader}`, 'loader'),
    ),
  );
});
after(() => rmSync(folder, { recursive: true, force: true }));

/** In this process, which is a second quicker; the second build of T-E1 has one of its own. */
/** In this process, which is a second quicker; the second build of T-E1 has one of its own. */
const caisson = (...words: readonly string[]) => hear(run, words, { env: { PATH: process.env['PATH'] } });

const given = (): string[] => ['--kernel', at('bzImage'), '--runtime', at('runtime.tar')];
async function build(source: string, output: string, ...words: readonly string[]): Promise<string> {
  const { code, out, err } = await caisson('build', at(source), '-o', at(output), ...given(), ...words);
  assert.equal(code, 0, err);
  return out;
}

test('T-E1: the same bytes in another folder, as another user, at another time and place', { skip }, async () => {
  await build('app', 'a.eif');
  const { isEqual, changed, kept, differences } = await verifyReproducible(request());
  assert.equal(isEqual, true, JSON.stringify(differences));
  assert.deepEqual([...changed, ...kept.map(({ change }) => change)].sort(), [...CHANGES].sort());
  for (const { change } of kept) console.error(`build: not changed here: ${change}`);
  for (const name of ['folder', 'umask', 'timezone', 'locale', 'clock', 'names', 'path'] as const) {
    assert.ok(changed.includes(name), name);
  }
  const figure = laneFigure('T-E1');
  for (const change of figure === 1 ? [] : CHANGES.slice(0, figure)) {
    const alone = await verifyReproducible({ ...request(), changes: [change] });
    assert.equal(alone.isEqual, true, `${change}: ${JSON.stringify(alone.differences)}`);
  }
});

function request() {
  const { settings, builder } = JSON.parse(readFileSync(at('a.eif.json'), 'utf8'));
  const paths = { source: at('app'), kernelPath: at('bzImage'), runtimePath: at('runtime.tar'), output: at('a.eif') };
  return { ...paths, settings, builderVersion: builder.version, self };
}

test('a second build that differs is told with the file and the field, and ends with 2', { skip }, async () => {
  await build('app', 'a.eif');
  appendFileSync(at('app/main.js'), ' ');
  const { isEqual, isMeasuredEqual, differences } = await verifyReproducible({ ...request(), changes: ['timezone'] });
  assert.deepEqual([isEqual, isMeasuredEqual], [false, false]);
  assert.ok(differences.some(({ place }) => place === 'ramdisk[1] rootfs/app/main.js.size'));
  const refused = await caisson('image', 'reproduce', at('a.eif.json'), at('app'), ...given());
  assert.equal(refused.code, 2);
  assert.match(refused.out, /^toolchain: local: .*\n(.*\n)*ramdisk\[1\] rootfs\/app\/main.js.size: 15 \| 16\n/);
  assert.match(refused.out, /\nDIFFERENT: the measurements differ\n$/);
  writeFileSync(at('app/main.js'), 'console.log(1)\n');
});

test('reproduce says EQUAL from manifest and source alone, and names another input before anything else', {
  skip,
}, async () => {
  await build('app', 'a.eif', '--tag', 'hello:2.0');
  const again = ['image', 'reproduce', at('a.eif.json'), at('app'), '--runtime', at('runtime.tar'), '--kernel'];
  const same = await caisson(...again, at('bzImage'));
  assert.deepEqual([same.code, same.out], [0, 'EQUAL: the same bytes\n']);
  // An image of which only the metadata differs: no PCR has that.
  const eif = readFileSync(at('a.eif'));
  eif.write('X', eif.indexOf('"hello"') + 1);
  writeFileSync(at('a.eif'), eif);
  const other = await caisson(...again, at('bzImage'), '--json');
  assert.equal(other.code, 2);
  const document = JSON.parse(other.out) as { equal: boolean; measuredEqual: boolean };
  assertFitsSchema(document, 'image-reproduce');
  assert.deepEqual([document.equal, document.measuredEqual], [false, true]);
  writeFileSync(at('other'), 'another kernel');
  const third = await caisson(...again, at('other'));
  assert.match(third.out, /^toolchain: local.*\ninput kernel: sha384:[0-9a-f]{96} \| sha384:[0-9a-f]{96}\nPCR0: /);
  assert.equal((await caisson('image', 'reproduce', at('bzImage'), at('app'))).code, 1);
});

test('an image that was signed after it was built is made again but for its signature, and one that was changed is not', {
  skip,
}, async () => {
  await build('app', 'a.eif');
  const ec = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-384', '-subj', '/CN=signer', '-days', '2', '-nodes'];
  const files = ['-keyout', at('sign.key'), '-out', at('sign.pem')];
  execFileSync('openssl', ['req', '-new', '-x509', ...ec, ...files], { stdio: 'pipe' });
  const sign = ['sign-eif', '--eif-path', at('a.eif'), '--private-key', at('sign.key')];
  const signed = await caisson(...sign, '--signing-certificate', at('sign.pem'));
  assert.equal(signed.code, 0, signed.err);
  const again = ['image', 'reproduce', at('a.eif.json'), at('app'), ...given()];
  const same = await caisson(...again);
  assert.deepEqual(
    [same.code, same.out],
    [0, 'EQUAL: the same bytes but for the signature, which only its key can make\n'],
  );
  const eif = readFileSync(at('a.eif'));
  eif.write('X', eif.indexOf('"CaissonInit"') + 1);
  writeFileSync(at('a.eif'), eif);
  const other = await caisson(...again);
  assert.deepEqual([other.code, /^metadata\.CustomMetadata\./m.test(other.out)], [2, true], other.out);
  assert.doesNotMatch(other.out, /^signature/m);
});

test('what lies in the folder and is no part of it is left out: outputs, caisson.yaml, the repository', {
  skip,
}, async (context) => {
  context.after(() => {
    for (const name of ['caisson.yaml', 'x.eif', 'x.eif.json', 'x.eif.cdx.json'])
      rmSync(at(`app/${name}`), { force: true });
  });
  writeFileSync(at('app/caisson.yaml'), 'name: hello\nversion: 3\nimage: {exclude: [lib/a]}\n');
  await build('app', 'app/x.eif');
  const first = readFileSync(at('app/x.eif'));
  await build('app', 'app/x.eif');
  assert.ok(first.equals(readFileSync(at('app/x.eif'))), 'the first image is not in the second');
  const manifest = JSON.parse(readFileSync(at('app/x.eif.json'), 'utf8'));
  for (const name of ['.git', 'caisson.yaml', 'lib/a', 'x.eif', 'x.eif.cdx.json', 'x.eif.json']) {
    assert.ok(manifest.settings.exclude.includes(name), name);
  }
  assert.deepEqual([manifest.settings.name, manifest.settings.version], ['hello', '3']);
});

test('one container image gives one image, from a layout, an archive of it, and a docker archive', {
  skip,
}, async () => {
  const image = createTestImage([layer(text('bin/run', 'x')), layer(text('etc/os', 'y'))], {
    architecture: machine === 'aarch64' ? 'arm64' : 'amd64',
    config: { Entrypoint: ['/bin/run'], Env: ['A=1'] },
  });
  await writeLayout(at('layout'), { '': image });
  writeFileSync(at('docker.tar'), dockerArchive({ 'name:1': image }));
  await build('layout', 'l.eif');
  const document = JSON.parse(await build('docker.tar', 'd.eif', '--json'));
  assertFitsSchema(document, 'build');
  const [one, other] = ['l.eif', 'd.eif'].map((name) => JSON.parse(readFileSync(at(`${name}.json`), 'utf8')));
  assert.deepEqual(one.measurements, other.measurements);
  assert.deepEqual(one.command, ['/bin/run']);
  assert.ok(
    one.inputs.some(({ origin }: { origin: string }) => origin === 'source'),
    'layers are inputs',
  );
});

test('usage, refusals and faults of caisson.yaml have their exit codes, and leave nothing', { skip }, async () => {
  const to = ['-o', at('n.eif')];
  const table: [words: string[], status: number, stderr: RegExp][] = [
    [['app'], 64, /-o FILE must be given/],
    [[...to], 64, /a source must be named/],
    [['app', ...to, '--tag', ':'], 64, /--tag must be NAME or NAME:VERSION/],
    [['app', ...to, '--enclave', 'x'], 64, /--enclave needs a caisson.yaml/],
    [['app', ...to, '--profile', 'x'], 64, /Allowed choices are development, production/],
    [
      ['nowhere', ...to, ...given()],
      1,
      /nowhere must be a folder or a file, got nothing there\n {2}hint: look whether the path/,
    ],
    [['app', ...to, '--kernel', 'none'], 1, /kernel must be a regular file, got none at none/],
    [['app', ...to, '--config', 'none'], 1, /cannot read file none: ENOENT/],
    [['app', '-o', at('no/n.eif'), ...given()], 1, /cannot write .*n.eif: ENOENT[\s\S]*hint: make the folder first/],
    [
      ['app', ...to, ...given(), '--init', 'plain', '--', 'nothing'],
      1,
      /command must be a program of the image, got nothing/,
    ],
  ];
  for (const [[first = '', ...words], status, stderr] of table) {
    const got = await caisson('build', first.startsWith('-') ? first : at(first), ...words);
    assert.deepEqual([got.code, stderr.test(got.err)], [status, true], `${first} ${words.join(' ')}: ${got.err}`);
  }
  writeFileSync(at('bad.yaml'), 'name: a\nimage: {kernell: aws}\n');
  const faults = await caisson('build', at('app'), ...to, '--config', at('bad.yaml'));
  assert.equal(faults.code, 1);
  assert.match(faults.err, /^caisson: .*bad.yaml:2:9: unknown key image.kernell; did you mean kernel\?\n {2}hint: /);
  assert.ok(!existsSync(at('n.eif')) && !existsSync(at('n.eif.json')));
});
