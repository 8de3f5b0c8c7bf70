// What other programs make of the same image: umoci unpacks its layers onto a disk, skopeo rewrites it as a docker archive. Both are
// Debian packages; without them, or without the rights to make devices, the test says so and is skipped.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { lstat, mkdtemp, readdir, readFile, readlink, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { toUtf8 } from '@caisson/core/bytes';
import type { TarInputEntry } from '@caisson/core/tar';
import { createTestImage, layer, writeLayout } from '@caisson/testkit/oci';
import type { OpenedSource } from '../tree/index.ts';
import { openOciSource } from './index.ts';

const own = { uid: 0, gid: 0 };
const file = (path: string, body = path, more: Partial<TarInputEntry> = {}): TarInputEntry => ({
  ...own,
  path,
  kind: 'file',
  mode: 0o644,
  content: toUtf8(body),
  ...more,
});
const dir = (path: string, mode = 0o755): TarInputEntry => ({ ...own, path, kind: 'directory', mode });
const symlink = (path: string, target: string): TarInputEntry => ({
  ...own,
  path,
  kind: 'symlink',
  mode: 0o777,
  target,
});
const link = (path: string, target: string): TarInputEntry => ({ ...own, path, kind: 'hardlink', mode: 0o644, target });

const layers = [
  layer(
    ...[dir('usr'), dir('usr/lib'), symlink('lib', 'usr/lib'), dir('var'), dir('run'), symlink('var/run', '/run')],
    ...[
      dir('etc', 0o750),
      file('etc/kept'),
      file('etc/gone'),
      file('etc/changed', 'one'),
      dir('etc/emptied'),
      file('etc/emptied/a'),
      file('etc/emptied/b'),
    ],
    ...[
      dir('opaque'),
      file('opaque/old'),
      dir('opaque/sub'),
      file('opaque/sub/old'),
      dir('folder-to-file'),
      file('folder-to-file/x'),
      file('file-to-folder'),
    ],
    ...[
      file('linked', 'same'),
      link('linked-too', 'linked'),
      file('su', 'su', { mode: 0o4755, uid: 7, gid: 8 }),
      dir('tmp', 0o1777),
    ],
    ...[
      { ...own, path: 'null', kind: 'character' as const, mode: 0o666, major: 1, minor: 3 },
      { ...own, path: 'disk', kind: 'block' as const, mode: 0o660, major: 8, minor: 1 },
    ],
    ...[
      { ...own, path: 'pipe', kind: 'fifo' as const, mode: 0o600 },
      symlink('nowhere', '../../nothing'),
      file(`long-${'n'.repeat(150)}`),
      file('\u00fcber'),
    ],
  ),
  layer(
    ...[
      file('lib/through-a-link'),
      file('var/run/pid'),
      file('etc/.wh.gone'),
      file('etc/changed', 'two'),
      file('etc/emptied/.wh.a'),
      file('etc/emptied/.wh.b'),
    ],
    ...[
      dir('opaque'),
      file('opaque/.wh..wh..opq'),
      file('opaque/new'),
      file('folder-to-file'),
      dir('file-to-folder'),
      file('file-to-folder/x'),
      link('linked-later', 'linked'),
    ],
    ...[file('.wh.nothing'), file('twice', '1'), file('twice', '2')],
  ),
  layer(
    file('.wh.linked'),
    file('again'),
    file('etc/gone', 'back'),
    dir('etc', 0o711),
    file('tmp/x', '', { mode: 0o6711 }),
  ),
];

const missing = ['umoci', 'skopeo'].filter((name) => spawnSync(name, ['--version']).status !== 0);
const skip =
  missing.length > 0
    ? `${missing.join(' and ')} not installed`
    : process.getuid?.() !== 0 && 'only root can make devices';

/** A line a path: everything about it that an image can say. Names of one file share the least of them. */
async function linesOf(source: OpenedSource): Promise<string[]> {
  const lines: string[] = [];
  for (const [path, entry] of source.tree) {
    const file = entry.kind === 'hardlink' ? source.tree.get(entry.target)! : entry;
    const names = entry.kind === 'hardlink' ? ` = ${entry.target}` : '';
    const about = `${path} ${file.mode.toString(8)} ${file.uid}:${file.gid}`;
    if (file.kind === 'symlink') lines.push(`${about} symlink ${file.target}`);
    else if (file.kind === 'character' || file.kind === 'block')
      lines.push(`${about} ${file.kind} ${file.major}:${file.minor}`);
    else if (file.kind === 'file') {
      const hash = createHash('sha256');
      for await (const piece of file.content.open()) hash.update(piece);
      lines.push(`${about} file ${hash.digest('hex')}${names}`);
    } else lines.push(`${about} ${file.kind}`);
  }
  return lines;
}

/** The same of a folder on disk. */
async function linesOn(root: string): Promise<string[]> {
  const paths = (await pathsIn(root, '')).sort((one, other) => Buffer.compare(Buffer.from(one), Buffer.from(other)));
  const first = new Map<number, string>();
  const lines: string[] = [];
  for (const path of paths) {
    const place = join(root, path);
    const stat = await lstat(place);
    const about = `${path} ${(stat.mode & 0o7777).toString(8)} ${stat.uid}:${stat.gid}`;
    if (stat.isSymbolicLink()) lines.push(`${about} symlink ${await readlink(place)}`);
    else if (stat.isFile()) {
      const names = first.has(stat.ino) ? ` = ${first.get(stat.ino)}` : '';
      if (names === '') first.set(stat.ino, path);
      lines.push(
        `${about} file ${createHash('sha256')
          .update(await readFile(place))
          .digest('hex')}${names}`,
      );
    } else if (stat.isCharacterDevice() || stat.isBlockDevice()) {
      lines.push(`${about} ${stat.isBlockDevice() ? 'block' : 'character'} ${stat.rdev >> 8}:${stat.rdev & 0xff}`);
    } else lines.push(`${about} ${stat.isDirectory() ? 'directory' : 'fifo'}`);
  }
  return lines;
}

/** Not readdir's own recursion, which goes through symbolic links and so out of the root. */
async function pathsIn(root: string, folder: string): Promise<string[]> {
  const paths: string[] = [];
  for (const entry of await readdir(join(root, folder), { withFileTypes: true })) {
    const path = join(folder, entry.name);
    paths.push(path, ...(entry.isDirectory() ? await pathsIn(root, path) : []));
  }
  return paths;
}

async function layoutOf(context: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'caisson-test-'));
  context.after(() => rm(folder, { recursive: true, force: true }));
  await writeLayout(join(folder, 'layout'), { v1: createTestImage(layers) });
  return folder;
}

function run(folder: string, name: string, ...words: string[]): void {
  const { status, stderr } = spawnSync(name, words, { cwd: folder, timeout: 300_000 });
  assert.equal(status, 0, `${name} ${words.join(' ')}: ${stderr}`);
}

test('umoci unpacks the same tree: whiteouts, opaque folders, links, owners, setuid, devices', {
  skip,
}, async (context) => {
  const folder = await layoutOf(context);
  run(folder, 'umoci', 'unpack', '--image', 'layout:v1', 'bundle');
  const source = await openOciSource(join(folder, 'layout'), { architecture: 'x86_64' });
  context.after(() => source.close());
  const ours = await linesOf(source);
  assert.ok(ours.length > 30, ours.join('\n'));
  assert.deepEqual(ours, await linesOn(join(folder, 'bundle/rootfs')));
});

test('skopeo makes a docker archive of it that is the same tree here', { skip }, async (context) => {
  const folder = await layoutOf(context);
  run(folder, 'skopeo', 'copy', '--quiet', '--insecure-policy', 'oci:layout:v1', 'docker-archive:docker.tar:app:v1');
  run(folder, 'skopeo', 'copy', '--quiet', '--insecure-policy', 'oci:layout:v1', 'oci-archive:oci.tar:v1');
  const source = await openOciSource(join(folder, 'layout'), { architecture: 'x86_64' });
  context.after(() => source.close());
  for (const [reference, kind] of [
    ['docker.tar:app:v1', 'docker-archive'],
    ['oci.tar:v1', 'oci'],
  ]) {
    const other = await openOciSource(join(folder, reference!), { architecture: 'x86_64' });
    assert.equal(other.kind, kind);
    assert.deepEqual(await linesOf(other), await linesOf(source));
    await other.close();
  }
});
