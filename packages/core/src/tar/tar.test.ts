// The forms that container layers have, what was written read back, and every refused form with its place.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import fc from 'fast-check';
import { concatBytes, type SkippableChunks, toUtf8 } from '../bytes/index.ts';
import { sumOf } from './header.ts';
import { formatTarHeader, type StreamedTarEntry, streamTar, type TarInputEntry, writeTar } from './index.ts';
import { paxRecord } from './write.ts';

type Read = Omit<StreamedTarEntry, 'content'> & { readonly body: string };

/** In pieces of `size` bytes, so that nothing rests on where chunks end. */
async function* inPieces(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function read(bytes: Uint8Array, size = 700, limits = {}): Promise<Read[]> {
  const entries: Read[] = [];
  for await (const { content, ...entry } of streamTar(inPieces(bytes, size), limits)) {
    const parts: Uint8Array[] = [];
    for await (const piece of content()) parts.push(piece.slice());
    entries.push({ ...entry, body: Buffer.concat(parts).toString('latin1') });
  }
  return entries;
}

async function written(...entries: TarInputEntry[]): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for await (const part of writeTar(entries)) parts.push(part.slice());
  return concatBytes(...parts);
}

const end = new Uint8Array(1_024);
const file = (path = 'a', size = 0): Uint8Array => formatTarHeader({ path, kind: 'file', mode: 0o644 }, size);
const padded = (bytes: Uint8Array): Uint8Array => concatBytes(bytes, new Uint8Array(-bytes.length & 511));

/** A header with bytes of its own at some places, and a checksum that fits unless `sum` says another. */
function header(patch: Readonly<Record<number, string | Uint8Array>>, base = file(), sum?: string): Uint8Array {
  const block = base.slice();
  for (const [at, value] of Object.entries(patch))
    block.set(typeof value === 'string' ? Buffer.from(value, 'latin1') : value, Number(at));
  block.set(toUtf8(sum ?? `${sumOf(block).toString(8).padStart(6, '0')}\0 `), 148);
  return block;
}

const size = (bytes: number): string => `${bytes.toString(8).padStart(11, '0')}\0`;
const extension = (flag: string, body: Uint8Array): Uint8Array =>
  concatBytes(header({ 156: flag, 124: size(body.length) }), padded(body));
const pax = (...records: [string, string][]): Uint8Array =>
  extension('x', concatBytes(...records.map(([key, value]) => paxRecord(key, value))));
const gnu = { 257: 'ustar  \0' };

const tarProgram = spawnSync('tar', ['--version']).stdout?.toString().includes('GNU tar') === true;

test('reads what GNU tar writes in its three forms, long names and all', {
  skip: !tarProgram && 'GNU tar is not installed',
}, async () => {
  const list = spawnSync('tar', ['--version']);
  assert.equal(list.status, 0);
  const room = new URL('./', import.meta.url).pathname;
  for (const format of ['ustar', 'gnu', 'pax']) {
    const long = `${'x'.repeat(90)}/${'y'.repeat(format === 'ustar' ? 20 : 120)}`;
    const { stdout, stderr } = spawnSync('tar', [
      ...[
        '-C',
        room,
        `--format=${format}`,
        `--transform=s,^stream.ts,${long},`,
        '--owner=1234567',
        '--group=7',
        '--numeric-owner',
      ],
      ...['-cf', '-', 'stream.ts', 'index.ts'],
    ]);
    const entries = await read(stdout);
    assert.deepEqual(
      entries.map(({ path, kind, uid, gid }) => [path, kind, uid, gid]),
      [
        [long, 'file', 1_234_567, 7],
        ['index.ts', 'file', 1_234_567, 7],
      ],
      `${format}: ${stderr}`,
    );
    assert.match(entries[1]!.body, /^\/\/ tar archives/);
  }
});

test('another program reads what we write', { skip: !tarProgram && 'GNU tar is not installed' }, async () => {
  const long = `${'d'.repeat(120)}/ü`;
  const input = await written(
    { path: 'dev', kind: 'directory', mode: 0o755 },
    { path: 'dev/null', kind: 'character', mode: 0o666, major: 1, minor: 3 },
    { path: long, kind: 'file', mode: 0o4755, uid: 5_000_000, content: toUtf8('hello') },
    { path: 'l', kind: 'symlink', mode: 0o777, target: long },
    { path: 'h', kind: 'hardlink', mode: 0o4755, target: long },
  );
  const { status, stdout, stderr } = spawnSync('tar', ['-tvf', '-', '--numeric-owner', '--quoting-style=literal'], {
    input,
  });
  assert.equal(status, 0, stderr.toString());
  const lines = stdout.toString().trim().split('\n');
  for (const [index, shape] of [
    /^drwxr-xr-x 0\/0 .* dev\/$/,
    /^crw-rw-rw- 0\/0 +1,3 .* dev\/null$/,
    /^-rwsr-xr-x 5000000\/0 +5 .*\/ü$/,
    /^lrwxrwxrwx .* l -> d{120}\/ü$/,
    /^hrwsr-xr-x .* h link to d{120}\/ü$/,
  ].entries()) {
    assert.match(lines[index]!, shape);
  }
});

test('reads back what it wrote, however the chunks fall', async () => {
  const name = fc.stringMatching(/^[a-zA-Z0-9 ü.~-]{1,150}$/);
  const known = {
    path: name,
    mode: fc.integer({ min: 0, max: 0o7777 }),
    uid: fc.nat(),
    gid: fc.nat(),
    mtime: fc.integer({ min: -(2 ** 40), max: 2 ** 40 }),
  };
  const entry = fc.oneof(
    fc.record({ ...known, kind: fc.constant('file' as const), content: fc.uint8Array({ maxLength: 1_500 }) }),
    fc.record({ ...known, kind: fc.constantFrom('symlink' as const, 'hardlink' as const), target: name }),
    fc.record({ ...known, kind: fc.constantFrom('directory' as const, 'fifo' as const) }),
    fc.record({
      ...known,
      kind: fc.constantFrom('character' as const, 'block' as const),
      major: fc.nat(0xfff),
      minor: fc.nat(0xfffff),
    }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(entry, { maxLength: 6 }), fc.integer({ min: 1, max: 2_000 }), async (entries, pieces) => {
      const found = await read(await written(...entries), pieces);
      assert.equal(found.length, entries.length);
      for (const [
        index,
        { number, offset, contentOffset, ignoredKeys, droppedXattrs, body, size: bytes, ...rest },
      ] of found.entries()) {
        const { content, ...expected } = { content: new Uint8Array(), ...entries[index]! };
        assert.deepEqual(rest, expected);
        assert.equal(body, Buffer.from(content).toString('latin1'));
        assert.deepEqual([number, bytes, ignoredKeys, droppedXattrs], [index + 1, content.length, 0, 0]);
        assert.ok(contentOffset > offset);
      }
    }),
    { seed: 1, numRuns: 200 },
  );
});

test('a header of ours is these bytes', () => {
  const block = Buffer.from(file('ab', 5));
  const zeros = (count: number): string => '\0'.repeat(count);
  assert.equal(
    block.toString('latin1'),
    `ab${zeros(98)}0000644\x000000000\x000000000\x0000000000005\x0000000000000\x00007505\0 0${zeros(100)}ustar\x0000${zeros(64)}` +
      `0000000\x000000000\0${zeros(167)}`,
  );
});

test('names, sizes and owners that have no room come from the extension before the entry', async () => {
  const long = 'n'.repeat(300);
  const cases: [Uint8Array, Partial<Read>][] = [
    [concatBytes(extension('L', toUtf8(`${long}\0`)), header(gnu)), { path: long, offset: 0 }],
    [concatBytes(extension('K', toUtf8(long)), header({ ...gnu, 156: '2' })), { kind: 'symlink', target: long }],
    [
      concatBytes(
        pax(['path', 'ü'], ['uid', '4294967295'], ['mtime', '-1.5'], ['SCHILY.xattr.a', 'b'], ['VENDOR.x', 'y']),
        file(),
      ),
      {
        path: 'ü',
        uid: 0xffffffff,
        mtime: -1,
        ignoredKeys: 1,
        droppedXattrs: 1,
        number: 1,
      },
    ],
    [concatBytes(pax(['size', '3']), header({}), padded(toUtf8('abc'))), { size: 3, body: 'abc' }],
    // An empty value takes nothing over; ustar's own prefix; a folder by its slash before there was a type for it.
    [concatBytes(pax(['path', '']), file('own')), { path: 'own' }],
    [header({ 345: 'p/q' }), { path: 'p/q/a' }],
    [header({ 0: 'd//\0', 156: '\0' }), { path: 'd', kind: 'directory' }],
    [header({ 108: Uint8Array.of(0x80, 0, 0, 0, 0xff, 0, 0, 0) }), { uid: 0xff000000 }],
    [header({ 136: new Uint8Array(12).fill(0xff) }), { mtime: -1 }],
    [header({ 100: '0100644\0', 156: '7' }), { mode: 0o644, kind: 'file' }],
    [concatBytes(extension('g', paxRecord('comment', 'abc')), file()), { path: 'a', number: 2 }],
  ];
  for (const [index, [bytes, expected]] of cases.entries()) {
    const [entry] = await read(concatBytes(bytes, end));
    for (const [key, value] of Object.entries(expected)) {
      assert.equal(entry?.[key as keyof Read], value, `case ${index}: ${key}`);
    }
  }
});

test('refuses every form that is malformed or that two readers would read differently, with its place', async () => {
  const big = (first: number): Uint8Array => Uint8Array.of(first, 0, 0, 0, 0x80, 0, 0, 0, 0, 0, 0, 0);
  const cases: [bytes: Uint8Array, code: string, words?: RegExp][] = [
    [new Uint8Array(), 'TAR_TRUNCATED'],
    [file().subarray(0, 511), 'TAR_TRUNCATED', /1 more bytes, got the end/],
    [
      concatBytes(file('a', 10), toUtf8('hello')),
      'TAR_TRUNCATED',
      /tar entry 1 at offset 0: content at offset 517 must have 5 more/,
    ],
    [concatBytes(file(), end.subarray(512)), 'TAR_TRUNCATED', /second zero block/],
    [concatBytes(end.subarray(512), file(), end), 'TAR_TRAILING', /two zero blocks, got data at offset 512/],
    [concatBytes(file(), end, Uint8Array.of(0, 7)), 'TAR_TRAILING', /data at offset 1537/],
    [concatBytes(end, file(), end), 'TAR_TRAILING'],
    [header({ 257: '\0'.repeat(8) }), 'TAR_HEADER'],
    [header({ 508: 'tar\0' }), 'TAR_HEADER', /star/],
    [header({}, file(), '000000\0 '), 'TAR_CHECKSUM', /tar entry 1 at offset 0: checksum must be \d+, got 0/],
    [header({ 100: '000 644\0' }), 'TAR_NUMBER', /mode/],
    [header({ 100: '0000648\0' }), 'TAR_NUMBER'],
    [header({ 124: '-0000000001\0' }), 'TAR_NUMBER', /size/],
    [header({ 124: new Uint8Array(12).fill(0xff) }), 'TAR_NUMBER', /negative/],
    [header({ 124: big(0x80) }), 'TAR_LIMIT', /must be at most 9007199254740991, got 9223372036854775808/],
    [header({ 108: Uint8Array.of(0x80, 0, 0, 1, 0, 0, 0, 0) }), 'TAR_LIMIT', /uid/],
    [header({ 136: Uint8Array.of(0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0) }), 'TAR_NUMBER', /mtime/],
    [header({ 124: size(2 ** 33 - 1) }), 'TAR_LIMIT', /must end within the 8589934592 bytes/],
    [header({ 156: 'S', ...gnu }), 'TAR_SPARSE'],
    [concatBytes(pax(['GNU.sparse.major', '1']), file()), 'TAR_SPARSE'],
    ...['8', 'D', 'M', 'V', 'X', 'N', '\x80'].map((flag): [Uint8Array, string] => [header({ 156: flag }), 'TAR_KIND']),
    [header({ 0: '\0' }), 'TAR_NAME', /empty/],
    [header({ 0: 'a\xff' }), 'TAR_NAME', /UTF-8/],
    [header({ 0: 'a/' }), 'TAR_NAME', /slash/],
    [header({ 156: '2' }), 'TAR_LINK'],
    [header({ 156: '1' }), 'TAR_LINK'],
    [header({ 156: '2', 157: '\xff' }), 'TAR_NAME'],
    ...['1', '2', '3', '4', '5', '6'].map((flag): [Uint8Array, string] => [
      concatBytes(header({ 156: flag, 157: 'b', 124: size(3) }), padded(toUtf8('abc'))),
      'TAR_SIZE',
    ]),
    [concatBytes(extension('L', toUtf8('b\0c')), header(gnu)), 'TAR_NAME', /NUL/],
    [concatBytes(extension('L', Uint8Array.of(0xff)), header(gnu)), 'TAR_NAME'],
    [concatBytes(extension('L', toUtf8('\0')), header(gnu)), 'TAR_NAME', /empty/],
    [extension('L', new Uint8Array(4_098).fill(97)), 'TAR_LIMIT'],
    [concatBytes(pax(['path', 'p'.repeat(4_096)]), file()), 'TAR_LIMIT', /at most 4095 bytes, got 4096/],
    [extension('x', new Uint8Array(2 ** 20 + 1)), 'TAR_LIMIT'],
    [
      concatBytes(extension('L', toUtf8('b')), extension('L', toUtf8('c')), header(gnu)),
      'TAR_EXTENSION',
      /one path extension/,
    ],
    [concatBytes(pax(['path', 'a']), pax(['path', 'b']), file()), 'TAR_EXTENSION'],
    [concatBytes(pax(['path', 'a']), extension('L', toUtf8('b')), file()), 'TAR_EXTENSION', /told once/],
    [concatBytes(pax(['path', 'a'], ['path', 'b']), file()), 'TAR_EXTENSION', /path must stand once/],
    [pax(['path', 'a']), 'TAR_EXTENSION', /an entry must follow/],
    [concatBytes(extension('g', paxRecord('path', 'b')), file()), 'TAR_EXTENSION', /global/],
    [concatBytes(extension('g', paxRecord('size', '512')), file()), 'TAR_EXTENSION', /global/],
    [concatBytes(pax(['hdrcharset', 'BINARY']), file()), 'TAR_EXTENSION', /UTF-8/],
    [concatBytes(pax(['path', 'a\0b']), file()), 'TAR_NAME', /NUL/],
    [concatBytes(pax(['size', '-1']), file()), 'TAR_NUMBER'],
    [concatBytes(pax(['size', '0x10']), file()), 'TAR_NUMBER'],
    [concatBytes(pax(['size', '9223372036854775808']), file()), 'TAR_LIMIT'],
    [concatBytes(pax(['uid', '4294967296']), file()), 'TAR_LIMIT'],
    [concatBytes(pax(['mtime', 'now']), file()), 'TAR_NUMBER'],
    ...['5 a=b\n', '7 a=b\n', '06 a=b\n', '6a=b\n\n', '6 a=bc', '6 abc\n', '6 =ab\n', '99 a=b\n', '\n'].map(
      (text): [Uint8Array, string] => [concatBytes(extension('x', toUtf8(text)), file()), 'TAR_EXTENSION'],
    ),
    [concatBytes(extension('x', Uint8Array.of(0x36, 0x20, 0xff, 0x3d, 0x62, 0x0a)), file()), 'TAR_NAME'],
  ];
  for (const [index, [bytes, code, words = /./]] of cases.entries()) {
    const whole = ['TAR_TRUNCATED', 'TAR_TRAILING'].includes(code) ? bytes : concatBytes(bytes, end);
    for (const pieces of [1, 512, 10_000]) {
      await assert.rejects(read(whole, pieces), { code, message: words }, `case ${index} in pieces of ${pieces}`);
    }
  }
});

test('refuses more entries, bytes and longer names than allowed, before it keeps them', async () => {
  const three = await written(...['a', 'b', 'c'].map((path): TarInputEntry => ({ path, kind: 'fifo', mode: 0 })));
  assert.equal((await read(three, 512, { maxEntries: 3, maxBytes: three.length, maxNameBytes: 1 })).length, 3);
  for (const limits of [{ maxEntries: 2 }, { maxBytes: three.length - 1 }]) {
    await assert.rejects(read(three, 512, limits), { name: 'LimitError', code: 'TAR_LIMIT' });
  }
  await assert.rejects(read(await written({ path: 'ab', kind: 'fifo', mode: 0 }), 512, { maxNameBytes: 1 }), {
    code: 'TAR_LIMIT',
  });
  const globals = concatBytes(...[1, 2, 3].map(() => extension('g', paxRecord('comment', 'x'))), end);
  await assert.rejects(read(globals, 512, { maxEntries: 2 }), { code: 'TAR_LIMIT' });
});

test('a source that can pass over content is asked to, and an archive that ends in it is still found out', async () => {
  const bytes = concatBytes(file('big', 100_000), padded(new Uint8Array(100_000)), file('b'), end);
  const chunks = (until: number): SkippableChunks & { given: number } => {
    let at = 0;
    const own = {
      given: 0,
      skip(length: number) {
        const passed = Math.min(length, until - at);
        at += passed;
        return passed;
      },
      async *[Symbol.asyncIterator]() {
        while (at < until) {
          const piece = bytes.subarray(at, Math.min(at + 1_024, until));
          at += piece.length;
          own.given += piece.length;
          yield piece;
        }
      },
    };
    return own;
  };
  const whole = chunks(bytes.length);
  const paths: string[] = [];
  for await (const { path } of streamTar(whole)) paths.push(path);
  assert.deepEqual(paths, ['big', 'b']);
  assert.ok(whole.given < 4_096, `${whole.given} bytes were read`);
  const short = async (): Promise<void> => {
    for await (const _ of streamTar(chunks(bytes.length), { maxBytes: bytes.length - 1 }));
  };
  await assert.rejects(short, { code: 'TAR_LIMIT' }, 'what is passed over counts');
  for (const until of [600, 50_000, bytes.length - 512]) {
    await assert.rejects(
      async () => {
        for await (const _ of streamTar(chunks(until)));
      },
      { code: 'TAR_TRUNCATED' },
    );
  }
});

test('a writer whose source is not as long as it said ends with an error', async () => {
  const source = (pieces: number): TarInputEntry => ({
    path: 'a',
    kind: 'file',
    mode: 0,
    content: { size: 8, open: () => Array.from({ length: pieces }, () => new Uint8Array(4)) },
  });
  assert.equal((await read(await written(source(2)))).length, 1);
  await assert.rejects(written(source(1)), { code: 'TAR_SIZE', message: /must yield 8 bytes, got 4/ });
  await assert.rejects(written(source(3)), { code: 'TAR_SIZE', message: /got more/ });
});

test('any bytes are entries or an error of this room', async () => {
  const good = concatBytes(
    pax(['path', 'pp'], ['size', '5']),
    header({}),
    padded(toUtf8('hello')),
    extension('L', toUtf8('long\0')),
    header(gnu),
    header({ 156: '2', 157: 'x' }),
    end,
  );
  const sound = (await read(good)).length;
  const flips = fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 });
  await fc.assert(
    fc.asyncProperty(fc.oneof(fc.uint8Array({ maxLength: 1_600 }), flips), fc.boolean(), async (input, repair) => {
      const bytes = good.slice();
      if (!(input instanceof Uint8Array)) {
        for (const [at, value] of input) bytes[at] = value;
        // Most damage ends at the checksum; repaired, it reaches what is behind.
        if (repair)
          for (let at = 0; at < bytes.length; at += 512) {
            const block = bytes.subarray(at, at + 512);
            if (block.some((byte) => byte !== 0))
              block.set(toUtf8(`${sumOf(block).toString(8).padStart(6, '0')}\0 `), 148);
          }
      }
      try {
        assert.ok((await read(input instanceof Uint8Array ? input : bytes)).length <= sound + 3);
      } catch (error) {
        assert.match((error as { code?: string }).code ?? String(error), /^TAR_/);
      }
    }),
    { seed: 1, numRuns: 4_000 },
  );
});
