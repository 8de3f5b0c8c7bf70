// What is said of an image is what its measured files say, whatever stands in its metadata.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { toUtf8 } from '@caisson/core/bytes';
import { type CpioEntry, createCpio } from '@caisson/core/cpio';
import { planEif } from '@caisson/core/eif';
import { type MeasuredImage, writeMeasuredImage, writeMeasuredOperators } from '@caisson/core/measured';
import { draftPolicy, readImageProfile } from '../policy/index.ts';
import { inspectImage, openImageFile } from './index.ts';

let folder: string;
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'caisson-measured-'));
});
after(() => rmSync(folder, { recursive: true }));

const file = (path: string, content: string | Uint8Array): CpioEntry => ({
  path,
  kind: 'file',
  mode: 0o644,
  content: typeof content === 'string' ? toUtf8(content) : content,
});
const measuredImage = (
  profile: MeasuredImage['profile'],
  components: MeasuredImage['components'] = ['network', 'ready'],
): Uint8Array =>
  writeMeasuredImage({
    v: 1,
    name: 'hello',
    version: '7',
    profile,
    components,
    ingress: [],
    egress: [],
    config: {
      expect: 'none',
      timeoutMs: 1,
      unsigned: 'refuse',
      requireSignature: false,
      minimumVersion: 0,
      label: null,
      keys: [],
      endpoints: null,
      environment: [],
      schema: null,
    },
    lastWords: 'inside',
    lastWordsKey: null,
    healthPort: 5000,
  });
const folders: CpioEntry[] = ['rootfs', 'rootfs/etc', 'rootfs/etc/caisson'].map((path) => ({
  path,
  kind: 'directory',
  mode: 0o755,
}));
const imagePath = 'rootfs/etc/caisson/image.json';
const operatorsPath = 'rootfs/etc/caisson/operators.json';

async function joined(pieces: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const piece of pieces) parts.push(piece.slice());
  return Buffer.concat(parts);
}

async function write(boot: readonly CpioEntry[], application: readonly CpioEntry[]): Promise<string> {
  const archive = async (entries: readonly CpioEntry[]): Promise<Buffer> => await joined(createCpio(entries).open());
  const image = {
    ...({ architecture: 'x86_64', kernel: toUtf8('K'), cmdline: 'quiet' } as const),
    metadata: { ImageName: 'another', CustomMetadata: { CaissonProfile: 'production' } },
    ramdisks: [await archive(boot), await archive([...folders, ...application])],
  };
  const bytes = await joined((await planEif(image, () => createHash('sha384'))).open());
  const path = join(folder, 'a.eif');
  writeFileSync(path, bytes);
  return path;
}

async function inspected(boot: readonly CpioEntry[], application: readonly CpioEntry[] = [file('cmd', '/bin/a\n')]) {
  const opened = await openImageFile(await write(boot, application));
  try {
    const { measured, faults } = await inspectImage(opened);
    return { measured, faults: faults.map(({ code, message }) => `${code}: ${message}`) };
  } finally {
    await opened.close();
  }
}

test('profile, name and components are those of the measured files, not of the metadata', async () => {
  const supervised = [file('init', 'i'), file('profile', 'development\n'), file('supervisor', 'node\n')];
  assert.deepEqual(await inspected(supervised, [file(imagePath, measuredImage('development'))]), {
    measured: {
      profile: 'development',
      init: 'caisson',
      name: 'hello',
      version: '7',
      components: ['network', 'ready'],
      fileRoots: [],
    },
    faults: [],
  });
  assert.deepEqual(await inspected([file('profile', 'production\n')]), {
    measured: {
      profile: 'production',
      init: 'plain',
      name: undefined,
      version: undefined,
      components: [],
      fileRoots: [],
    },
    faults: [],
  });
  assert.deepEqual(await inspected([file('init', 'i')], [file('profile', 'production\n')]), {
    measured: undefined,
    faults: [],
  });
});

test('file roots are those of the measured operators file, which must be there and sound where there are operators', async () => {
  const supervised = [file('profile', 'production\n'), file('supervisor', 'node\n')];
  const image = file(imagePath, measuredImage('production', ['control']));
  const fileRoots = [{ name: 'data', path: '/data' }];
  const operators = writeMeasuredOperators({ v: 1, rootKey: null, threshold: 1, operators: [], fileRoots });
  const sound = await inspected(supervised, [image, file(operatorsPath, operators)]);
  assert.deepEqual([sound.measured?.fileRoots, sound.faults], [fileRoots, []]);
  for (const [files, fault] of [
    [[image], /^IMAGE_MEASURED: \/etc\/caisson\/operators.json must be a file of at most/],
    [[image, file(operatorsPath, '{')], /^IMAGE_MEASURED: \/etc\/caisson\/operators.json: /],
  ] as const) {
    const { measured, faults } = await inspected(supervised, files);
    assert.deepEqual([measured?.fileRoots, faults.length], [[], 1]);
    assert.match(faults[0]!, fault);
  }
});

test('measured files that are missing, at fault or of two minds are faults of the image', async () => {
  const supervised = [file('profile', 'production\n'), file('supervisor', 'node\n')];
  const table: [boot: CpioEntry[], application: CpioEntry[], fault: RegExp][] = [
    [[file('profile', 'debug\n')], [], /^IMAGE_MEASURED: profile of the boot ramdisk must be .*, got "debug"$/],
    [[file('profile', 'production\n'.repeat(9))], [], /got ""$/],
    [supervised, [], /^IMAGE_MEASURED: \/etc\/caisson\/image.json must be there/],
    [supervised, [{ path: imagePath, kind: 'directory', mode: 0o755 }], /must be a file of at most/],
    [supervised, [file(imagePath, '{')], /^IMAGE_MEASURED: \/etc\/caisson\/image.json: /],
    [
      supervised,
      [file(imagePath, measuredImage('development'))],
      /must be that of the boot ramdisk, production, got development$/,
    ],
  ];
  for (const [boot, application, fault] of table) {
    const { faults } = await inspected(boot, [file('cmd', ''), ...application]);
    assert.equal(faults.length, 1, String(fault));
    assert.match(faults[0]!, fault);
  }
});

test('a policy pins a development image only where that is allowed', async () => {
  const path = await write([file('profile', 'development\n')], [file('cmd', '')]);
  const material = { image: { 0: 'ab'.repeat(48) }, imageProfile: await readImageProfile(path) };
  assert.throws(() => draftPolicy(material), { code: 'POLICY_DRAFT', message: /must have profile production/ });
  assert.equal(draftPolicy({ ...material, allowDevelopment: true }).allowDevelopment, true);
  assert.equal(await readImageProfile(await write([file('init', '')], [file('cmd', '')])), null);
});
