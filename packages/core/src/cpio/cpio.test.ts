// The archive as the kernel and GNU cpio read it, the same bytes for the same tree, and every refused form.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import fc from 'fast-check';
import type { CpioEntry } from './index.ts';
import { createCpio, parseCpio } from './index.ts';

const sure = { seed: 1, numRuns: 200 };
const text = (value: string): Uint8Array => new TextEncoder().encode(value);

async function bytesOf(entries: Iterable<CpioEntry>): Promise<Uint8Array> {
  const archive = createCpio(entries);
  const chunks: Uint8Array[] = [];
  for await (const chunk of archive.open()) chunks.push(chunk);
  const bytes = new Uint8Array(Buffer.concat(chunks));
  assert.equal(bytes.length, archive.size);
  return bytes;
}

const sample: CpioEntry[] = [
  { path: 'dev', kind: 'directory', mode: 0o755 },
  { path: 'dev/console', kind: 'character', mode: 0o600, major: 5, minor: 1 },
  { path: 'init', kind: 'file', mode: 0o755, content: text('#!/bin/sh\n') },
  { path: 'bin', kind: 'symlink', mode: 0o777, target: 'usr/bin' },
  { path: 'pipe', kind: 'fifo', mode: 0o644, uid: 7, gid: 8, mtime: 9 },
];

test('one file is these bytes: header, name, content, padding, trailer', async () => {
  const bytes = await bytesOf([{ path: 'ab', kind: 'file', mode: 0o644, content: text('hello') }]);
  const zero = '0'.repeat(8);
  // 110 bytes of header, "ab" and its NUL make 113: three more to 116. Five bytes of content: three more.
  const expected =
    `07070100000001000081a4${zero}${zero}00000001${zero}00000005${zero.repeat(4)}00000003${zero}ab\0\0\0\0` +
    `hello\0\0\0` +
    `070701${zero}${zero}${zero}${zero}00000001${zero.repeat(6)}0000000b${zero}TRAILER!!!\0\0\0\0`;
  assert.equal(Buffer.from(bytes).toString('latin1'), expected);
});

test('the order in which entries come does not change a byte, and folders stand before what is in them', async () => {
  const forward = await bytesOf(sample);
  assert.deepEqual(await bytesOf([...sample].reverse()), forward);
  assert.deepEqual(
    parseCpio(forward).map(({ path }) => path),
    ['bin', 'dev', 'dev/console', 'init', 'pipe'],
  );
});

test('entries are ordered by the bytes of their names, not by UTF-16', async () => {
  const names = ['\u{ff5e}', '\u{1f600}'];
  const entries = names.map((path): CpioEntry => ({ path, kind: 'fifo', mode: 0o600 }));
  const order = parseCpio(await bytesOf(entries.reverse())).map(({ path }) => path);
  assert.deepEqual(order, names);
});

test('reads back what it wrote', async () => {
  const name = fc.stringMatching(/^[a-zA-Z0-9 ü.~-]{1,12}$/).filter((one) => one !== '.' && one !== '..');
  const known = { mode: fc.integer({ min: 0, max: 0o7777 }), uid: fc.nat(), gid: fc.nat(), mtime: fc.nat() };
  const leaf = fc.oneof(
    fc.record({ ...known, kind: fc.constant('file' as const), content: fc.uint8Array({ maxLength: 40 }) }),
    fc.record({ ...known, kind: fc.constant('symlink' as const), target: name }),
    fc.record({ ...known, kind: fc.constant('fifo' as const) }),
    fc.record({
      ...known,
      kind: fc.constantFrom('character' as const, 'block' as const),
      major: fc.nat(0xfff),
      minor: fc.nat(0xfffff),
    }),
  );
  const tree = fc.uniqueArray(fc.tuple(name, fc.array(fc.tuple(name, leaf), { maxLength: 4 })), {
    selector: ([folder]) => folder,
    maxLength: 6,
  });
  await fc.assert(
    fc.asyncProperty(tree, async (folders) => {
      const entries = new Map<string, CpioEntry>();
      for (const [folder, children] of folders) {
        entries.set(folder, { path: folder, kind: 'directory', mode: 0o755, uid: 0, gid: 0, mtime: 0 });
        for (const [child, entry] of children) {
          entries.set(`${folder}/${child}`, { path: `${folder}/${child}`, ...entry });
        }
      }
      const read = parseCpio(await bytesOf(entries.values()));
      assert.equal(read.length, entries.size);
      for (const entry of read) assert.deepEqual(entry, entries.get(entry.path));
    }),
    sure,
  );
});

test('a large file passes in pieces and must be as long as it said', async () => {
  const piece = new Uint8Array(1 << 16).fill(7);
  const source = (size: number, pieces: number): CpioEntry => ({
    path: 'big',
    kind: 'file',
    mode: 0o644,
    content: { size, open: () => Array.from({ length: pieces }, () => piece) },
  });
  const [big] = parseCpio(await bytesOf([source(3 * piece.length, 3)]));
  assert.ok(big?.kind === 'file' && big.content.length === 3 * piece.length && big.content.every((byte) => byte === 7));
  const code = 'CPIO_SIZE';
  await assert.rejects(bytesOf([source(3 * piece.length, 2)]), {
    code,
    message: /must yield 196608 bytes, got 131072/,
  });
  await assert.rejects(bytesOf([source(piece.length, 2)]), { code, message: /got more/ });
});

test('refuses to write what the kernel would skip without a word', () => {
  const fifo = (path: string): CpioEntry => ({ path, kind: 'fifo', mode: 0o600 });
  const cases: [CpioEntry[], string][] = [
    [[fifo('a/b')], 'CPIO_PARENT'],
    [[fifo('a'), fifo('a/b')], 'CPIO_PARENT'],
    [[fifo('a'), fifo('a')], 'CPIO_DUPLICATE'],
    ...['', '/a', './a', 'a/', 'a//b', 'a/../b', '..', 'a\0b', 'TRAILER!!!', 'x'.repeat(256), 'ü'.repeat(128)].map(
      (path): [CpioEntry[], string] => [[fifo(path)], 'CPIO_NAME'],
    ),
    [[{ path: 'a', kind: 'fifo', mode: 0o10000 }], 'CPIO_HEADER'],
    [[{ path: 'a', kind: 'fifo', mode: 0, uid: -1 }], 'CPIO_HEADER'],
    [[{ path: 'a', kind: 'block', mode: 0, major: 0x1000, minor: 0 }], 'CPIO_HEADER'],
    [[{ path: 'a', kind: 'symlink', mode: 0o777, target: '' }], 'CPIO_LIMIT'],
    [[{ path: 'a', kind: 'file', mode: 0, content: { size: 2 ** 32, open: () => [] } }], 'CPIO_LIMIT'],
  ];
  for (const [entries, code] of cases) assert.throws(() => createCpio(entries), { code }, JSON.stringify(entries));
});

test('refuses to read names that leave the tree, entries twice, hard links and stray bytes', async () => {
  const good = Buffer.from(await bytesOf([{ path: 'aa', kind: 'file', mode: 0o644, content: text('hello') }]));
  const replaced = (at: number, value: string): Uint8Array => {
    const copy = Buffer.from(good);
    copy.write(value, at, 'latin1');
    return copy;
  };
  const entryBytes = 124;
  const cases: [Uint8Array, string][] = [
    [replaced(110, '/a'), 'CPIO_NAME'],
    [replaced(110, '..'), 'CPIO_NAME'],
    [replaced(110, '\0a'), 'CPIO_NAME'],
    [replaced(110, 'a\xff'), 'CPIO_NAME'],
    [replaced(113, 'x'), 'CPIO_PADDING'],
    [replaced(121, 'x'), 'CPIO_PADDING'],
    [replaced(38, '00000002'), 'CPIO_LINK'],
    [replaced(14, '0000c1a4'), 'CPIO_KIND'],
    [replaced(14, '000041a4'), 'CPIO_SIZE'],
    [replaced(0, '070702'), 'CPIO_HEADER'],
    [replaced(14, '0000 1a4'), 'CPIO_HEADER'],
    [replaced(94, '00001001'), 'CPIO_HEADER'],
    [replaced(54, 'ffffffff'), 'CPIO_TRUNCATED'],
    [good.subarray(0, entryBytes), 'CPIO_TRUNCATED'],
    [good.subarray(0, entryBytes - 1), 'CPIO_TRUNCATED'],
    [Buffer.concat([good, Buffer.from('\0\0x')]), 'CPIO_TRAILING'],
    [Buffer.concat([good.subarray(0, entryBytes), good]), 'CPIO_DUPLICATE'],
  ];
  for (const [index, [bytes, code]] of cases.entries()) {
    assert.throws(() => parseCpio(bytes), { name: 'ParseError', code }, `case ${index}`);
  }
  assert.equal(parseCpio(Buffer.concat([good, Buffer.alloc(512)])).length, 1);
});

test('refuses more entries than allowed before it keeps them', async () => {
  const bytes = await bytesOf(sample);
  assert.equal(parseCpio(bytes, { maxEntries: 5 }).length, 5);
  assert.throws(() => parseCpio(bytes, { maxEntries: 4 }), { name: 'LimitError', code: 'CPIO_LIMIT' });
});

test('any bytes are entries or an error of this room, and a damaged archive never more entries', async () => {
  const good = await bytesOf(sample);
  const flips = fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { minLength: 1, maxLength: 3 });
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array({ maxLength: 300 }), flips), (input) => {
      const bytes = good.slice();
      if (!(input instanceof Uint8Array)) for (const [at, value] of input) bytes[at] = value;
      try {
        assert.ok(parseCpio(input instanceof Uint8Array ? input : bytes).length <= sample.length);
      } catch (error) {
        assert.match((error as { code?: string }).code ?? String(error), /^CPIO_/);
      }
    }),
    { seed: 1, numRuns: 3_000 },
  );
});

const oracle = [
  ['bsdcpio', '-itv'],
  ['cpio', '-itv'],
].find(([name]) => spawnSync(name!, ['--version']).status === 0);

test('another program lists our archive', {
  skip: oracle === undefined && 'neither bsdcpio nor cpio is installed',
}, async () => {
  const { status, stdout, stderr } = spawnSync(oracle![0]!, oracle!.slice(1), { input: await bytesOf(sample) });
  assert.equal(status, 0, stderr.toString());
  const lines = stdout.toString().trim().split('\n');
  assert.equal(lines.length, sample.length, stdout.toString());
  for (const [index, shape] of [
    /^lrwxrwxrwx +1 .* bin -> usr\/bin$/,
    /^drwxr-xr-x +1 .* dev$/,
    /^crw------- +1 .*5, *1.* dev\/console$/,
  ].entries()) {
    assert.match(lines[index]!, shape);
  }
});
