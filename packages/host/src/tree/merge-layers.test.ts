// Layers over each other as container engines lay them, and what no engine should: each rule and each refusal by name.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type LayerEntry, type MergeOptions, mergeLayers, type RootTree } from './index.ts';

type Short = Partial<LayerEntry> & { readonly path: string };

const text = (body: string) => ({
  size: body.length,
  async *open() {
    yield Buffer.from(body);
  },
});
const dir = (path: string, mode = 0o755): Short => ({ path, kind: 'directory', mode });
const file = (path: string, body = path): Short => ({ path, content: text(body) });
const symlink = (path: string, target: string): Short => ({ path, kind: 'symlink', target });
const link = (path: string, target: string, mode = 0o644): Short => ({ path, kind: 'hardlink', target, mode });

async function merge(layers: readonly (readonly Short[])[], options?: MergeOptions) {
  return mergeLayers(
    layers.map((entries, index) => ({
      origin: `layer ${index + 1}`,
      entries: entries.map(
        (entry, at): LayerEntry => ({ kind: 'file', mode: 0o644, uid: 0, gid: 0, place: `entry ${at + 1}`, ...entry }),
      ),
    })),
    options,
  );
}

/** `path` of a folder ends with a slash; a file has its content, a link its target. */
async function shown(tree: RootTree): Promise<string[]> {
  const lines: string[] = [];
  for (const [path, entry] of tree) {
    if (entry.kind === 'directory') lines.push(`${path}/`);
    else if (entry.kind === 'symlink') lines.push(`${path} -> ${entry.target}`);
    else if (entry.kind === 'hardlink') lines.push(`${path} = ${entry.target}`);
    else if (entry.kind === 'file') {
      const parts: Uint8Array[] = [];
      for await (const part of entry.content.open()) parts.push(part.slice());
      lines.push(`${path}: ${Buffer.concat(parts)}`);
    } else lines.push(`${path} (${entry.kind})`);
  }
  return lines;
}

test('lays layers over each other as engines do', async () => {
  const cases: [name: string, layers: Short[][], expected: string[]][] = [
    ['a file of a later layer holds', [[file('a', '1')], [file('a', '2')]], ['a: 2']],
    ['a whiteout hides a file', [[file('a'), file('b')], [file('.wh.a')]], ['b: b']],
    ['a whiteout hides a folder whole', [[file('d/e/f')], [file('.wh.d')]], []],
    ['a whiteout of nothing hides nothing', [[file('a')], [file('.wh.b'), file('x/.wh.y')]], ['a: a']],
    [
      'an opaque folder loses what was in it',
      [
        [file('d/a'), file('d/b/c')],
        [file('d/.wh..wh..opq'), file('d/n')],
      ],
      ['d/', 'd/n: d/n'],
    ],
    [
      'the order of an opaque marker changes nothing',
      [[file('d/a')], [file('d/n'), file('d/.wh..wh..opq')]],
      ['d/', 'd/n: d/n'],
    ],
    ['the order of a whiteout changes nothing', [[file('d/a')], [file('d/n'), file('.wh.d')]], ['d/', 'd/n: d/n']],
    ['a whiteout spares what its own layer brings', [[file('a', '1')], [file('a', '2'), file('.wh.a')]], ['a: 2']],
    [
      'an opaque root',
      [
        [file('a'), file('d/b')],
        [file('.wh..wh..opq'), file('c')],
      ],
      ['c: c'],
    ],
    ['what a whiteout took may come again', [[file('a', '1')], [file('.wh.a')], [file('a', '3')]], ['a: 3']],
    ['a file takes the place of a folder', [[file('d/a')], [file('d')]], ['d: d']],
    ['a folder takes the place of a file', [[file('d')], [dir('d'), file('d/a')]], ['d/', 'd/a: d/a']],
    [
      'a folder takes the place of a link',
      [
        [dir('t'), symlink('d', 't')],
        [dir('d'), file('d/a')],
      ],
      ['d/', 'd/a: d/a', 't/'],
    ],
    [
      'a file takes the place of a link, not of its target',
      [[file('t'), symlink('a', 't')], [file('a')]],
      ['a: a', 't: t'],
    ],
    ['folders that no entry names are made', [[file('a/b/c')]], ['a/', 'a/b/', 'a/b/c: a/b/c']],
    ['two names of a file', [[file('b', 'x'), link('a', 'b')]], ['a: x', 'b = a']],
    ['a link across layers', [[file('b', 'x')], [link('c', './b')]], ['b: x', 'c = b']],
    ['a link outlives its first name', [[file('a', 'x')], [link('b', 'a')], [file('.wh.a')]], ['b: x']],
    [
      'a link outlives the change of its first name',
      [[file('a', '1'), link('b', 'a')], [file('a', '2')]],
      ['a: 2', 'b: 1'],
    ],
    ['a link to a symbolic link is one more of it', [[symlink('a', 'x'), link('b', 'a')]], ['a -> x', 'b -> x']],
    [
      'a link to a device is one more of it',
      [[{ path: 'n', kind: 'character', major: 1, minor: 3 }, link('b', 'n')]],
      ['b (character)', 'n (character)'],
    ],
    [
      'a lower link to a folder is followed',
      [[dir('usr/lib'), symlink('lib', 'usr/lib')], [file('lib/a')]],
      ['lib -> usr/lib', 'usr/', 'usr/lib/', 'usr/lib/a: lib/a'],
    ],
    [
      'an absolute one ends in the root',
      [[dir('run'), dir('var'), symlink('var/run', '/run')], [file('var/run/a')]],
      ['run/', 'run/a: var/run/a', 'var/', 'var/run -> /run'],
    ],
    [
      'a whiteout goes through it too',
      [[file('usr/lib/a'), symlink('lib', 'usr/lib')], [file('lib/.wh.a')]],
      ['lib -> usr/lib', 'usr/', 'usr/lib/'],
    ],
    [
      'a hard link goes through it too',
      [[file('usr/lib/a', 'x'), symlink('lib', 'usr/lib')], [link('b', 'lib/a')]],
      ['b: x', 'lib -> usr/lib', 'usr/', 'usr/lib/', 'usr/lib/a = b'],
    ],
    [
      'a link may end nowhere',
      [[symlink('a', '../../..'), symlink('b', '/etc/passwd')]],
      ['a -> ../../..', 'b -> /etc/passwd'],
    ],
    ['the root and its spellings', [[dir('./'), dir('.'), file('./a/./b//c')]], ['a/', 'a/b/', 'a/b/c: ./a/./b//c']],
    [
      'a fifo and a device',
      [
        [
          { path: 'f', kind: 'fifo' },
          { path: 'd', kind: 'block', major: 8, minor: 1 },
        ],
      ],
      ['d (block)', 'f (fifo)'],
    ],
    ['no layers', [], []],
  ];
  for (const [name, layers, expected] of cases) {
    assert.deepEqual(await shown((await merge(layers)).tree), expected, name);
  }
});

test('keeps modes, owners, devices and the layer each entry is from', async () => {
  const { tree } = await merge([
    [
      dir('d', 0o700),
      { ...file('d/su'), mode: 0o4755, uid: 5, gid: 6 },
      { path: 'n', kind: 'character', major: 1, minor: 3, mode: 0o666 },
    ],
    [{ ...dir('d', 0o1777), uid: 9 }, link('h', 'd/su', 0o755), file('new/x')],
  ]);
  const [d, su, h, n, made] = ['d', 'd/su', 'h', 'n', 'new'].map((path) => tree.get(path));
  assert.deepEqual([d?.mode, d?.uid, d?.origin], [0o1777, 9, 'layer 2']);
  // The header of a link is about the same file: its mode and owner hold for both names, as engines apply it.
  assert.deepEqual([su?.mode, su?.uid, su?.origin], [0o755, 0, 'layer 1']);
  assert.ok(h?.kind === 'hardlink' && h.target === 'd/su');
  assert.ok(n?.kind === 'character' && n.major === 1 && n.minor === 3 && n.mode === 0o666);
  assert.deepEqual([made?.mode, made?.uid, made?.gid, made?.origin], [0o755, 0, 0, 'layer 2']);
});

test('a folder that a whiteout took and its own layer needs is a new one', async () => {
  for (const upper of [
    [file('d/n'), file('.wh.d')],
    [file('.wh.d'), file('d/n')],
  ]) {
    const { tree } = await merge([[dir('d', 0o700), file('d/a')], upper]);
    assert.deepEqual([...tree.keys()], ['d', 'd/n']);
    assert.deepEqual([tree.get('d')?.mode, tree.get('d')?.origin], [0o755, 'layer 2']);
  }
});

test('paths come in the order of their bytes, whatever the order of the entries', async () => {
  const names = ['a/b', 'a-b', 'a', '\u{1f600}', '\u{ff5e}', 'B'];
  const { tree } = await merge([[...names].map((path) => (path === 'a' ? dir(path) : file(path)))]);
  assert.deepEqual([...tree.keys()], ['B', 'a', 'a-b', 'a/b', '\u{ff5e}', '\u{1f600}']);
});

test('refuses what leads out, what could be two trees and what is nothing, with layer, entry and reason', async () => {
  const chain = Array.from({ length: 42 }, (_, index) => symlink(`l${index}`, `l${index + 1}`));
  const cases: [code: string, words: RegExp, ...layers: Short[][]][] = [
    ['LAYER_PATH', /^layer 1, entry 1: name of a file must have no "\.\." component, got "\.\.\/a"$/, [file('../a')]],
    ['LAYER_PATH', /\.\./, [file('a/../b')]],
    ['LAYER_PATH', /\.\./, [dir('..')]],
    ['LAYER_PATH', /relative/, [file('/etc/passwd')]],
    ['LAYER_PATH', /NUL/, [file('a\0b')]],
    ['LAYER_PATH', /name/, [file('.')]],
    ['LAYER_PATH', /name/, [symlink('./', '/')]],
    ['LAYER_PATH', /at most 255/, [file('x'.repeat(256))]],
    ['LAYER_PATH', /at most 255/, [file('ü'.repeat(128))]],
    ['LAYER_PATH', /at most 4000/, [file('x/'.repeat(2_001))]],
    [
      'LAYER_PATH',
      /behind its links/,
      [dir('d/'.repeat(1_500)), symlink('l', 'd/'.repeat(1_500))],
      [file(`l/${'e/'.repeat(600)}f`)],
    ],
    [
      'LAYER_PARENT',
      /^layer 1, entry 2: file "l\/passwd" must not stand below "l", a symbolic link that the same layer made$/,
      [symlink('l', '/etc'), file('l/passwd')],
    ],
    ['LAYER_PARENT', /same layer/, [symlink('l', 'd'), dir('d'), file('l/.wh.a')]],
    ['LAYER_PARENT', /same layer/, [symlink('l', '.'), file('a'), link('b', 'l/a')]],
    ['LAYER_PARENT', /same layer/, [symlink('l', '/'), link('m', 'l'), file('m/a')]],
    ['LAYER_PARENT', /same layer/, [dir('l')], [symlink('l', '/'), file('l/a')]],
    ['LAYER_PARENT', /^layer 2, entry 1: .*leads over it/, [symlink('l', '../../etc')], [file('l/passwd')]],
    ['LAYER_PARENT', /leads over it/, [symlink('a/l', '../../x')], [file('a/l/y')]],
    ['LAYER_PARENT', /leads over it/, [file('x'), symlink('l', '..')], [link('b', 'l/x')]],
    ['LAYER_PARENT', /at most 40 links/, [symlink('a', 'b'), symlink('b', 'a')], [file('a/x')]],
    ['LAYER_PARENT', /at most 40 links/, chain, [file('l0/x')]],
    ['LAYER_PARENT', /got "a", a file$/, [file('a'), file('a/b')]],
    ['LAYER_PARENT', /got "a", a file$/, [file('a')], [file('a/b')]],
    ['LAYER_PARENT', /a fifo$/, [{ path: 'p', kind: 'fifo' }], [file('p/.wh.a')]],
    ['LAYER_LINK', /must link to what is there, got "b"/, [link('a', 'b')]],
    ['LAYER_LINK', /what is there/, [link('a', 'b'), file('b')]],
    ['LAYER_LINK', /what is there/, [file('b')], [file('.wh.b'), link('a', 'b')]],
    ['LAYER_LINK', /got itself/, [file('a'), link('a', 'a')]],
    ['LAYER_LINK', /got the folder "d"/, [dir('d'), link('a', 'd')]],
    ['LAYER_LINK', /got the folder/, [link('a', '.')]],
    ['LAYER_PATH', /target must be relative, got "\/etc\/shadow"/, [link('a', '/etc/shadow')]],
    ['LAYER_PATH', /target must have no "\.\."/, [link('a', '../../etc/shadow')]],
    ['LAYER_WHITEOUT', /below a whiteout/, [file('.wh.a/b')]],
    ['LAYER_WHITEOUT', /below a whiteout/, [file('.wh..wh.plnk/1.2')]],
    ['LAYER_WHITEOUT', /got a link to one/, [symlink('l', '.wh.a')], [file('l/b')]],
    ['LAYER_WHITEOUT', /must be a file/, [dir('.wh.a')]],
    ['LAYER_WHITEOUT', /must be a file/, [symlink('.wh.a', 'b')]],
    ...['.wh.', '.wh..', '.wh...', '.wh..wh.aufs', 'd/.wh..wh..opq2'].map((path): [string, RegExp, Short[]] => [
      'LAYER_WHITEOUT',
      /must name/,
      [file(path)],
    ]),
    ['LAYER_TWIN', /"d\/\u00e9"|"d\/e\u0301"/u, [file('d/\u00e9')], [file('d/e\u0301')]],
    ['LAYER_TWIN', /Unicode/, [dir('\u212b'), dir('\u00c5')]],
  ];
  for (const [index, [code, message, ...layers]] of cases.entries()) {
    await assert.rejects(merge(layers), { name: 'PolicyError', code, message }, `case ${index}`);
  }
});

test('names that differ in case are two names, which is said, and refused when that is asked for', async () => {
  const layers = [[file('d/Makefile'), file('d/makefile'), file('\u00c9'), file('e\u0301')]];
  const { tree, warnings } = await merge(layers);
  assert.equal(tree.size, 5);
  assert.deepEqual(warnings.map((one) => one.replace(/^.*: /, '')).length, 2);
  assert.match(warnings.join('\n'), /layer 1: "d\/makefile" and "d\/Makefile" differ in case only/);
  await assert.rejects(merge(layers, { strict: true }), { code: 'LAYER_TWIN', message: /case/ });
});

test('of two entries of one name in one layer the last holds, and it is said', async () => {
  const { tree, warnings } = await merge([[file('a', '1'), file('a', '2'), dir('d'), dir('d')], [file('a', '3')]]);
  assert.deepEqual(await shown(tree), ['a: 3', 'd/']);
  assert.deepEqual(warnings, ['layer 1, entry 2: file "a" stands in its layer more than once; the last one holds']);
  const many = Array.from({ length: 500 }, () => file('a'));
  assert.equal((await merge([many])).warnings.length, 100);
});

test('refuses more entries and bytes than allowed, implied folders and all layers counted', async () => {
  const limit = { name: 'LimitError', code: 'LAYER_LIMIT' };
  assert.equal((await merge([[file('a')], [file('b')]], { maxEntries: 2 })).tree.size, 2);
  await assert.rejects(merge([[file('a')], [file('a')], [file('a')]], { maxEntries: 2 }), limit);
  await assert.rejects(merge([[file('a/b/c/d')]], { maxEntries: 3 }), limit);
  assert.equal((await merge([[file('a', '1234'), link('b', 'a')]], { maxBytes: 4 })).tree.size, 2);
  await assert.rejects(merge([[file('a', '1234'), file('b', '1')]], { maxBytes: 4 }), limit);
  const huge = { path: 'h', content: { size: 2 ** 33 + 1, async *open() {} } };
  await assert.rejects(merge([[huge]]), limit);
});

test('links that make much of few bytes end at a bound, not in hours', async () => {
  const words = `${'d/../'.repeat(700)}d`;
  const links = Array.from({ length: 39 }, (_, index) => symlink(`l${index}`, `${words}/../l${index + 1}`));
  const users = Array.from({ length: 2_000 }, (_, index) => file(`l0/${index}`));
  await assert.rejects(merge([[dir('d'), dir('l39'), ...links], users], { maxEntries: 4_096 }), {
    code: 'LAYER_LIMIT',
    message: /too many to follow/,
  });
});

test('markers without number cost no more than one', async () => {
  const below = Array.from({ length: 20_000 }, (_, index) => file(`d/${index}`));
  const marker = Array.from({ length: 20_000 }, () => file('d/.wh..wh..opq'));
  // By the processor's clock: a machine that others use too is slow for everybody.
  const started = process.cpuUsage();
  assert.equal((await merge([[], [...below, ...marker]])).tree.size, 20_001);
  const { user, system } = process.cpuUsage(started);
  assert.ok(user + system < 2_000_000, `${user + system} us`);
});
