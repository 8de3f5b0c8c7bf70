// The store: content-addressed, whole or not there, and never touched by a program that does not know its form.
import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { appendFileSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, test } from 'node:test';
import { toUtf8 } from '@caisson/core/bytes';
import { planEif } from '@caisson/core/eif';
import { measureImage } from '../image/index.ts';
import { type ImageStore, openImageStore, parseImageReference, parseImageTag, versionNumber } from './index.ts';

let folder: string;
let store: ImageStore;
let one: string;
let other: string;
before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'caisson-store-'));
  one = await write('one.eif', 'K1');
  other = await write('other.eif', 'K2');
});
after(() => rmSync(folder, { recursive: true }));
let count = 0;
beforeEach(async () => {
  count += 1;
  store = await openImageStore(join(folder, `store-${count}`));
});

async function write(name: string, kernel: string): Promise<string> {
  const image = {
    architecture: 'x86_64' as const,
    kernel: toUtf8(kernel),
    cmdline: 'quiet',
    metadata: { ImageName: 'hello', ImageVersion: '1', BuildMetadata: { BuildTime: '1970-01-01T00:00:00Z' } },
    ramdisks: [toUtf8('R')],
  };
  const chunks: Uint8Array[] = [];
  for await (const chunk of (await planEif(image, () => createHash('sha384'))).open()) chunks.push(chunk);
  writeFileSync(join(folder, name), Buffer.concat(chunks));
  return join(folder, name);
}

test('keeps an image under the SHA-384 of its file, with its measurements and what its metadata says', async () => {
  const image = await store.add(one, 'hello:1');
  assert.equal(image.id, createHash('sha384').update(readFileSync(one)).digest('hex'));
  assert.deepEqual(image.tags, ['hello:1']);
  assert.equal(image.PCR0, (await measureImage(one)).PCR0);
  assert.deepEqual([image.imageName, image.imageVersion, image.architecture], ['hello', '1', 'x86_64']);
  const { path } = await store.open('hello:1');
  assert.ok(readFileSync(path).equals(readFileSync(one)));
  assert.deepEqual(await store.list(), [image]);
});

test('stores the same bytes once, whatever they are called, and moves a name to another image', async () => {
  const { id } = await store.add(one, 'hello:1');
  await store.add(one, 'hello:latest');
  assert.deepEqual(
    (await store.list()).map(({ tags }) => tags),
    [['hello:1', 'hello:latest']],
  );
  const second = await store.add(other);
  await store.tag(second.id.slice(0, 12), 'hello:latest');
  assert.deepEqual(
    (await store.list()).map(({ id: of, tags }) => [of, tags]),
    [
      [id, ['hello:1']],
      [second.id, ['hello:latest']],
    ],
  );
});

test('drops an image with its last name, and refuses an id that has several', async () => {
  const { id } = await store.add(one, 'hello:1');
  await store.tag('hello:1', 'hello:2');
  await assert.rejects(store.remove(id), { code: 'STORE_IN_USE' });
  assert.deepEqual(await store.remove('hello:1'), { untagged: ['hello:1'], deleted: undefined });
  assert.deepEqual(await store.remove('hello:2'), { untagged: ['hello:2'], deleted: id });
  assert.deepEqual(await store.list(), []);
  assert.deepEqual(readdirSync(join(store.folder, 'images')), []);
});

test('refuses what is no sound image, and what changed in the store since', async () => {
  const damaged = join(folder, 'damaged.eif');
  const bytes = readFileSync(one);
  bytes[560]! ^= 1;
  writeFileSync(damaged, bytes);
  await assert.rejects(store.add(damaged, 'bad:1'), { code: 'EIF_CRC' });
  assert.deepEqual(await store.list(), []);
  const { id } = await store.add(one, 'hello:1');
  appendFileSync(join(store.folder, 'images', id, 'image.eif'), 'x');
  await assert.rejects(store.open('hello:1'), { code: 'STORE_DAMAGED' });
});

test('says what is not there, and what could be two', async () => {
  await assert.rejects(store.open('none:1'), { code: 'STORE_UNKNOWN', message: /no image none:1/ });
  await assert.rejects(store.tag('abcdefabcdef', 'a:1'), { code: 'STORE_UNKNOWN' });
});

test('changes nothing in the store of a newer program', async () => {
  const path = join(store.folder, 'version');
  writeFileSync(path, '2\n');
  const before = readdirSync(store.folder);
  await assert.rejects(openImageStore(store.folder), { code: 'STORE_VERSION' });
  assert.deepEqual(readdirSync(store.folder), before);
  assert.equal(readFileSync(path, 'utf8'), '2\n');
});

test('is whole after a process was killed while it stored an image, and swept by the next one', async () => {
  const script = join(folder, 'child.mjs');
  writeFileSync(
    script,
    `import { openImageStore } from ${JSON.stringify(new URL('./index.ts', import.meta.url).href)};
     const store = await openImageStore(process.argv[2]);
     for (;;) { await store.add(process.argv[3], 'hello:1'); process.send('added'); await store.remove('hello:1'); }`,
  );
  for (let round = 0; round < 4; round += 1) {
    const child = fork(script, [store.folder, one], { execArgv: ['--conditions=caisson-source'] });
    await once(child, 'message');
    for (let turns = round * 3; turns > 0; turns -= 1) await new Promise(setImmediate);
    child.kill('SIGKILL');
    await once(child, 'exit');
    for (const { id } of await store.list()) assert.ok(existsSync(join(store.folder, 'images', id, 'image.eif')));
    await store.add(other, 'other:1');
    assert.deepEqual(
      readdirSync(join(store.folder, 'images')).filter((name) => name.startsWith('.caisson')),
      [],
    );
  }
});

test('takes names as NAME:VERSION and ids by twelve digits or more, nothing else', () => {
  assert.deepEqual(parseImageTag('hello-2:1.0.0'), { name: 'hello-2', version: '1.0.0' });
  for (const bad of [
    'hello',
    'Hello:1',
    ':1',
    'a:',
    'a:.',
    'a:../b',
    'a/b:1',
    'a:1:2',
    'a:..',
    `${'a'.repeat(64)}:1`,
  ]) {
    assert.throws(() => parseImageTag(bad), { code: 'STORE_TAG' }, bad);
  }
  assert.equal(parseImageReference('sha384:0123456789ab').kind, 'id');
  assert.throws(() => parseImageReference('0123456789a'), { code: 'STORE_TAG' });
  assert.deepEqual(
    ['7', '0', '07', '1.2', '1000000000'].map((version) => versionNumber({ name: 'a', version })),
    [7, undefined, undefined, undefined, undefined],
  );
});
