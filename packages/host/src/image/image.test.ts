// What is said of an image is true of its bytes: measured in bounded memory, compared to the byte, described as nitro-cli does.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { crc32, gzipSync } from 'node:zlib';
import { toHex, toUtf8 } from '@caisson/core/bytes';
import { type CpioEntry, createCpio } from '@caisson/core/cpio';
import { type EifImage, planEif } from '@caisson/core/eif';
import { currentLane } from '@caisson/testkit/contract';
import type { ListedFile } from './index.ts';
import {
  compareImages,
  describeAsNitroCli,
  inspectImage,
  listImageFiles,
  measureFile,
  measureImage,
  openImageFile,
} from './index.ts';

let folder: string;
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'caisson-image-'));
});
after(() => rmSync(folder, { recursive: true }));
const at = (name: string): string => join(folder, name);

async function archive(entries: readonly CpioEntry[]): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of createCpio(entries).open()) chunks.push(chunk);
  return Buffer.concat(chunks);
}

const entry = (path: string, text: string, mode = 0o644): CpioEntry => ({
  path,
  kind: 'file',
  mode,
  content: toUtf8(text),
});
const boot = [entry('init', 'init', 0o755)];
const application = [entry('cmd', '/bin/app\n--port\n80\n'), entry('env', 'A=1\n')];

async function write(name: string, change: Partial<EifImage> = {}): Promise<string> {
  const image: EifImage = {
    architecture: 'x86_64',
    kernel: toUtf8('K'),
    cmdline: 'quiet',
    metadata: { ImageName: 'n', ImageVersion: '1', BuildMetadata: { BuildTime: 't' }, CustomMetadata: { team: 'a' } },
    ramdisks: [await archive(boot), await archive(application)],
    ...change,
  };
  const chunks: Uint8Array[] = [];
  for await (const chunk of (await planEif(image, () => createHash('sha384'))).open()) chunks.push(chunk);
  writeFileSync(at(name), Buffer.concat(chunks));
  return at(name);
}

async function differences(left: string, right: string) {
  const [one, other] = [await openImageFile(left), await openImageFile(right)];
  try {
    return await compareImages(one, other);
  } finally {
    await one.close();
    await other.close();
  }
}

async function inspected(path: string) {
  const file = await openImageFile(path);
  try {
    return await inspectImage(file);
  } finally {
    await file.close();
  }
}

/** A sound image with one ramdisk that is a hole, and the checksum and PCR2 that belong to it. */
async function writeSparse(path: string, ramdiskBytes: number): Promise<string> {
  const head = Buffer.alloc(548);
  head.write('.eif');
  head.writeUInt16BE(4, 4);
  const sections: [type: number, data: Buffer, size: number][] = [
    [1, Buffer.from('K'), 1],
    [2, Buffer.from('quiet'), 5],
    [5, Buffer.from('{}'), 2],
    [3, Buffer.from('R'), 1],
    [3, Buffer.alloc(0), ramdiskBytes],
  ];
  head.writeUInt16BE(sections.length, 26);
  const parts: Buffer[] = [];
  let offset = 548;
  for (const [index, [type, data, size]] of sections.entries()) {
    head.writeBigUInt64BE(BigInt(offset), 28 + 8 * index);
    head.writeBigUInt64BE(BigInt(size), 284 + 8 * index);
    const own = Buffer.alloc(12);
    own.writeUInt16BE(type);
    own.writeBigUInt64BE(BigInt(size), 4);
    parts.push(own, data);
    offset += 12 + size;
  }
  const hash = createHash('sha384');
  const zeros = Buffer.alloc(2 ** 20);
  let crc = crc32(Buffer.concat(parts), crc32(head.subarray(0, 544)));
  for (let left = ramdiskBytes; left > 0; left -= zeros.length) {
    crc = crc32(zeros, crc);
    hash.update(zeros);
  }
  head.writeUInt32BE(crc, 544);
  const file = await open(path, 'wx');
  await file.write(Buffer.concat([head, ...parts]));
  await file.truncate(offset);
  await file.close();
  return createHash('sha384').update(Buffer.alloc(48)).update(hash.digest()).digest('hex');
}

test('measures an image of any size in less than 128 MiB of memory', async (context) => {
  const mebibytes = currentLane() === 'fast' ? 160 : 2_048;
  const pcr2 = await writeSparse(at('sparse.eif'), mebibytes * 2 ** 20);
  const program =
    "import { measureImage } from '@caisson/host/image';" +
    'const { PCR2 } = await measureImage(process.argv[1]);' +
    'console.log(JSON.stringify({ PCR2, kibibytes: process.resourceUsage().maxRSS }));';
  const words = ['--conditions=caisson-source', '--input-type=module', '-e', program, at('sparse.eif')];
  const { stdout } = await promisify(execFile)(process.execPath, words, { cwd: import.meta.dirname });
  const got = JSON.parse(stdout) as { PCR2: string; kibibytes: number };
  context.diagnostic(`${mebibytes} MiB measured in ${Math.round(got.kibibytes / 1024)} MiB`);
  assert.equal(got.PCR2, pcr2);
  assert.ok(got.kibibytes < 128 * 1024, `${got.kibibytes} KiB`);
  rmSync(at('sparse.eif'));
});

test('inspects what is inside, in plain and in gzip, and says of other forms that they are not opened', async () => {
  const zipped = gzipSync(await archive(application));
  const path = await write('inside.eif', { ramdisks: [await archive(boot), zipped, toUtf8('no archive')] });
  const { ramdisks, faults } = await inspected(path);
  assert.deepEqual(faults, []);
  assert.deepEqual(
    ramdisks.map(({ form, entries, top, command }) => [form, entries?.file, top, command]),
    [
      ['cpio', 1, ['init'], undefined],
      ['gzip', 2, ['cmd', 'env'], ['/bin/app', '--port', '80']],
      ['unknown', undefined, [], undefined],
    ],
  );
});

test('lists each file with the hash of its content', async () => {
  const file = await openImageFile(await write('list.eif'));
  const { survey } = await inspectImage(file);
  const files: ListedFile[] = [];
  for await (const one of listImageFiles(file, survey.sections)) files.push(one);
  await file.close();
  const sha384 = (text: string): string => createHash('sha384').update(text).digest('hex');
  assert.deepEqual(
    files.map(({ ramdisk, path, mode, size, sha384: hash }) => [ramdisk, path, mode, size, hash]),
    [
      [0, 'init', '0755', 4, sha384('init')],
      [1, 'cmd', '0644', 19, sha384('/bin/app\n--port\n80\n')],
      [1, 'env', '0644', 4, sha384('A=1\n')],
    ],
  );
});

test('names the section, the file and the field that differ, and nothing else', async () => {
  const left = await write('left.eif');
  const placesOf = async (change: Partial<EifImage>) => {
    const { isEqual, isMeasuredEqual, differences: all } = await differences(left, await write('right.eif', change));
    const places = all.map(({ place }) => place).filter((place) => !/^(PCR\d|section\[)/.test(place));
    return { isEqual, isMeasuredEqual, places };
  };
  assert.deepEqual(await placesOf({}), { isEqual: true, isMeasuredEqual: true, places: [] });
  const notMeasured = { isEqual: false, isMeasuredEqual: true };
  assert.deepEqual(await placesOf({ defaultCpus: 3 }), { ...notMeasured, places: ['header.defaultCpus'] });
  assert.deepEqual(await placesOf({ metadata: { ImageName: 'n', ImageVersion: '2', BuildMetadata: {} } }), {
    ...notMeasured,
    places: [
      'metadata.ImageVersion',
      'metadata.BuildMetadata.BuildTime',
      'metadata.CustomMetadata.team',
      'metadata.BuildMetadata',
    ],
  });
  const measured = { isEqual: false, isMeasuredEqual: false };
  assert.deepEqual(await placesOf({ cmdline: 'debug' }), { ...measured, places: ['cmdline'] });
  const changed = [entry('cmd', '/bin/app\n--port\n81\n'), entry('new', ''), entry('env', 'A=1\n', 0o600)];
  assert.deepEqual(await placesOf({ ramdisks: [await archive(boot), await archive(changed)] }), {
    ...measured,
    places: ['ramdisk[1] cmd.sha384', 'ramdisk[1] env.mode', 'ramdisk[1] new'],
  });
});

test('a border moved between ramdisks keeps PCR0 and is a difference', async () => {
  const [one, other] = [await archive(boot), await archive(application)];
  const joined = Buffer.concat([one, other]);
  const moved = [joined.subarray(0, one.length + 4), joined.subarray(one.length + 4)];
  const { isMeasuredEqual, differences: all } = await differences(
    await write('left.eif', { ramdisks: [one, other] }),
    await write('right.eif', { ramdisks: moved }),
  );
  assert.equal(isMeasuredEqual, false);
  const places = all.map(({ place }) => place);
  assert.ok(!places.includes('PCR0') && places.includes('PCR1') && places.includes('section[3] ramdisk.sha384'));
  assert.deepEqual(
    places.filter((place) => /\.(fault|form)$/.test(place)),
    ['ramdisk[0].fault', 'ramdisk[1].form'],
  );
});

test('bytes that no field has are a difference all the same', async () => {
  const left = await write('left.eif');
  const right = await write('right.eif');
  const file = await open(right, 'r+');
  await file.write(Buffer.of(1), 0, 1, 25);
  await file.close();
  const { isEqual, differences: all } = await differences(left, right);
  assert.equal(isEqual, false);
  assert.deepEqual(all, [{ place: 'bytes outside of every field', left: 'one', right: 'another' }]);
});

test('a file that changes while it is read is refused, as is what is no regular file', async () => {
  const path = await write('changing.eif');
  const file = await openImageFile(path);
  appendFileSync(path, 'x');
  await assert.rejects(inspectImage(file), { code: 'IMAGE_CHANGED' });
  await file.close();
  await assert.rejects(openImageFile(folder), { code: 'IMAGE_FILE', message: /must be a regular file/ });
  await assert.rejects(openImageFile(at('none')), { code: 'IMAGE_FILE', message: /ENOENT/ });
});

test('measures only what is sound; the register of a file is that of its bytes', async () => {
  const path = await write('damaged.eif');
  const whole = await measureImage(path);
  assert.deepEqual(Object.keys(whole), ['PCR0', 'PCR1', 'PCR2']);
  const { survey } = await inspected(path);
  assert.equal(whole.PCR0, toHex(survey.measurements!.pcr0));
  appendFileSync(path, 'x');
  await assert.rejects(measureImage(path), { name: 'ParseError', code: 'EIF_TABLE' });
  writeFileSync(at('empty'), '');
  assert.equal(
    await measureFile(at('empty')),
    '21b9efbc184807662e966d34f390821309eeac6802309798826296bf3e8bec7c10edb30948c90ba67310f7b964fc500a',
  );
});

test('describes with the keys of nitro-cli, custom metadata beside the others', async () => {
  const described = describeAsNitroCli(await inspected(await write('nitro.eif')));
  assert.deepEqual(Object.keys(described), [
    'EifVersion',
    'Measurements',
    'IsSigned',
    'CheckCRC',
    'ImageName',
    'ImageVersion',
    'Metadata',
  ]);
  assert.deepEqual(JSON.parse(JSON.stringify(described['Metadata'])), {
    BuildTime: 't',
    DockerInfo: null,
    team: 'a',
  });
  assert.equal((described['Measurements'] as Record<string, string>)['HashAlgorithm'], 'Sha384 { ... }');
});
