// Runtime archives in small: packed from a mirror on loopback, opened again, and refused for every input that is another one.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { assertFitsSchema } from '@caisson/testkit/contract';
import { createElf, createLoopbackMirror, createRuntimeScene, type SceneWish } from '@caisson/testkit/runtime';
import { ensureRuntime } from './ensure-runtime.ts';
import { linkRuntime, runtimeArgv } from './link-runtime.ts';
import { openRuntime } from './open-runtime.ts';
import { gatherFiles, packRuntime, writeArchive } from './pack-runtime.ts';
import type { ArchiveLedger } from './parse-ledger.ts';

async function scene(t: TestContext, wish: Omit<SceneWish, 'folder'> = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'caisson-pack-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const { ledger, node, mirror } = await createRuntimeScene({ folder, ...wish });
  const { url, asked, close } = await createLoopbackMirror(mirror);
  t.after(close);
  const options = { mirror: url, node, env: { CAISSON_CACHE: join(folder, 'cache') } };
  // A ledger names its archive: made here as scripts/runtime-ledger.ts does.
  const draft = join(folder, 'draft');
  const known = async (from: ArchiveLedger): Promise<ArchiveLedger> => {
    const file = await open(draft, 'wx+');
    const digest = await writeArchive(file, 'x86_64', from, await gatherFiles(from, options, true));
    await file.close();
    rmSync(draft);
    return { ...from, ...digest };
  };
  return { folder, ledger, options, asked, known, at: (name: string) => join(folder, name) };
}

test('packs the same bytes twice, once from the mirror and once from the cache', async (t) => {
  const { ledger, options, asked, known, at } = await scene(t);
  const named = { ...options, ledger: await known(ledger) };
  const first = await packRuntime('x86_64', at('one.tar'), named);
  const second = await packRuntime('x86_64', at('two.tar'), named);
  assert.ok(readFileSync(at('one.tar')).equals(readFileSync(at('two.tar'))));
  assert.equal(
    first.sha384,
    createHash('sha384')
      .update(readFileSync(at('two.tar')))
      .digest('hex'),
  );
  assert.deepEqual({ ...first, path: '' }, { ...second, path: '' });
  assert.equal(asked.length, 2, 'each package once');
  assertFitsSchema({ v: 1, architecture: 'x86_64', ...first }, 'runtime-pack');
});

test('a cache that cannot be made is told before anything is fetched', async (t) => {
  const { options, asked, at } = await scene(t);
  writeFileSync(at('cache'), 'a file in its way');
  await assert.rejects(ensureRuntime('x86_64', options), {
    code: 'RUNTIME_CACHE',
    message: /^cannot make the cache folder .*\/cache\/runtime\/[0-9a-f]{16}: E(EXIST|NOTDIR)$/,
    hint: /CAISSON_CACHE/,
  });
  assert.deepEqual(asked, []);
});

test('writes nothing when the archive is not the one of the ledger', async (t) => {
  const { folder, ledger, options, at } = await scene(t);
  await assert.rejects(packRuntime('x86_64', at('one.tar'), { ...options, ledger }), { code: 'RUNTIME_DIGEST' });
  assert.deepEqual(readdirSync(folder).sort(), ['cache', 'node']);
});

test('refuses a package whose digest holds and whose file is another, naming both', async (t) => {
  const { ledger, options, at } = await scene(t);
  const debian = ledger.debian.map((one) => ({
    ...one,
    files: one.files.map((file) => (file.to.endsWith('libc.so.6') ? { ...file, sha384: '1'.repeat(96) } : file)),
  }));
  await assert.rejects(packRuntime('x86_64', at('one.tar'), { ...options, ledger: { ...ledger, debian } }), {
    name: 'VerificationError',
    code: 'RUNTIME_DIGEST',
    message: /^lib\/libc\.so\.6 of libc6 1 must have SHA-384 1{96}, got [0-9a-f]{96}$/,
  });
});

test('refuses an archive that lacks a library, has one that nobody asks for, or one for another machine', async (t) => {
  const refused = async (wish: Omit<SceneWish, 'folder'>, message: RegExp): Promise<void> => {
    const { ledger, options, at } = await scene(t, wish);
    await assert.rejects(packRuntime('x86_64', at('one.tar'), { ...options, ledger }), {
      code: 'RUNTIME_LIBRARY',
      message,
    });
  };
  await refused({ asks: ['libc.so.6', 'libz.so.1'] }, /must have runtime\/lib\/libz\.so\.1/);
  await refused({ more: { 'lib/libidle.so': createElf({}) } }, /nobody asks for, got runtime\/lib\/libidle\.so/);
  await refused(
    { asks: ['libc.so.6', 'libarm.so'], more: { 'lib/libarm.so': createElf({ machine: 183 }) } },
    /libarm\.so must be for machine 62 \(x86_64\), got 183/,
  );
});

test('opens as files below usr/lib/caisson, with busybox in development only and no licence in an image', async (t) => {
  const { ledger, options, known, at } = await scene(t);
  await packRuntime('x86_64', at('one.tar'), { ...options, ledger: await known(ledger) });
  for (const profile of ['production', 'development'] as const) {
    const runtime = await openRuntime(at('one.tar'), { profile });
    const { node, architecture, name, origin, tree } = runtime;
    assert.deepEqual([node, architecture, origin], ['24.0.0', 'x86_64', 'local']);
    assert.equal(name, 'runtime-node-24.0.0-x86_64.tar');
    assert.deepEqual(
      [...tree.keys()].filter((path) => tree.get(path)?.kind === 'file'),
      [
        ...(profile === 'development' ? ['usr/lib/caisson/busybox'] : []),
        'usr/lib/caisson/runtime/bin/node',
        'usr/lib/caisson/runtime/lib/ld-linux-x86-64.so.2',
        'usr/lib/caisson/runtime/lib/libc.so.6',
      ],
    );
    const entry = tree.get('usr/lib/caisson/runtime/bin/node');
    assert.ok(entry?.kind === 'file' && entry.mode === 0o755 && entry.uid === 0);
    // Twice: content must be there for whoever measures and whoever writes.
    for (let turn = 0; turn < 2; turn += 1) {
      const pieces: Uint8Array[] = [];
      for await (const piece of entry.content.open()) pieces.push(piece.slice());
      assert.ok(Buffer.concat(pieces).equals(readFileSync(join(options.node, 'bin/node'))));
    }
    await runtime.close();
  }
});

test('refuses what is no runtime archive, and one that was cut', async (t) => {
  const { ledger, options, known, at } = await scene(t);
  await packRuntime('x86_64', at('one.tar'), { ...options, ledger: await known(ledger) });
  truncateSync(at('one.tar'), 2048);
  const opened = (name: string) => openRuntime(at(name), { profile: 'production' });
  await assert.rejects(opened('one.tar'), { name: 'ParseError' });
  writeFileSync(at('zeros.tar'), Buffer.alloc(1024));
  await assert.rejects(opened('zeros.tar'), { code: 'RUNTIME_ARCHIVE', message: /must have a runtime\.json/ });
  await assert.rejects(opened('none.tar'), {
    code: 'RUNTIME_ARCHIVE',
    hint: 'make it with: caisson runtime pack -o none.tar',
  });
});

test('links the loader, the libraries and node to where programs look for them, folders first', async (t) => {
  const { ledger, options, known, at } = await scene(t);
  await packRuntime('x86_64', at('one.tar'), { ...options, ledger: await known(ledger) });
  const runtime = await openRuntime(at('one.tar'), { profile: 'production' });
  t.after(() => runtime.close());
  const links = linkRuntime(runtime);
  const targets = [...links].flatMap(([path, entry]) => (entry.kind === 'symlink' ? [[path, entry.target]] : []));
  assert.deepEqual(Object.fromEntries(targets), {
    'lib64/ld-linux-x86-64.so.2': '../usr/lib/caisson/runtime/lib/ld-linux-x86-64.so.2',
    'usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2': '../../../usr/lib/caisson/runtime/lib/ld-linux-x86-64.so.2',
    'usr/lib/x86_64-linux-gnu/libc.so.6': '../../../usr/lib/caisson/runtime/lib/libc.so.6',
    'usr/bin/node': '../../usr/lib/caisson/runtime/bin/node',
  });
  const seen = new Set<string>(['']);
  for (const [path, { kind }] of links) {
    assert.ok(seen.has(path.split('/').slice(0, -1).join('/')), path);
    if (kind === 'directory') seen.add(path);
  }
  assert.equal(
    runtimeArgv('x86_64').join(' '),
    '/usr/lib/caisson/runtime/lib/ld-linux-x86-64.so.2 --library-path /usr/lib/caisson/runtime/lib /usr/lib/caisson/runtime/bin/node',
  );
});
