// A folder becomes the same tree on every machine, and what has no place in an image is refused by name.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { isLinkOutside, openFolder, type RootTree, type TreeEntry } from './index.ts';

function folderOf(context: TestContext, files: Readonly<Record<string, string>> = {}): string {
  const folder = mkdtempSync(join(tmpdir(), 'caisson-tree-'));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
  return folder;
}

const entry = (tree: RootTree, path: string): TreeEntry => tree.get(path) ?? assert.fail(`no ${path}`);

test('an application has plain modes and owner root, whatever the disk says', (context) => {
  const folder = folderOf(context, { 'bin/run': '#!', 'data/a.txt': 'a' });
  chmodSync(join(folder, 'bin/run'), 0o4710);
  chmodSync(join(folder, 'data/a.txt'), 0o600);
  chmodSync(join(folder, 'data'), 0o700);
  const { tree } = openFolder(folder, { as: 'folder' });
  assert.deepEqual([...tree.keys()], ['bin', 'bin/run', 'data', 'data/a.txt']);
  assert.deepEqual(
    [...tree.values()].map(({ mode, uid, gid }) => [mode, uid, gid]),
    [
      [0o755, 0, 0],
      [0o755, 0, 0],
      [0o755, 0, 0],
      [0o644, 0, 0],
    ],
  );
});

test('what another build has not finished is no part of a source, wherever it is built into', (context) => {
  const unfinished = ['.caisson-lock', '.caisson-4711-0123456789abcdef', 'out/.caisson-1-0123456789abcdef'];
  const own = ['.caisson', '.caisson-4711-0123', 'out/caisson-1-0123456789abcdef'];
  const folder = folderOf(context, Object.fromEntries([...unfinished, ...own].map((path) => [path, 'x'])));
  for (const as of ['folder', 'rootfs'] as const) {
    assert.deepEqual([...openFolder(folder, { as }).tree.keys()], ['.caisson', '.caisson-4711-0123', 'out', own[2]]);
  }
});

test('a root file system keeps its modes, setuid too, and its fifos', (context) => {
  const folder = folderOf(context, { 'bin/su': 'x' });
  chmodSync(join(folder, 'bin/su'), 0o4710);
  chmodSync(join(folder, 'bin'), 0o700);
  assert.equal(spawnSync('mkfifo', ['-m', '640', join(folder, 'pipe')]).status, 0);
  const { tree } = openFolder(folder, { as: 'rootfs' });
  assert.deepEqual(
    [...tree].map(([path, { kind, mode }]) => [path, kind, mode]),
    [
      ['bin', 'directory', 0o700],
      ['bin/su', 'file', 0o4710],
      ['pipe', 'fifo', 0o640],
    ],
  );
});

test('the order in which the disk lists names changes nothing', (context) => {
  const folder = folderOf(context, { b: '', 'a/z': '', 'a/y': '', 'a.x': '', c: '' });
  const reversed = (path: string): Buffer[] => readdirSync(path, { encoding: 'buffer' }).reverse();
  const [one, other] = [
    openFolder(folder, { as: 'folder' }),
    openFolder(folder, { as: 'folder', readNames: reversed }),
  ];
  assert.deepEqual([...one.tree.keys()], ['a', 'a.x', 'a/y', 'a/z', 'b', 'c']);
  assert.deepEqual([...other.tree.keys()], [...one.tree.keys()]);
});

test('what is excluded is left out with all below it, and nothing that only begins alike', (context) => {
  const folder = folderOf(context, { '.git/HEAD': '', '.gitignore': '', 'a/b': '', 'a/c': '' });
  const { tree } = openFolder(folder, { as: 'folder', exclude: ['.git', 'a/b'] });
  assert.deepEqual([...tree.keys()], ['.gitignore', 'a', 'a/c']);
});

test('links stay links, and one that leads out of the source is refused with its target', (context) => {
  const folder = folderOf(context, { 'a/b/file': '' });
  symlinkSync('../b/file', join(folder, 'a/b/link'));
  symlinkSync('missing', join(folder, 'dangling'));
  const { tree } = openFolder(folder, { as: 'folder' });
  assert.deepEqual(entry(tree, 'a/b/link').kind, 'symlink');
  for (const target of ['../../../etc/passwd', '/etc/passwd', 'hop/../../x']) {
    if (target.startsWith('hop')) symlinkSync('.', join(folder, 'a/b/hop'));
    rmSync(join(folder, 'out'), { force: true });
    symlinkSync(target.startsWith('hop') ? `a/b/${target}/../..` : target, join(folder, 'out'));
    assert.throws(() => openFolder(folder, { as: 'folder' }), {
      code: 'TREE_LINK',
      message: /symbolic link out must lead/,
    });
  }
  rmSync(join(folder, 'out'));
  symlinkSync('/etc/passwd', join(folder, 'out'));
  assert.equal(entry(openFolder(folder, { as: 'rootfs' }).tree, 'out').kind, 'symlink', 'absolute is inside of a root');
});

test('a link is followed as the kernel does: through links of folders, and round in circles only so far', () => {
  const link = (target: string): TreeEntry => ({ kind: 'symlink', mode: 0o777, uid: 0, gid: 0, origin: '', target });
  const tree = new Map([
    ['deep/up', link('..')],
    ['one', link('other')],
    ['other', link('one')],
    ['root', link('/')],
  ]);
  // By its words this one stays inside; by the way it goes it does not.
  assert.equal(isLinkOutside(tree, '', 'deep/up/../x', 'outside'), true);
  assert.equal(isLinkOutside(tree, '', 'deep/up/x', 'outside'), false);
  assert.equal(isLinkOutside(tree, '', 'one/x', 'outside'), false, 'a circle leads nowhere');
  assert.equal(isLinkOutside(tree, '', 'root/x', 'outside'), true);
  assert.equal(isLinkOutside(tree, 'a', 'root/x', 'inside'), false);
  assert.equal(isLinkOutside(tree, 'a/b', '../../..', 'inside'), true);
});

test('refuses sockets, names that are not UTF-8 or have control characters, and names that only Unicode tells apart', async (context) => {
  const folder = folderOf(context);
  const refuses = (code: string, message: RegExp): void =>
    assert.throws(() => openFolder(folder, { as: 'folder' }), { code, message });
  const server = createServer().listen(join(folder, 's'));
  await new Promise((resolve) => server.once('listening', resolve));
  refuses('TREE_KIND', /\/s must be a file, a folder or a symbolic link, got a socket/);
  await new Promise((resolve) => server.close(resolve));
  const named = (...names: (string | Buffer)[]): void => {
    for (const name of names) writeFileSync(Buffer.concat([Buffer.from(`${folder}/`), Buffer.from(name)]), '');
  };
  const clear = (): void => {
    for (const name of readdirSync(folder, { encoding: 'buffer' })) {
      rmSync(Buffer.concat([Buffer.from(`${folder}/`), name]));
    }
  };
  named(Buffer.from([0x61, 0xff]));
  refuses('TREE_NAME', /must be UTF-8/);
  clear();
  named('a\nb');
  refuses('TREE_NAME', /must hold no control characters, got "a\\nb"/);
  clear();
  named('\u00e9', 'e\u0301');
  refuses('TREE_NAME', /must differ from its neighbours in more than its Unicode form/);
});

test('says why a source cannot be read', (context) => {
  const folder = folderOf(context, { file: '' });
  assert.throws(() => openFolder(join(folder, 'none'), { as: 'folder' }), { code: 'TREE_FOLDER', message: /ENOENT/ });
  assert.throws(() => openFolder(join(folder, 'file'), { as: 'folder' }), { code: 'TREE_FOLDER' });
});

test('content that changes between the look and the read is refused: written to, replaced, or become a link', async (context) => {
  const folder = folderOf(context, { a: 'one', other: 'two' });
  const path = join(folder, 'a');
  const changes = [
    () => appendFileSync(path, 'x'),
    () => renameSync(join(folder, 'other'), path),
    () => {
      rmSync(path);
      symlinkSync('/dev/null', path);
    },
    () => rmSync(path),
  ];
  for (const change of changes) {
    const found = entry(openFolder(folder, { as: 'folder' }).tree, 'a');
    assert.ok(found.kind === 'file');
    change();
    await assert.rejects(
      async () => {
        for await (const _ of found.content.open());
      },
      { code: 'TREE_CHANGED' },
    );
    rmSync(path, { force: true });
    writeFileSync(path, 'one');
    writeFileSync(join(folder, 'other'), 'two');
  }
});

test('a file that is written to while it is read is refused at its end', async (context) => {
  const folder = folderOf(context, { a: 'x'.repeat(3_000_000) });
  const found = entry(openFolder(folder, { as: 'folder' }).tree, 'a');
  assert.ok(found.kind === 'file');
  let pieces = 0;
  await assert.rejects(
    async () => {
      for await (const piece of found.content.open()) {
        pieces += 1;
        // The same length, some bytes that were read already: only the time tells.
        if (piece.length < 1_048_576) utimesSync(join(folder, 'a'), 1, 1);
      }
    },
    { code: 'TREE_CHANGED' },
  );
  assert.equal(pieces, 3);
});
