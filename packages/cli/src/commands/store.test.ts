// The local store and signing from the command line: exit codes, every --json document against its schema, nitro-cli's words.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { toUtf8 } from '@caisson/core/bytes';
import { planEif } from '@caisson/core/eif';
import { assertFitsSchema } from '@caisson/testkit/contract';
import { createTestImage, dockerArchive, layer } from '@caisson/testkit/oci';
import { hear } from '@caisson/testkit/program';
import { run } from '../run.ts';

let folder: string;
const at = (name: string): string => join(folder, name);
before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'caisson-store-'));
  const image = {
    architecture: 'x86_64' as const,
    kernel: toUtf8('K'),
    cmdline: 'quiet',
    metadata: { ImageName: 'hello', ImageVersion: '1' },
    ramdisks: [toUtf8('R')],
  };
  const chunks: Uint8Array[] = [];
  for await (const chunk of (await planEif(image, () => createHash('sha384'))).open()) chunks.push(chunk);
  writeFileSync(at('app.eif'), Buffer.concat(chunks));
  execFileSync('openssl', ['ecparam', '-name', 'secp384r1', '-genkey', '-noout', '-out', at('key.pem')]);
  execFileSync('openssl', [
    'req',
    '-new',
    '-x509',
    '-key',
    at('key.pem'),
    '-subj',
    '/CN=s',
    '-days',
    '3',
    '-out',
    at('cert.pem'),
  ]);
});
after(() => rmSync(folder, { recursive: true }));

const env: NodeJS.Dict<string> = {};
const caisson = (...words: readonly string[]) => hear(run, words, { env: { ...env, CAISSON_STATE: at('state') } });

async function jsonOf(schema: string, ...words: readonly string[]): Promise<Record<string, unknown>> {
  const end = words.includes('--') ? words.indexOf('--') : words.length;
  const { out } = await caisson(...words.slice(0, end), '--json', ...words.slice(end));
  const document = JSON.parse(out) as Record<string, unknown>;
  assertFitsSchema(document, schema);
  return document;
}

test('an image is put into the store, asked for by its name, and dropped with its last name', async () => {
  assert.equal((await caisson('image', 'inspect', 'hello:1')).code, 1);
  assert.ok(!existsSync(at('state')), 'asking makes no store');
  const tagged = await caisson('image', 'tag', at('app.eif'), 'hello:1');
  assert.deepEqual([tagged.code, tagged.err], [0, '']);
  assert.match(tagged.out, /^hello:1 is [0-9a-f]{12}, PCR0 [0-9a-f]{96}\n$/);
  await jsonOf('image-tag', 'image', 'tag', 'hello:1', 'hello:2');
  const { images } = await jsonOf('images', 'images');
  assert.deepEqual(
    (images as { tags: string[] }[]).map(({ tags }) => tags),
    [['hello:1', 'hello:2']],
  );
  assert.match((await caisson('images')).out, /^NAME {5}ID {12}SIZE .*\nhello:1 {2}[0-9a-f]{12} .* unsigned\nhello:2 /);
  const file = await caisson('image', 'measure', at('app.eif'));
  assert.deepEqual(await caisson('image', 'measure', 'hello:2'), file);
  // It calls itself version 1, and a policy that wants 2 would refuse it.
  const pinned = await caisson('attest', 'policy', 'create', '--image', 'hello:2');
  assert.match(pinned.out, /minimumVersion: 1\n/);
  assert.match(pinned.out, new RegExp(/PCR0 ([0-9a-f]{96})/.exec(file.out)![1]!));
  await jsonOf('image-rm', 'image', 'rm', 'hello:1');
  const last = await caisson('image', 'rm', 'hello:2');
  assert.match(last.out, /^untagged hello:2\ndeleted [0-9a-f]{12}\n$/);
  const none = await caisson('images');
  assert.deepEqual([none.out, none.code], ['', 0]);
  assert.match(none.err, /no images in /);
});

test('a name that the image does not give itself is noted, and a name in no form is refused', async () => {
  assert.match((await caisson('image', 'tag', at('app.eif'), 'other:9')).err, /calls itself hello:1/);
  const bad = await caisson('image', 'tag', at('app.eif'), 'Other');
  assert.equal(bad.code, 1);
  assert.match(bad.err, /image name must be NAME:VERSION/);
  assert.match(
    (await caisson('image', 'rm', 'none:1')).err,
    /no image none:1 .*\n {2}hint: list them with: caisson images/,
  );
});

test('sign-eif signs in place with the words and the JSON of nitro-cli', async () => {
  writeFileSync(at('signed.eif'), readFileSync(at('app.eif')));
  const words = ['sign-eif', '--eif-path', at('signed.eif'), '--signing-certificate', at('cert.pem'), '--private-key'];
  const signed = await caisson(...words, at('key.pem'));
  assert.deepEqual([signed.code, signed.err], [0, 'Enclave Image successfully signed.\n']);
  const { Measurements } = JSON.parse(signed.out) as { Measurements: Record<string, string> };
  assert.deepEqual(Object.keys(Measurements), ['HashAlgorithm', 'PCR0', 'PCR1', 'PCR2', 'PCR8']);
  const { out } = await caisson('image', 'measure', at('signed.eif'));
  assert.match(out, new RegExp(`PCR8 ${Measurements['PCR8']}`));
  assert.equal((await caisson('image', 'validate', at('signed.eif'))).code, 0);
  assert.equal((await caisson(...words, 'arn:aws:kms:eu-west-1:123456789012:key/k')).code, 64);
  assert.equal((await caisson(...words, at('app.eif'))).code, 1);
});

test('a build signs image and manifest, keeps the image by its name, and is what its statement says', async () => {
  execFileSync('openssl', ['genpkey', '-algorithm', 'ed25519', '-out', at('m.pem')]);
  execFileSync('openssl', ['pkey', '-in', at('m.pem'), '-pubout', '-out', at('m.pub')]);
  mkdirSync(at('src'), { recursive: true });
  writeFileSync(at('src/run'), '#!/bin/true', { mode: 0o755 });
  writeFileSync(at('kernel'), 'K');
  const words = [
    'build',
    at('src'),
    '-o',
    at('built.eif'),
    '--init',
    'plain',
    '--kernel',
    at('kernel'),
    '-t',
    'built:7',
  ];
  const keys = ['--sign', at('key.pem'), '--cert', at('cert.pem'), '--sign-manifest', at('m.pem')];
  const { stored, statement, measurements } = (await jsonOf('build', ...words, ...keys, '--', '/app/run')) as {
    stored: string;
    statement: string;
    measurements: Record<string, string>;
  };
  assert.equal(statement, at('built.eif.intoto.json'));
  const measured = await jsonOf('image-measure', 'image', 'measure', 'built:7');
  assert.deepEqual(measured, { v: 1, ...measurements });
  assert.ok((await caisson('images')).out.includes(stored.slice(0, 12)));
  await jsonOf('image-verify', 'image', 'verify', at('built.eif'), '--key', at('m.pub'));
  assert.equal((await caisson('image', 'verify', at('built.eif'), '--key', at('cert.pem'))).code, 2);
  const other = await caisson('image', 'verify', at('app.eif'), '--statement', statement, '--key', at('m.pub'));
  assert.equal(other.code, 2);
  assert.match(other.err, /statement must be about app\.eif/);
});

test('a key that cannot sign stops a build before it begins, and a failed one leaves nothing', async () => {
  const words = ['build', at('src'), '-o', at('none.eif'), '--init', 'plain', '--kernel', at('kernel')];
  const cases = [
    [['--sign', at('key.pem')], 64],
    [['--sign', at('m.pem'), '--cert', at('cert.pem')], 1],
    [['--sign-manifest', at('cert.pem')], 1],
  ] as const;
  for (const [keys, code] of cases) {
    assert.equal((await caisson(...words, ...keys, '--', '/app/run')).code, code, keys.join(' '));
    assert.deepEqual(
      readdirSync(folder).filter((name) => name.startsWith('none')),
      [],
    );
  }
});

test('build-enclave takes sources and a plain Dockerfile with nitro-cli’s flags, words and JSON', async () => {
  writeFileSync(at('src/Dockerfile'), 'FROM scratch\nCOPY run /run-it\nENTRYPOINT ["/no"]\nCMD ["/run-it"]\n');
  writeFileSync(at('meta.json'), '{"team":"a"}');
  const words = [
    'build-enclave',
    '--output-file',
    at('nitro.eif'),
    '--kernel',
    at('kernel'),
    '--name',
    'n',
    '--version',
    '4',
  ];
  const made = await caisson(...words, '--docker-dir', at('src'), '--metadata', at('meta.json'));
  assert.equal(made.code, 0, made.err);
  assert.match(made.err, /^Start building the Enclave Image\.\.\.\n[\s\S]*Enclave Image successfully created\.\n$/);
  const { Measurements } = JSON.parse(made.out) as { Measurements: Record<string, string> };
  assert.deepEqual(Object.keys(Measurements), ['HashAlgorithm', 'PCR0', 'PCR1', 'PCR2']);
  const described = JSON.parse((await caisson('describe-eif', '--eif-path', at('nitro.eif'))).out) as Record<
    string,
    Record<string, unknown>
  >;
  assert.deepEqual(
    [described['ImageName'], described['ImageVersion'], described['Metadata']!['team']],
    ['n', '4', 'a'],
  );
  // nitro-cli's rule: CMD alone, where Docker would run /no /run-it.
  assert.match((await caisson('image', 'inspect', at('nitro.eif'))).out, /command {2}"\/run-it"/);
  assert.equal((await caisson(...words)).code, 64);
  assert.match((await caisson(...words, '--docker-dir', folder)).err, /must hold a Dockerfile/);
  const half = await caisson(...words, '--docker-dir', at('src'), '--private-key', at('key.pem'));
  assert.deepEqual([half.code, /--private-key and --signing-certificate must stand/.test(half.err)], [64, true]);
  const local = await caisson(...words, '--docker-uri', 'localhost:1/app');
  assert.match(local.err, /hint: an image of this machine's docker .* docker save localhost:1\/app -o image.tar/);
});

test('build-enclave asks a container engine for a Dockerfile that needs one, and says so where none works', async () => {
  mkdirSync(at('run'));
  mkdirSync(at('bin'));
  writeFileSync(at('run/Dockerfile'), 'FROM base\nRUN make\nCMD ["/bin/made"]\n');
  const files = [{ path: 'bin/made', kind: 'file' as const, mode: 0o755, content: toUtf8('made') }];
  const architecture = process.arch === 'arm64' ? 'arm64' : 'amd64';
  const image = createTestImage([layer(...files)], { architecture, config: { Cmd: ['/bin/made'] } });
  writeFileSync(at('made.tar'), dockerArchive({ 'made:1': image }));
  const save = `[ "$1" = save ] && cp "${at('made.tar')}" "$3"; exit 0`;
  const words = ['build-enclave', '--output-file', at('run.eif'), '--kernel', at('kernel'), '--docker-dir', at('run')];
  env['PATH'] = at('bin');
  try {
    const none = await caisson(...words);
    assert.deepEqual([none.code, /RUN needs a container engine.*none works/.test(none.err)], [1, true], none.err);
    writeFileSync(at('bin/docker'), `#!/bin/sh\nPATH=/usr/bin:/bin\n${save}\n`, { mode: 0o755 });
    const made = await caisson(...words);
    assert.equal(made.code, 0, made.err);
    assert.match((await caisson('image', 'files', at('run.eif'))).out, / rootfs\/bin\/made$/m);
  } finally {
    delete env['PATH'];
  }
});
