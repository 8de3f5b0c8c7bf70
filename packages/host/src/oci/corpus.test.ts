// T-P4 for layers: archives made to write outside, to be two trees at once, or to be more than there is room for. Each is refused with a
// code, or its tree is one that a ramdisk can hold and that has nothing outside of it.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { type CpioEntry, createCpio, parseCpio } from '@caisson/core/cpio';
import { CaissonError } from '@caisson/core/errors';
import { formatTarHeader, type TarInputEntry, type TarKind } from '@caisson/core/tar';
import { laneFigure } from '@caisson/testkit/contract';
import { createTestImage, layer, writeLayout } from '@caisson/testkit/oci';
import fc from 'fast-check';
import type { OpenedSource, RootTree } from '../tree/index.ts';
import { openOciSource } from './index.ts';

const bounds = { maxEntries: 1_000, maxBytes: 1_000_000 };
const end = new Uint8Array(1_024);
const text = (body: string): Uint8Array => new TextEncoder().encode(body);
const padded = (bytes: Uint8Array): Uint8Array => Buffer.concat([bytes, new Uint8Array(-bytes.length & 511)]);

type Extra = Partial<TarInputEntry>;
const file = (path: string, more: Extra = {}): TarInputEntry => ({
  path,
  kind: 'file',
  mode: 0o644,
  content: text('x'),
  ...more,
});
const dir = (path: string, more: Extra = {}): TarInputEntry => ({ path, kind: 'directory', mode: 0o755, ...more });
const symlink = (path: string, target: string): TarInputEntry => ({ path, kind: 'symlink', mode: 0o777, target });
const link = (path: string, target: string): TarInputEntry => ({ path, kind: 'hardlink', mode: 0o644, target });
const device = (path: string, kind: TarKind = 'character'): TarInputEntry => ({
  path,
  kind,
  mode: 0o666,
  major: 1,
  minor: 3,
});

/** A header with bytes of its own at some places, and the checksum that fits. */
function header(patch: Readonly<Record<number, string | Uint8Array>>, path = 'a'): Uint8Array {
  const block = Buffer.from(formatTarHeader({ path, kind: 'file', mode: 0o644 }, 0));
  for (const [at, value] of Object.entries(patch))
    block.set(typeof value === 'string' ? Buffer.from(value, 'latin1') : value, Number(at));
  const sum = block.reduce((total, byte, index) => total + (index >= 148 && index < 156 ? 32 : byte), 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return block;
}

const octal = (value: number): string => `${value.toString(8).padStart(11, '0')}\0`;
const before = (flag: string, body: string): Uint8Array =>
  Buffer.concat([header({ 156: flag, 124: octal(text(body).length) }), padded(text(body))]);
const raw = (...parts: Uint8Array[]): Buffer => Buffer.concat([...parts, end]);
const record = (key: string, value: string): string => {
  const body = ` ${key}=${value}\n`;
  const length = [1, 2, 3, 4].find((digits) => String(text(body).length + digits).length === digits)!;
  return `${text(body).length + length}${body}`;
};
const pax = (key: string, value: string): Buffer => raw(before('x', record(key, value)), header({}));
const base256 = (...bytes: number[]): Uint8Array =>
  Uint8Array.from({ length: 12 }, (_, index) => bytes[index - 12 + bytes.length] ?? (index === 0 ? 0x80 : 0));

const climbs = [
  '..',
  '../a',
  '../../../../../../etc/passwd',
  'a/..',
  'a/../..',
  'a/../../b',
  './../a',
  'a/./../b',
  '..//a',
  'a//..//..//b',
];
const absolutes = ['/a', '//a', '/etc/passwd', '/../a', '///'];
const odd = [
  'a\\..\\..\\b',
  'C:\\a',
  '~/a',
  '%2e%2e/a',
  '..a',
  '...',
  'a..',
  '.a',
  'a\nb',
  'a\u202eb',
  '\u{1f600}',
  ' ',
  'a b',
  '-rf',
  '$(id)',
  'con',
  'a:b',
  '.wh',
  'x.wh.y',
  '\u0085',
  '.\u2024/a',
  '\uff0e\uff0e/a',
  '\u2025/a',
];

type Case = readonly [name: string, code: RegExp | 'tree', ...layers: readonly Buffer[]];

const named: readonly Case[] = [
  ...climbs.flatMap((path): Case[] => [
    [`file ${path}`, /LAYER_PATH/, layer(file(path))],
    [`folder ${path}`, /LAYER_PATH/, layer(dir(path))],
    [`long name ${path}`, /LAYER_PATH/, raw(before('L', `${path}\0`), header({ 257: 'ustar  \0' }))],
    [`pax path ${path}`, /LAYER_PATH/, pax('path', path)],
    [`hard link to ${path}`, /LAYER_PATH/, layer(file('a'), dir('d'), link('d/l', path))],
    [`whiteout in ${path}`, /LAYER_PATH/, layer(file('a')), layer(file(`${path}/.wh.a`))],
  ]),
  ...absolutes.flatMap((path): Case[] => [
    [`file ${path}`, /LAYER_PATH|TAR_NAME|OCI_LAYER/, layer(file(path))],
    [`pax path ${path}`, /LAYER_PATH|OCI_LAYER/, pax('path', path)],
    [`hard link to ${path}`, /LAYER_PATH/, layer(file('a'), link('l', path))],
    [`device ${path}`, /LAYER_PATH|OCI_LAYER/, layer(device(path))],
    [`write through a link to ${path}`, /LAYER_PARENT/, layer(symlink('l', path), file('l/x'))],
    [
      `a folder over and a file through a link to ${path}`,
      'tree',
      layer(symlink('l', path)),
      layer(dir('l'), file('l/x')),
    ],
  ]),
  ...['..', '../..', '../../etc', 'a/../../..', '/..', '/../../etc'].map(
    (target): Case => [
      `write through a lower link to ${target}`,
      /LAYER_PARENT/,
      layer(dir('a'), symlink('l', target)),
      layer(file('l/x')),
    ],
  ),
  ...odd.map((path): Case => [`odd name ${JSON.stringify(path)}`, 'tree', layer(file(path))]),
  ['links in a circle', /LAYER_PARENT/, layer(symlink('a', 'b'), symlink('b', 'a')), layer(file('a/x'))],
  ['a link to itself', /LAYER_PARENT/, layer(symlink('a', 'a')), layer(file('a/x'))],
  ['link then folder then write', 'tree', layer(symlink('a', '/etc'), dir('a'), file('a/passwd'))],
  ['folder then link then write', /LAYER_PARENT/, layer(dir('a'), symlink('a', '/etc'), file('a/passwd'))],
  ['hard link to a link then write', /LAYER_PARENT/, layer(symlink('a', '/etc'), link('b', 'a'), file('b/passwd'))],
  ['hard link below a link', /LAYER_PARENT/, layer(symlink('a', '/etc'), link('b', 'a/passwd'))],
  ['hard link to nothing', /LAYER_LINK/, layer(link('a', 'etc/shadow'))],
  ['hard link to a folder', /LAYER_LINK/, layer(dir('d'), link('a', 'd'))],
  ['hard link to itself', /LAYER_LINK/, layer(file('a'), link('a', 'a'))],
  ['hard link then write', 'tree', layer(file('a'), link('b', 'a'), file('b', { content: text('y') }))],
  ['file below a file', /LAYER_PARENT/, layer(file('a'), file('a/b'))],
  ['file below a device', /LAYER_PARENT/, layer(device('a'), file('a/b'))],
  ['file below a fifo', /LAYER_PARENT/, layer({ path: 'a', kind: 'fifo', mode: 0 }), layer(file('a/b'))],
  [
    'devices and fifos',
    'tree',
    layer(device('dev/null'), device('dev/sda', 'block'), { path: 'f', kind: 'fifo', mode: 0o600 }),
  ],
  [
    'a device of no numbers',
    /OCI_LIMIT/,
    raw(header({ 156: '3', 329: base256(0x80, 1, 0, 0, 0, 0, 0, 0).subarray(4) })),
  ],
  ['setuid and sticky', 'tree', layer(file('su', { mode: 0o4755 }), dir('tmp', { mode: 0o1777 }))],
  ['NFC and NFD', /LAYER_TWIN/, layer(file('\u00e9'), file('e\u0301'))],
  ['NFC and NFD across layers', /LAYER_TWIN/, layer(file('\u00e9')), layer(file('e\u0301'))],
  ['NFC and NFD folders', /LAYER_TWIN/, layer(file('\u00e9/a'), file('e\u0301/b'))],
  ['NFC hidden, NFD shown', 'tree', layer(file('\u00e9')), layer(file('.wh.\u00e9'), file('e\u0301'))],
  ['Hangul in two forms', /LAYER_TWIN/, layer(file('\uac00'), file('\u1100\u1161'))],
  ['case twins', 'tree', layer(file('A'), file('a'))],
  ['names twice', 'tree', layer(file('a'), file('a', { content: text('y') }))],
  ['a name twice as two kinds', 'tree', layer(file('a'), dir('a'), file('a/b'), symlink('a', '/'))],
  ['whiteout of nothing', 'tree', layer(file('.wh.a'))],
  ['whiteout of the root', /LAYER_WHITEOUT/, layer(file('.wh.'))],
  ['whiteout of .', /LAYER_WHITEOUT/, layer(file('.wh..'))],
  ['whiteout of ..', /LAYER_WHITEOUT/, layer(file('.wh...'))],
  ['whiteout of a whiteout', /LAYER_WHITEOUT/, layer(file('.wh..wh.a'))],
  ['whiteout folder', /LAYER_WHITEOUT/, layer(dir('.wh.a'))],
  ['whiteout link', /LAYER_WHITEOUT/, layer(symlink('.wh.a', '/'))],
  ['whiteout device', /LAYER_WHITEOUT/, layer(device('.wh.a'))],
  ['below a lower link to a whiteout', /LAYER_WHITEOUT/, layer(symlink('l', '.wh.a')), layer(file('l/b'))],
  ['below a whiteout', /LAYER_WHITEOUT/, layer(file('.wh.a/b'))],
  ['an AUFS link folder', /LAYER_WHITEOUT/, layer(dir('.wh..wh.plnk'))],
  ['opaque root', 'tree', layer(file('a')), layer(file('.wh..wh..opq'))],
  ['opaque through a link that leads out', /LAYER_PARENT/, layer(symlink('l', '../..')), layer(file('l/.wh..wh..opq'))],
  ['whiteout through a link of the layer', /LAYER_PARENT/, layer(file('a')), layer(symlink('l', '.'), file('l/.wh.a'))],
  ['sparse of GNU', /OCI_LAYER/, raw(header({ 156: 'S', 257: 'ustar  \0' }))],
  ['sparse of pax 0.1', /OCI_LAYER/, pax('GNU.sparse.size', '9999999999')],
  ['sparse of pax 1.0', /OCI_LAYER/, pax('GNU.sparse.realsize', '9999999999')],
  ['a size of 2^63', /OCI_LIMIT/, raw(header({ 124: base256(0x80, 0, 0, 0, 0, 0, 0, 0) }))],
  ['a size of 2^64 - 1', /OCI_LIMIT/, raw(header({ 124: base256(255, 255, 255, 255, 255, 255, 255, 255) }))],
  ['a size of 2^53 + 1', /OCI_LIMIT/, raw(header({ 124: base256(0x20, 0, 0, 0, 0, 0, 1) }))],
  ['a negative size', /OCI_LAYER/, raw(header({ 124: new Uint8Array(12).fill(255) }))],
  ['a pax size of 2^63', /OCI_LIMIT/, pax('size', '9223372036854775808')],
  ['a pax size of -1', /OCI_LAYER/, pax('size', '-1')],
  ['a pax size over the content', /OCI_LAYER/, pax('size', '4096')],
  ['a size over the bound', /OCI_LIMIT/, raw(header({ 124: octal(1_000_001) }))],
  ['content over the bound', /OCI_LIMIT/, layer(file('a', { content: new Uint8Array(1_000_001) }))],
  [
    'content over the bound in parts',
    /LAYER_LIMIT|OCI_LIMIT/,
    ...Array.from({ length: 4 }, (_, at) => layer(file(String(at), { content: new Uint8Array(300_000) }))),
  ],
  [
    'entries over the bound',
    /OCI_LIMIT|LAYER_LIMIT/,
    layer(...Array.from({ length: 1_001 }, (_, at) => ({ path: String(at), kind: 'fifo' as const, mode: 0 }))),
  ],
  [
    'entries over the bound in layers',
    /LAYER_LIMIT/,
    ...[1, 2, 3].map((at) =>
      layer(...Array.from({ length: 400 }, (_, index) => ({ path: `${at}.${index}`, kind: 'fifo' as const, mode: 0 }))),
    ),
  ],
  ['folders over the bound by one name', /LAYER_LIMIT|LAYER_PATH/, layer(file(`${'d/'.repeat(1_500)}f`))],
  ['a name of 256 bytes', /LAYER_PATH/, layer(file('n'.repeat(256)))],
  ['a path of 4001 bytes', /LAYER_PATH/, layer(file(`${'n/'.repeat(2_000)}x`))],
  ['a path of 5000 bytes', /OCI_LIMIT/, layer(file('n/'.repeat(2_500)))],
  ['a link target of 5000 bytes', /OCI_LIMIT/, layer(symlink('l', 'n/'.repeat(2_500)))],
  ['a NUL in a pax path', /OCI_LAYER/, pax('path', 'a\0../b')],
  ['a NUL in a long name', /OCI_LAYER/, raw(before('L', 'a\0../b'), header({ 257: 'ustar  \0' }))],
  ['an empty name', /OCI_LAYER/, raw(header({ 0: '\0' }))],
  ['a name that is not UTF-8', /OCI_LAYER/, raw(header({ 0: '\xff\xfe' }))],
  ['an overlong UTF-8 slash', /OCI_LAYER/, raw(header({ 0: '..\xc0\xaf..' }))],
  ['two long names', /OCI_LAYER/, raw(before('L', 'a\0'), before('L', '../b\0'), header({ 257: 'ustar  \0' }))],
  ['long name and pax path', /OCI_LAYER/, raw(before('L', 'a\0'), before('x', record('path', 'b')), header({}))],
  ['pax path twice', /OCI_LAYER/, raw(before('x', record('path', 'a') + record('path', '../b')), header({}))],
  ['a global path', /OCI_LAYER/, raw(before('g', record('path', '../b')), header({}))],
  ['a global linkpath', /OCI_LAYER/, raw(before('g', record('linkpath', '/etc')), header({ 156: '2', 157: 'a' }))],
  [
    'a pax linkpath over a good one',
    /LAYER_PATH/,
    raw(header({}), before('x', record('linkpath', '../../etc/shadow')), header({ 156: '1', 157: 'a' }, 'b')),
  ],
  ['a pax record past its end', /OCI_LAYER/, raw(before('x', '99 path=a\n'), header({}))],
  ['a prefix that climbs', /LAYER_PATH/, raw(header({ 345: '../..' }))],
  ['a prefix that is absolute', /LAYER_PATH/, raw(header({ 345: '/etc' }))],
  ['a second archive behind the first', /OCI_LAYER/, Buffer.concat([layer(file('a')), layer(file('b'))])],
  ['no end', /OCI_LAYER/, layer(file('a')).subarray(0, -512)],
  ['cut in content', /OCI_LAYER/, layer(file('a', { content: new Uint8Array(5_000) })).subarray(0, 3_000)],
  ['a socket', /OCI_LAYER/, raw(header({ 156: 's' }))],
  ['a link with content', /OCI_LAYER/, raw(header({ 156: '2', 157: 'b', 124: octal(3) }), padded(text('abc')))],
  ['not an archive', /OCI_LAYER/, Buffer.from('#!/bin/sh\n'.repeat(200))],
  ['nothing at all', /OCI_LAYER/, Buffer.alloc(0)],
];

/** What a tree promises; and, past all of it, what the writer of ramdisks finds, which has rules of its own. */
function assertContained(tree: RootTree): void {
  let bytes = 0;
  for (const [path, entry] of tree) {
    const words = path.split('/');
    assert.ok(
      words.every((word) => !['', '.', '..'].includes(word) && !word.startsWith('.wh.')),
      JSON.stringify(path),
    );
    const parent = words.slice(0, -1).join('/');
    assert.ok(parent === '' || tree.get(parent)?.kind === 'directory', `${path} has no folder`);
    if (entry.kind === 'hardlink') assert.equal(tree.get(entry.target)?.kind, 'file', `${path} has no file`);
    if (entry.kind === 'file') bytes += entry.content.size;
  }
  assert.ok(tree.size <= bounds.maxEntries && bytes <= bounds.maxBytes);
}

async function assertRamdisk(tree: RootTree): Promise<void> {
  const entries = [...tree].map(([path, entry]): CpioEntry => {
    const { mode, uid, gid } = entry;
    const own = { path, mode, uid, gid };
    if (entry.kind === 'hardlink') {
      const target = tree.get(entry.target);
      return { ...own, kind: 'file', content: target?.kind === 'file' ? target.content : new Uint8Array() };
    }
    return { ...own, ...entry } as CpioEntry;
  });
  const parts: Uint8Array[] = [];
  for await (const part of createCpio(entries).open()) parts.push(part);
  assert.deepEqual(
    parseCpio(Buffer.concat(parts)).map(({ path }) => path),
    [...tree.keys()],
  );
}

async function open(folder: string, layers: readonly Buffer[]): Promise<OpenedSource | CaissonError> {
  await writeLayout(folder, { '': createTestImage(layers, { compression: 'plain' }) });
  try {
    return await openOciSource(folder, { architecture: 'x86_64', tempFolder: folder, ...bounds });
  } catch (error) {
    if (error instanceof CaissonError) return error;
    throw error;
  } finally {
    await rm(join(folder, 'blobs'), { recursive: true });
  }
}

test('T-P4: every archive made to lead out is refused with layer and reason, or has nothing outside', async (context) => {
  const folder = await mkdtemp(join(tmpdir(), 'caisson-test-'));
  context.after(() => rm(folder, { recursive: true, force: true }));
  assert.ok(named.length >= 150, `${named.length} archives`);
  for (const [name, expected, ...layers] of named) {
    const result = await open(folder, layers);
    if (result instanceof CaissonError) {
      assert.ok(expected !== 'tree' && expected.test(result.code), `${name}: ${result.code} ${result.message}`);
      assert.match(result.message, /^layer sha256:[0-9a-f]{64}|^layer \d+ \(sha256:/, name);
      continue;
    }
    assert.equal(expected, 'tree', `${name} was let in`);
    assertContained(result.tree);
    await assertRamdisk(result.tree);
    await result.close();
  }
  context.diagnostic(`${named.length} archives by name`);
});

test('T-P4: archives of random names, kinds and links have nothing outside, whatever is accepted of them', async (context) => {
  const folder = await mkdtemp(join(tmpdir(), 'caisson-test-'));
  context.after(() => rm(folder, { recursive: true, force: true }));
  const word = fc.constantFrom(
    'a',
    'b',
    'l',
    'm',
    '..',
    '.',
    '',
    '.wh.a',
    '.wh.l',
    '.wh..wh..opq',
    '\u00e9',
    'e\u0301',
    'A',
  );
  const plain = fc.constantFrom('a', 'b', 'l', 'm', 'A');
  const path = fc
    .oneof(
      { weight: 6, arbitrary: fc.array(plain, { minLength: 1, maxLength: 3 }) },
      { weight: 1, arbitrary: fc.array(word, { minLength: 1, maxLength: 3 }) },
    )
    .map((words) => words.join('/') || 'a');
  const kinds: TarKind[] = [
    'file',
    'file',
    'directory',
    'directory',
    'symlink',
    'symlink',
    'hardlink',
    'character',
    'fifo',
  ];
  const target = fc.oneof(path, fc.constantFrom('/', '..', '../..', '/a', '/l', 'a/b', 'l/..'));
  const entry = fc.record({ path, kind: fc.constantFrom(...kinds), target, mode: fc.nat(0o7777) }).map(
    ({ kind, target: to, ...one }): TarInputEntry => ({
      ...one,
      kind,
      ...((kind === 'symlink' || kind === 'hardlink') && { target: to }),
      ...(kind === 'character' && { major: 1, minor: 3 }),
      ...(kind === 'file' && { content: text('x') }),
    }),
  );
  let accepted = 0;
  const numRuns = laneFigure('T-P4-layers');
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(entry, { minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 3 }),
      async (layers) => {
        const result = await open(
          folder,
          layers.map((entries) => layer(...entries)),
        );
        if (result instanceof CaissonError) {
          assert.match(result.code, /^(LAYER|OCI_LAYER|OCI_LIMIT)/, result.message);
          return;
        }
        accepted += 1;
        assertContained(result.tree);
        await assertRamdisk(result.tree);
        await result.close();
      },
    ),
    { seed: 5, numRuns },
  );
  context.diagnostic(`${accepted} of ${numRuns} accepted`);
  assert.ok(
    accepted > numRuns / 10 && accepted < numRuns,
    `${accepted} of ${numRuns} accepted: the corpus shows nothing`,
  );
});
