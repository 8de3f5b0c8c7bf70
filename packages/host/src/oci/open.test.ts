// One image in every place it may lie in gives one tree; what is damaged, ambiguous or of another kind is refused; nothing stays on disk.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, truncate, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { toUtf8 } from '@caisson/core/bytes';
import { formatTarHeader, type TarInputEntry } from '@caisson/core/tar';
import {
  createTestImage,
  dockerArchive,
  layer,
  layoutArchive,
  type TestImage,
  writeLayout,
} from '@caisson/testkit/oci';
import type { OpenedSource } from '../tree/index.ts';
import { commandOf, isOciSource, type OciOptions, openOciSource } from './index.ts';

const file = (path: string, body = path, mode = 0o644): TarInputEntry => ({
  path,
  kind: 'file',
  mode,
  content: toUtf8(body),
});
const base = layer(
  { path: 'usr/lib', kind: 'directory', mode: 0o755 },
  { path: 'lib', kind: 'symlink', mode: 0o777, target: 'usr/lib' },
  file('etc/a', 'one'),
  file('etc/gone'),
  file('big', 'x'.repeat(3_000_000)),
);
const upper = layer(file('lib/so', 'two', 0o4755), file('etc/.wh.gone'), {
  path: 'b',
  kind: 'hardlink',
  mode: 0o644,
  target: 'etc/a',
});
const config = { Entrypoint: ['/bin/app'], Cmd: ['--flag'], Env: ['PATH=/bin', 'X='], WorkingDir: '/app', User: '7:8' };
const image = createTestImage([base, upper], { config });
const x86: OciOptions = { architecture: 'x86_64' };

async function folderOf(context: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'caisson-test-'));
  context.after(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

async function contentOf(source: OpenedSource, path: string): Promise<string> {
  const entry = source.tree.get(path);
  assert.ok(entry?.kind === 'file', path);
  const parts: Uint8Array[] = [];
  for await (const part of entry.content.open()) parts.push(part.slice());
  assert.equal(Buffer.concat(parts).length, entry.content.size);
  return Buffer.concat(parts).toString();
}

/** A file of its own in `folder`. */
async function put(folder: string, name: string, bytes: Uint8Array): Promise<string> {
  await writeFile(join(folder, name), bytes);
  return join(folder, name);
}

test('an image is one tree in a layout, an archive of one, and docker archives, however its layers are packed', async (context) => {
  const folder = await folderOf(context);
  const plain = createTestImage([base, upper], { config, compression: 'plain' });
  const zstd = createTestImage([base, upper], { config, compression: 'zstd' });
  const docker = createTestImage([base, upper], { config, docker: true });
  for (const [name, one] of Object.entries({ gzip: image, plain, zstd, docker }))
    await writeLayout(join(folder, name), { '': one });
  const places: [reference: string, kind: string][] = [
    ...['gzip', 'plain', 'zstd', 'docker'].flatMap((name): [string, string][] => [
      [join(folder, name), 'oci'],
      [`oci:${join(folder, name)}`, 'oci'],
    ]),
    [await put(folder, 'layout.tar', layoutArchive({ v1: image })), 'oci'],
    [`oci-archive:${folder}/layout.tar:v1`, 'oci'],
    [await put(folder, 'docker.tar', dockerArchive({ 'app:1': image })), 'docker-archive'],
    [`docker-archive:${folder}/docker.tar:docker.io/library/app:1`, 'docker-archive'],
    [await put(folder, 'docker.tar.gz', gzipSync(dockerArchive({ '': image }))), 'docker-archive'],
    [await put(folder, 'layout.tar.zst', zstdCompressSync(layoutArchive({ '': plain }))), 'oci'],
  ];
  const temp = join(folder, 'temp');
  await mkdir(temp);
  for (const [reference, kind] of places) {
    assert.ok(isOciSource(reference), reference);
    const source = await openOciSource(reference, { ...x86, tempFolder: temp });
    assert.equal(source.kind, kind, reference);
    assert.deepEqual(
      [...source.tree.keys()],
      ['b', 'big', 'etc', 'etc/a', 'lib', 'usr', 'usr/lib', 'usr/lib/so'],
      reference,
    );
    assert.equal(await contentOf(source, 'usr/lib/so'), 'two');
    assert.equal(await contentOf(source, 'b'), 'one');
    assert.equal((await contentOf(source, 'big')).length, 3_000_000);
    // Twice the same, as a builder that measures and then writes needs it.
    assert.equal(await contentOf(source, 'usr/lib/so'), 'two');
    assert.equal(source.tree.get('usr/lib/so')?.mode, 0o4755);
    assert.match(source.tree.get('big')?.origin ?? '', /^layer sha256:[0-9a-f]{64}$/);
    assert.deepEqual(source.config, {
      entrypoint: ['/bin/app'],
      cmd: ['--flag'],
      env: ['PATH=/bin', 'X='],
      workingDir: '/app',
      user: '7:8',
      architecture: 'x86_64',
    });
    assert.ok(
      source.inputs.length >= 3 &&
        source.inputs.every(({ digest, size }) => /^sha256:[0-9a-f]{64}$/.test(digest) && size > 0),
    );
    assert.deepEqual(source.warnings, []);
    await source.close();
    assert.deepEqual(await readdir(temp), [], `${reference} left files behind`);
    await assert.rejects(contentOf(source, 'big'), { name: 'TypeError', message: /closed/ });
  }
});

test('an archive with both forms is read as the layout, which has digests throughout', async (context) => {
  const folder = await folderOf(context);
  const other = createTestImage([layer(file('other'))]);
  const merged = Buffer.concat([dockerArchive({ 'x:1': other }).subarray(0, -1_024), layoutArchive({ '1': image })]);
  const source = await openOciSource(await put(folder, 'both.tar', merged), x86);
  assert.equal(source.kind, 'docker-archive');
  assert.ok(source.tree.has('big'));
  await source.close();
});

test('old docker archives name a layer twice by a link', async (context) => {
  const folder = await folderOf(context);
  const { config: own, blobs } = createTestImage([base, base]);
  const list = [{ Config: 'c.json', RepoTags: null, Layers: ['1/layer.tar', '2/layer.tar'] }];
  const archive = layer(
    file('c.json', blobs.get(own.digest)!.toString()),
    { path: '1/layer.tar', kind: 'file', mode: 0o644, content: base },
    { path: '2/layer.tar', kind: 'symlink', mode: 0o777, target: '../1/layer.tar' },
    file('manifest.json', JSON.stringify(list)),
  );
  const source = await openOciSource(await put(folder, 'old.tar', archive), x86);
  assert.equal(await contentOf(source, 'etc/a'), 'one');
  await source.close();
});

test('links of an archive that lead in a circle, or to nothing, name no layer', async (context) => {
  const folder = await folderOf(context);
  const { config: own, blobs } = createTestImage([base]);
  const list = [{ Config: 'c.json', RepoTags: null, Layers: ['l'] }];
  const link = (path: string, target: string): TarInputEntry => ({ path, kind: 'symlink', mode: 0o777, target });
  for (const links of [
    [link('l', 'l')],
    [link('l', 'm'), link('m', 'l')],
    [link('l', 'gone')],
    [link('l', '../../../etc/passwd')],
  ]) {
    const archive = layer(
      file('c.json', blobs.get(own.digest)!.toString()),
      ...links,
      file('manifest.json', JSON.stringify(list)),
    );
    await assert.rejects(openOciSource(await put(folder, 'x.tar', archive), x86), { code: 'OCI_BLOB' });
  }
});

test('one of several images is chosen by name, by machine, or not at all', async (context) => {
  const folder = await folderOf(context);
  const arm = createTestImage([layer(file('arm'))], { architecture: 'arm64' });
  const second = createTestImage([layer(file('second'))]);
  await writeLayout(join(folder, 'l'), { 'registry.example/app:2': second, v1: image });
  const archive = await put(folder, 'd.tar', dockerArchive({ 'app:latest': image, 'b/c:2': second }));
  const cases: [reference: string, path: string][] = [
    [`${folder}/l:v1`, 'big'],
    [`oci:${folder}/l:registry.example/app:2`, 'second'],
    [`${archive}:app`, 'big'],
    [`${archive}:docker.io/b/c:2`, 'second'],
  ];
  for (const [reference, path] of cases) {
    const source = await openOciSource(reference, x86);
    assert.ok(source.tree.has(path), reference);
    await source.close();
  }
  const code = 'OCI_PLATFORM';
  await assert.rejects(openOciSource(`${folder}/l`, x86), {
    code,
    message: /one image, got 2 of 2 \(registry.example\/app:2, v1\)/,
  });
  await assert.rejects(openOciSource(`${folder}/l:v9`, x86), { code, message: /named "v9", got 0 of 2/ });
  await assert.rejects(openOciSource(archive, x86), { code });
  await assert.rejects(openOciSource(`${archive}:nothing`, x86), { code });
  await writeLayout(join(folder, 'arm'), { '': arm });
  await assert.rejects(openOciSource(join(folder, 'arm'), x86), {
    code,
    message: /for linux on x86_64, got linux on aarch64/,
  });
  const source = await openOciSource(join(folder, 'arm'), { architecture: 'aarch64' });
  assert.equal(source.config?.architecture, 'aarch64');
  await source.close();
});

test('a blob that is not what its digest and size say is refused, wherever it stands', async (context) => {
  const folder = await folderOf(context);
  const [manifest, own] = [image.manifest.digest, image.config.digest];
  const [first] = JSON.parse(image.blobs.get(manifest)!.toString()).layers as { digest: string }[];
  let count = 0;
  for (const digest of [manifest, own, first!.digest]) {
    const good = image.blobs.get(digest)!;
    const flipped = Buffer.from(good);
    flipped[good.length >> 1]! ^= 1;
    for (const bytes of [flipped, good.subarray(1), Buffer.concat([good, Buffer.from(' ')]), Buffer.alloc(0)]) {
      const layout = join(folder, String(count++));
      await writeLayout(layout, { '': { ...image, blobs: new Map([...image.blobs, [digest, bytes]]) } });
      await assert.rejects(openOciSource(layout, x86), { name: 'VerificationError', code: 'OCI_DIGEST' });
    }
    const without = join(folder, String(count++));
    await writeLayout(without, {
      '': { ...image, blobs: new Map([...image.blobs].filter(([one]) => one !== digest)) },
    });
    await assert.rejects(openOciSource(without, x86), { code: 'OCI_BLOB', message: new RegExp(digest) });
  }
});

test('an unpacked layer that is not what the configuration says is refused, packed or not', async (context) => {
  const folder = await folderOf(context);
  const diffIds = [`sha256:${'0'.repeat(64)}`];
  for (const compression of ['plain', 'gzip'] as const) {
    const wrong = createTestImage([base], { compression, diffIds });
    await writeLayout(join(folder, compression), { '': wrong });
    await assert.rejects(openOciSource(join(folder, compression), x86), { code: 'OCI_DIGEST', message: /unpacked/ });
    const archive = await put(folder, `${compression}.tar`, dockerArchive({ '': wrong }));
    await assert.rejects(openOciSource(archive, x86), { code: 'OCI_DIGEST' });
  }
  await writeLayout(join(folder, 'count'), { '': createTestImage([base], { diffIds: [] }) });
  await assert.rejects(openOciSource(join(folder, 'count'), x86), {
    code: 'OCI_MANIFEST',
    message: /one digest a layer \(1\), got 0/,
  });
});

test('documents of another form or type are refused by name', async (context) => {
  const folder = await folderOf(context);
  let count = 0;
  const open = async (change: (layout: string) => Promise<void>, from: TestImage = image): Promise<void> => {
    const layout = join(folder, String(count++));
    await writeLayout(layout, { '': from });
    await change(layout);
    await (await openOciSource(layout, x86)).close();
  };
  const index = (text: string) => (layout: string) => writeFile(join(layout, 'index.json'), text);
  const entry = (over: object) =>
    index(JSON.stringify({ schemaVersion: 2, manifests: [{ ...image.manifest, ...over }] }));
  const cases: [code: string, words: RegExp, (layout: string) => Promise<void>][] = [
    ['OCI_MANIFEST', /index.json must be JSON/, index('{')],
    ['OCI_MANIFEST', /schemaVersion/, index('{"schemaVersion":1,"manifests":[]}')],
    ['OCI_MANIFEST', /manifests.0.digest: must be sha256/, entry({ digest: `sha512:${'0'.repeat(128)}` })],
    ['OCI_MANIFEST', /digest/, entry({ digest: 'sha256:../../../../etc/passwd' })],
    ['OCI_MANIFEST', /size/, entry({ size: -1 })],
    ['OCI_MANIFEST', /size/, entry({ size: 2 ** 53 })],
    ['OCI_MANIFEST', /layers/, index(JSON.stringify({ schemaVersion: 2, manifests: [], layers: [] }))],
    ['OCI_MEDIA', /manifest.v1/, entry({ mediaType: 'application/vnd.docker.distribution.manifest.v1+prettyjws' })],
    ['OCI_PLATFORM', /got 0 of 0/, index('{"schemaVersion":2,"manifests":[]}')],
    [
      'OCI_MANIFEST',
      /imageLayoutVersion/,
      (layout) => writeFile(join(layout, 'oci-layout'), '{"imageLayoutVersion":"2.0.0"}'),
    ],
    ['OCI_LIMIT', /at most 4194304/, index(' '.repeat(4_194_305))],
    ['OCI_SOURCE', /neither oci-layout nor manifest.json/, (layout) => rm(join(layout, 'oci-layout'))],
  ];
  for (const [at, [code, message, change]] of cases.entries())
    await assert.rejects(open(change), { code, message }, `case ${at}`);
  const typed = (from: string, to: string): TestImage => {
    const text = Buffer.from(image.blobs.get(image.manifest.digest)!.toString().replace(from, to));
    const digest = `sha256:${createHash('sha256').update(text).digest('hex')}`;
    return {
      ...image,
      blobs: new Map([...image.blobs, [digest, text]]),
      manifest: { ...image.manifest, digest, size: text.length },
    };
  };
  const types: [from: string, to: string, words: RegExp][] = [
    ['oci.image.layer.v1.tar+gzip', 'docker.image.rootfs.foreign.diff.tar.gzip', /layer 1 must be a tar archive/],
    ['oci.image.layer.v1.tar+gzip', 'oci.image.layer.v1.tar+gzip+encrypted', /layer 1/],
    ['oci.image.config.v1+json', 'oci.empty.v1+json', /config must be/],
  ];
  for (const [from, to, message] of types)
    await assert.rejects(
      open(async () => {}, typed(from, to)),
      { code: 'OCI_MEDIA', message },
    );
  // A document that is image and index at once is one image to one reader and another to the next.
  const { manifest, blobs } = image;
  const both = Buffer.from(JSON.stringify({ ...JSON.parse(blobs.get(manifest.digest)!.toString()), manifests: [] }));
  const digest = `sha256:${createHash('sha256').update(both).digest('hex')}`;
  const confused = {
    ...image,
    blobs: new Map([...blobs, [digest, both]]),
    manifest: { ...manifest, digest, size: both.length },
  };
  await assert.rejects(
    open(async () => {}, confused),
    { code: 'OCI_MANIFEST', message: /manifests/ },
  );
});

test('what is no image, or packed in a way that is not read, is refused', async (context) => {
  const folder = await folderOf(context);
  const sources: [reference: string, code: string][] = [
    [join(folder, 'nothing'), 'OCI_SOURCE'],
    ['alpine:3.20', 'OCI_SOURCE'],
    [folder, 'OCI_SOURCE'],
    ['/dev/null', 'OCI_SOURCE'],
    [await put(folder, 'words', toUtf8('not an archive')), 'OCI_LAYER'],
    [await put(folder, 'bzip', Buffer.from('425a6839', 'hex')), 'OCI_LAYER'],
    [await put(folder, 'xz', Buffer.from('fd377a585a00', 'hex')), 'OCI_LAYER'],
    [await put(folder, 'cut.gz', gzipSync(dockerArchive({ '': image })).subarray(0, 500)), 'OCI_LAYER'],
    [await put(folder, 'tar', layer(file('a'))), 'OCI_SOURCE'],
    [await put(folder, 'slip.tar', layer(file('../manifest.json', '[]'))), 'LAYER_PATH'],
    [await put(folder, 'empty', Buffer.alloc(0)), 'OCI_LAYER'],
  ];
  for (const [reference, code] of sources) await assert.rejects(openOciSource(reference, x86), { code }, reference);
  await assert.rejects(openOciSource('alpine:3.20', x86), { hint: /docker:\/\/alpine:3.20/ });
  const junk = createTestImage([Buffer.concat([base.subarray(0, 5_000)])]);
  await writeLayout(join(folder, 'junk'), { '': junk });
  await assert.rejects(openOciSource(join(folder, 'junk'), x86), {
    code: 'OCI_LAYER',
    message: /^layer sha256:[0-9a-f]{64}: tar entry 5 at offset 3072: content at offset 5000 must have \d+ more bytes/,
  });
});

test('a layer in several frames or members, with others between, is unpacked whole, and one that is cut is refused', async (context) => {
  const folder = await folderOf(context);
  const skippable = Buffer.from('502a4d180400000061626364', 'hex');
  const [one, two] = [base.subarray(0, 1_000_000), base.subarray(1_000_000)];
  const frames = Buffer.concat([skippable, zstdCompressSync(one), skippable, zstdCompressSync(two), skippable]);
  const whole: [name: string, packed: Buffer][] = [
    ['zstd', frames],
    ['gzip', Buffer.concat([gzipSync(one), gzipSync(two)])],
    [
      'many',
      Buffer.concat(
        Array.from({ length: 300 }, (_, at) =>
          zstdCompressSync(base.subarray(at * 11_000, at === 299 ? undefined : (at + 1) * 11_000)),
        ),
      ),
    ],
  ];
  const archiveOf = (packed: Buffer): Buffer =>
    layer(
      file(
        'c.json',
        createTestImage([base])
          .blobs.get(createTestImage([base]).config.digest)!
          .toString(),
      ),
      { path: 'l', kind: 'file', mode: 0o644, content: packed },
      file('manifest.json', JSON.stringify([{ Config: 'c.json', RepoTags: null, Layers: ['l'] }])),
    );
  for (const [name, packed] of whole) {
    const source = await openOciSource(await put(folder, name, archiveOf(packed)), x86);
    assert.equal((await contentOf(source, 'big')).length, 3_000_000, name);
    await source.close();
  }
  for (const cut of [
    frames.subarray(0, -2),
    frames.subarray(0, -14),
    frames.subarray(0, 300),
    Buffer.concat([frames, Buffer.from('junk')]),
  ]) {
    await assert.rejects(openOciSource(await put(folder, 'cut', archiveOf(cut)), x86), { code: 'OCI_LAYER' });
  }
});

test('a bomb ends at the bound, and leaves nothing', async (context) => {
  const folder = await folderOf(context);
  const temp = join(folder, 'temp');
  await mkdir(temp);
  const bomb = layer(file('zeros', '\0'.repeat(8_000_000)));
  const options = { ...x86, tempFolder: temp, maxBytes: 1_000_000 };
  for (const compression of ['plain', 'gzip', 'zstd'] as const) {
    await writeLayout(join(folder, compression), { '': createTestImage([bomb], { compression }) });
    await assert.rejects(openOciSource(join(folder, compression), options), {
      name: 'LimitError',
      code: /OCI_LIMIT|LAYER_LIMIT/,
    });
  }
  // Many layers, each below the bound.
  const part = layer(file('part', 'p'.repeat(300_000)));
  await writeLayout(join(folder, 'parts'), { '': createTestImage([part, part, part, part]) });
  await assert.rejects(openOciSource(join(folder, 'parts'), options), { code: 'OCI_LIMIT' });
  const packed = await put(folder, 'bomb.tar.gz', gzipSync(dockerArchive({ '': createTestImage([bomb]) })));
  await assert.rejects(openOciSource(packed, options), { code: 'OCI_LIMIT' });
  const many = createTestImage([layer(...Array.from({ length: 50 }, (_, index) => file(String(index))))]);
  await writeLayout(join(folder, 'many'), { '': many });
  await assert.rejects(openOciSource(join(folder, 'many'), { ...options, maxEntries: 49 }), { name: 'LimitError' });
  assert.deepEqual(await readdir(temp), []);
});

test('an archive that is written to while it is open is refused', async (context) => {
  const folder = await folderOf(context);
  const path = await put(folder, 'd.tar', dockerArchive({ '': image }));
  const source = await openOciSource(path, x86);
  context.after(() => source.close());
  assert.equal(await contentOf(source, 'b'), 'one');
  const { mtimeMs } = await stat(path);
  await utimes(path, new Date(), new Date(mtimeMs + 5_000));
  await assert.rejects(contentOf(source, 'b'), { code: 'OCI_CHANGED' });
  await utimes(path, new Date(), new Date(mtimeMs));
  await truncate(path, 4_096);
  await assert.rejects(contentOf(source, 'b'), { code: 'OCI_CHANGED' });
});

test('closing removes what was put on disk, and never a file of the source', async (context) => {
  const folder = await folderOf(context);
  await writeLayout(join(folder, 'l'), { '': image });
  await symlink('l', join(folder, 'link'));
  const before = await readdir(join(folder, 'l/blobs/sha256'));
  const source = await openOciSource(join(folder, 'link'), { ...x86, tempFolder: folder });
  const [spool] = (await readdir(folder)).filter((name) => name.startsWith('caisson-oci-'));
  assert.ok(spool !== undefined && (await readdir(join(folder, spool))).length === 2);
  await source.close();
  assert.deepEqual((await readdir(folder)).sort(), ['l', 'link']);
  assert.deepEqual(await readdir(join(folder, 'l/blobs/sha256')), before);
  assert.ok((await readFile(join(folder, 'l/index.json'))).length > 0);
});

test('warns of what a ramdisk cannot have', async (context) => {
  const folder = await folderOf(context);
  const record = '31 SCHILY.xattr.security.cap=ab\n';
  const pax = Buffer.from(formatTarHeader({ path: 'x', kind: 'file', mode: 0 }, record.length + 0));
  pax.write('x', 156);
  const sum = pax.reduce((total, byte, index) => total + (index >= 148 && index < 156 ? 32 : byte), 0);
  pax.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  const records = Buffer.alloc(512);
  records.write(`${record.length} ${record.slice(3)}`);
  await writeLayout(join(folder, 'l'), { '': createTestImage([Buffer.concat([pax, records, layer(file('ping'))])]) });
  const source = await openOciSource(join(folder, 'l'), x86);
  assert.match(source.warnings?.join() ?? '', /^layer sha256:[0-9a-f]{64}: 1 extended attributes were dropped/);
  await source.close();
});

test('the command is put together as Docker does, or chosen as nitro-cli does', () => {
  const of = (entrypoint: string[] | null, cmd: string[] | null) => {
    const own = { entrypoint, cmd, env: [], workingDir: null, user: null, architecture: null };
    return [commandOf(own), commandOf(own, 'docker'), commandOf(own, 'nitro-cli')];
  };
  assert.deepEqual(of(['e'], ['c', 'd']), [
    ['e', 'c', 'd'],
    ['e', 'c', 'd'],
    ['c', 'd'],
  ]);
  assert.deepEqual(of(['e', 'f'], null), [
    ['e', 'f'],
    ['e', 'f'],
    ['e', 'f'],
  ]);
  assert.deepEqual(of(null, ['c']), [['c'], ['c'], ['c']]);
  assert.deepEqual(of(['e'], []), [['e'], ['e'], ['e']]);
  assert.deepEqual(of(null, null), [null, null, null]);
});
