// What is remembered of an image, and when it is not believed.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import {
  chmodSync,
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
import { type TestContext, test } from 'node:test';
import { createCpio } from '@caisson/core/cpio';
import { planEif } from '@caisson/core/eif';
import { type ImageFile, measureImage, openImageFile } from '../image/index.ts';
import { measureOnce } from './measure-once.ts';

async function imageBytes(word: string): Promise<Buffer> {
  const ramdisk = createCpio([{ path: 'word', kind: 'file', mode: 0o644, content: Buffer.from(word) }]);
  const image = { architecture: 'x86_64', kernel: Buffer.from('k'), cmdline: 'c', metadata: {} } as const;
  const planned = await planEif({ ...image, ramdisks: [ramdisk, ramdisk] }, () => createHash('sha384'));
  const pieces: Uint8Array[] = [];
  for await (const piece of planned.open()) pieces.push(piece.slice());
  return Buffer.concat(pieces);
}

/** `ageMs`: since the last change, as the file says; a test does not wait. */
async function scene(context: TestContext, ageMs = 10_000, changes: Partial<ImageFile> = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'caisson-once-'));
  context.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'a.eif');
  writeFileSync(path, await imageBytes('one'));
  let reads = 0;
  const measure = async () => {
    const file = await openImageFile(path);
    const watched: ImageFile = {
      ...file,
      changedMs: Date.now() - ageMs,
      read: (...range) => {
        reads += 1;
        return file.read(...range);
      },
      ...changes,
    };
    try {
      reads = 0;
      const found = await measureOnce(watched, folder);
      return { ...found, wasRead: reads > 0 };
    } finally {
      await file.close();
    }
  };
  const kept = (): string[] =>
    readdirSync(folder).includes('sim-measured') ? readdirSync(join(folder, 'sim-measured')) : [];
  return { folder, path, measure, kept };
}

test('a file that has not changed is measured once, and what is remembered is what it measures', async (context) => {
  const { folder, path, measure, kept } = await scene(context);
  const first = await measure();
  assert.ok(first.wasRead);
  assert.deepEqual(first.measurements, await measureImage(path));
  assert.deepEqual(await measure(), { ...first, wasRead: false });
  assert.equal(kept().length, 1);
  assert.equal(statSync(join(folder, 'sim-measured', kept()[0]!)).mode & 0o777, 0o600);
});

test('another content is measured anew, whatever its size and the time that it is given', async (context) => {
  const { path, measure } = await scene(context);
  const first = await measure();
  const { atime, mtime } = statSync(path);
  writeFileSync(path, await imageBytes('two'));
  utimesSync(path, atime, mtime);
  const second = await measure();
  assert.ok(second.wasRead && second.measurements.PCR2 !== first.measurements.PCR2);
  chmodSync(path, 0o600);
  assert.ok((await measure()).wasRead, 'any change of the file counts');
});

test('what was changed a moment ago is not remembered: the next change could bear the same time', async (context) => {
  const { measure, kept } = await scene(context, 500);
  await measure();
  assert.ok((await measure()).wasRead);
  assert.deepEqual(kept(), []);
});

test('a memory that is cut, of another file or of another form is as good as none', async (context) => {
  const { folder, measure, kept } = await scene(context);
  const first = await measure();
  const path = join(folder, 'sim-measured', kept()[0]!);
  const good = readFileSync(path, 'utf8');
  const other = JSON.stringify({ ...JSON.parse(good), identity: '1:2:3:4:5' });
  for (const text of ['', good.slice(0, 50), other, good.replace('"v":1', '"v":2'), `${good}${' '.repeat(20_000)}`]) {
    writeFileSync(path, text);
    assert.deepEqual(await measure(), first, text.slice(0, 60));
  }
  assert.equal(readFileSync(path, 'utf8'), good, 'and is written again');
});

test('what is remembered has a bound', async (context) => {
  const { folder, measure, kept } = await scene(context);
  await measure();
  for (let index = 0; index < 70; index += 1) writeFileSync(join(folder, 'sim-measured', `${index}.json`), '');
  rmSync(join(folder, 'sim-measured', kept().find((name) => name.length > 60)!));
  await measure();
  assert.equal(kept().length, 1);
});

test('of a file that changes while it is measured nothing is said or remembered', async (context) => {
  const requireUnchanged = () => Promise.reject(new Error('changed'));
  const { measure, kept } = await scene(context, 10_000, { requireUnchanged });
  await assert.rejects(measure(), { message: 'changed' });
  assert.deepEqual(kept(), []);
});
