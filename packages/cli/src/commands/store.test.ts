// The local store and signing from the command line: exit codes, every --json document against its schema, nitro-cli's words.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { after, before, test } from 'node:test';
import { toUtf8 } from '@caisson/core/bytes';
import { planEif } from '@caisson/core/eif';
import { assertFitsSchema } from '@caisson/testkit/contract';
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

async function caisson(...words: readonly string[]): Promise<{ code: number; out: string; err: string }> {
  const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()];
  const code = await run(words, {
    ...{ stdin, stdout, stderr, env: { CAISSON_STATE: at('state') }, name: 'caisson' },
    stop: new AbortController().signal,
    onReload: () => {},
  });
  return { code, out: String(stdout.read() ?? ''), err: String(stderr.read() ?? '') };
}

async function jsonOf(schema: string, ...words: readonly string[]): Promise<Record<string, unknown>> {
  const { out } = await caisson(...words, '--json');
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
  const pinned = await caisson('attest', 'policy', 'create', '--image', 'hello:2');
  assert.match(pinned.out, /minimumVersion: 2/);
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
