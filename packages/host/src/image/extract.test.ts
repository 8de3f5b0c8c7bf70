// T-P4 for ramdisks: archives made to write outside. Every one is refused or stays inside, and a refused one leaves nothing.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { toUtf8 } from '@caisson/core/bytes';
import { planEif, readEif } from '@caisson/core/eif';
import fc from 'fast-check';
import { extractImage, openImageFile } from './index.ts';

interface Raw {
  readonly name: string;
  readonly mode: number;
  readonly data?: string;
  readonly links?: number;
  readonly inode?: number;
}

const [file, folderMode, link] = [0o100644, 0o040755, 0o120777];

/** An archive without any of the writer's checks. */
function newc(entries: readonly Raw[]): Buffer {
  const padded = (bytes: Buffer): Buffer => Buffer.concat([bytes, Buffer.alloc(-bytes.length & 3)]);
  const all = [...entries, { name: 'TRAILER!!!', mode: 0 }] as Raw[];
  const parts = all.map(({ name, mode, data = '', links = 1, inode }, index) => {
    const nameBytes = Buffer.from(`${name}\0`, 'latin1');
    const numbers = [inode ?? index + 1, mode, 0, 0, links, 0, data.length, 0, 0, 1, 3, nameBytes.length, 0];
    const head = `070701${numbers.map((one) => one.toString(16).padStart(8, '0')).join('')}`;
    return Buffer.concat([padded(Buffer.concat([Buffer.from(head), nameBytes])), padded(Buffer.from(data))]);
  });
  return Buffer.concat(parts);
}

let folder: string;
let outside: string;
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'caisson-extract-'));
  outside = join(folder, 'outside');
  mkdirSync(outside);
  writeFileSync(join(outside, 'victim'), 'untouched');
});
after(() => rmSync(folder, { recursive: true }));

let count = 0;
async function extract(ramdisk: Buffer, maxTreeBytes?: number) {
  count += 1;
  const [path, target] = [join(folder, `${count}.eif`), join(folder, `out-${count}`)];
  const planned = await planEif(
    { architecture: 'x86_64', kernel: toUtf8('K'), cmdline: 'quiet', metadata: {}, ramdisks: [ramdisk] },
    () => createHash('sha384'),
  );
  const chunks: Uint8Array[] = [];
  for await (const chunk of planned.open()) chunks.push(chunk);
  writeFileSync(path, Buffer.concat(chunks));
  const image = await openImageFile(path);
  try {
    const survey = await readEif(image, () => createHash('sha384'));
    return { target, ...(await extractImage(image, survey, target, maxTreeBytes)) };
  } finally {
    await image.close();
    rmSync(path);
  }
}

function nothingOutside(): void {
  assert.deepEqual(readdirSync(outside), ['victim']);
  assert.equal(readFileSync(join(outside, 'victim'), 'utf8'), 'untouched');
  const strangers = readdirSync(folder).filter((name) => !/^(outside|out-\d+)$/.test(name));
  assert.deepEqual(strangers, []);
}

test('writes sections and trees, clears setuid, and copies a file for each of its names', async () => {
  const archive = newc([
    { name: 'bin', mode: folderMode },
    { name: 'bin/su', mode: 0o104755, data: 'program' },
    { name: 'sh', mode: link, data: 'bin/su' },
    { name: 'one', mode: file, links: 2, inode: 77 },
    { name: 'two', mode: file, links: 2, inode: 77, data: 'shared' },
    { name: 'null', mode: 0o020666 },
    { name: 'pipe', mode: 0o010644 },
    { name: 'etc', mode: link, data: '/etc' },
  ]);
  for (const bytes of [archive, gzipSync(archive)]) {
    const { target, sections, trees } = await extract(bytes);
    assert.deepEqual(sections, ['0-kernel.bin', '1-cmdline.txt', '2-metadata.json', 'ramdisk-0.img']);
    assert.equal(readFileSync(join(target, '1-cmdline.txt'), 'utf8'), 'quiet');
    assert.deepEqual(readFileSync(join(target, 'ramdisk-0.img')), bytes);
    const tree = join(target, 'ramdisk-0');
    assert.deepEqual(readdirSync(tree).sort(), ['bin', 'one', 'sh', 'two']);
    assert.equal(lstatSync(join(tree, 'bin/su')).mode & 0o7777, 0o755);
    assert.equal(readlinkSync(join(tree, 'sh')), 'bin/su');
    for (const name of ['one', 'two']) assert.equal(readFileSync(join(tree, name), 'utf8'), 'shared');
    assert.deepEqual(
      trees[0]!.leftOut.map(({ path }) => path),
      ['null', 'pipe', 'etc'],
    );
    rmSync(target, { recursive: true });
  }
});

const hostile: Readonly<Record<string, readonly Raw[]>> = {
  'a name with ..': [{ name: '../outside/new', mode: file, data: 'x' }],
  'a name with .. further on': [{ name: 'a/../../outside/new', mode: file, data: 'x' }],
  'a name that is ..': [{ name: '..', mode: folderMode }],
  'an absolute name': [{ name: '/tmp/caisson-new', mode: file, data: 'x' }],
  'a NUL in a name': [{ name: 'a\0/../../outside/new', mode: file, data: 'x' }],
  'a name that is not UTF-8': [{ name: '\xff\xfe', mode: file }],
  'an empty name': [{ name: '', mode: file }],
  'link, then write through it': [
    { name: 'd', mode: link, data: '../../outside' },
    { name: 'd/new', mode: file, data: 'x' },
  ],
  'write, then link in its way': [
    { name: 'd/new', mode: file, data: 'x' },
    { name: 'd', mode: link, data: '../../outside' },
  ],
  'link to itself inside, then write through it': [
    { name: 'd', mode: link, data: '.' },
    { name: 'd/new', mode: file, data: 'x' },
  ],
  'a file, then a file in it': [
    { name: 'f', mode: file },
    { name: 'f/new', mode: file },
  ],
  'a link, then a file of its name': [
    { name: 'victim', mode: link, data: '../../outside/victim' },
    { name: 'victim', mode: file, data: 'overwritten' },
  ],
  'a file twice': [
    { name: 'f', mode: file, data: '1' },
    { name: 'f', mode: file, data: '2' },
  ],
  'a folder, then a link of its name': [
    { name: 'd', mode: folderMode },
    { name: 'd', mode: link, data: '../../outside' },
  ],
  'a device, then a file in it': [
    { name: 'n', mode: 0o020666 },
    { name: 'n/new', mode: file },
  ],
};

test('T-P4: refuses an archive that would write outside, and leaves nothing of it', async (context) => {
  for (const [name, entries] of Object.entries(hostile)) {
    await context.test(name, async () => {
      // Behind something harmless: it is the whole archive that is refused.
      await assert.rejects(extract(newc([{ name: 'harmless', mode: file, data: 'x' }, ...entries])), {
        code: 'IMAGE_ENTRY',
      });
      assert.ok(!existsSync(join(folder, `out-${count}`)));
      nothingOutside();
    });
  }
});

test('T-P4: no link that is made leads outside, not even through another link', async () => {
  const cases: [readonly Raw[], readonly string[]][] = [
    [[{ name: 'l', mode: link, data: '../outside/victim' }], []],
    [[{ name: 'a/b/l', mode: link, data: '../../../outside' }], []],
    [[{ name: 'a/b/l', mode: link, data: '../..' }], ['a/b/l']],
    // The second looks as if it stayed inside, and does not: its .. is taken where the first one leads.
    [
      [
        { name: 'a/b/up', mode: link, data: '../..' },
        { name: 'a/b/l', mode: link, data: 'up/../../outside' },
      ],
      ['a/b/up'],
    ],
  ];
  for (const [entries, made] of cases) {
    const { target, trees } = await extract(newc(entries));
    const tree = join(target, 'ramdisk-0');
    for (const path of made) assert.ok(`${realpathSync(join(tree, path))}/`.startsWith(`${realpathSync(tree)}/`));
    assert.equal(trees[0]!.leftOut.length, entries.length - made.length);
    rmSync(target, { recursive: true });
  }
});

test('T-P4: archives of random names and links write nothing outside', async () => {
  const component = fc.constantFrom('a', 'b', '..', '.', '', 'd', 'victim', 'outside', 'A');
  const name = fc.array(component, { minLength: 1, maxLength: 5 }).map((parts) => parts.join('/'));
  const entry = fc.record({ name, mode: fc.constantFrom(file, folderMode, link), data: name });
  let made = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(entry, { minLength: 1, maxLength: 4 }), async (entries) => {
      const raw = entries.map((one) => (one.mode === folderMode ? { ...one, data: '' } : one));
      const done = await extract(newc(raw)).catch((error: { code: string }) => {
        assert.match(error.code, /^(IMAGE|CPIO)_/);
        return undefined;
      });
      if (done !== undefined) {
        made += 1;
        const tree = realpathSync(join(done.target, 'ramdisk-0'));
        for (const path of readdirSync(tree, { recursive: true }) as string[]) {
          const place = join(tree, path);
          if (lstatSync(place).isSymbolicLink() && !existsSync(place)) continue;
          assert.ok(`${realpathSync(place)}/`.startsWith(`${tree}/`), path);
        }
        rmSync(done.target, { recursive: true });
      }
      nothingOutside();
    }),
    { seed: 1, numRuns: 300 },
  );
  assert.ok(made > 30, `${made} of 300 were extracted`);
});

test('stops a tree at its bound of bytes, and damaged gzip, and removes what was written', async () => {
  const archive = newc([{ name: 'big', mode: file, data: 'x'.repeat(5_000) }]);
  await assert.rejects(extract(gzipSync(archive), 4_999), { name: 'LimitError', code: 'IMAGE_LIMIT' });
  assert.ok(!existsSync(join(folder, `out-${count}`)));
  const damaged = gzipSync(archive);
  damaged[20]! ^= 0xff;
  await assert.rejects(extract(damaged), { code: /^(IMAGE_RAMDISK|CPIO_)/ });
  assert.ok(!existsSync(join(folder, `out-${count}`)));
  await assert.rejects(extract(archive.subarray(0, 200)), { code: 'CPIO_TRUNCATED' });
  nothingOutside();
});

test('refuses a folder that exists', async () => {
  mkdirSync(join(folder, `out-${count + 1}`));
  await assert.rejects(extract(newc([{ name: 'a', mode: file }])), { code: 'IMAGE_FOLDER', message: /EEXIST/ });
  assert.deepEqual(readdirSync(join(folder, `out-${count}`)), []);
});
