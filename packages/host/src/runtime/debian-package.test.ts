// Debian packages: opened for a few files, in every compression that dpkg writes.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { ParseError } from '@caisson/core/errors';
import { createAr, createDebianPackage } from '@caisson/testkit/runtime';
import fc from 'fast-check';
import { extractDebianFile, parseArMembers, readDebianFiles } from './debian-package.ts';

const hasXz = spawnSync('xz', ['--version']).status === 0;
const files = { 'lib/a': Buffer.from('A'), 'lib/b': Buffer.alloc(100_000, 'b'), empty: Buffer.alloc(0) };

async function inFile<Result>(bytes: Buffer, use: (path: string) => Promise<Result>): Promise<Result> {
  const folder = mkdtempSync(join(tmpdir(), 'caisson-deb-'));
  try {
    writeFileSync(join(folder, 'x.deb'), bytes);
    return await use(join(folder, 'x.deb'));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

for (const compression of ['', '.gz', '.zst', '.xz'] as const) {
  const skip = compression === '.xz' && !hasXz && 'xz is not installed';
  test(`reads files out of data.tar${compression}, and says which are missing`, { skip }, async () => {
    await inFile(await createDebianPackage(files, compression), async (path) => {
      const found = await readDebianFiles(path, ['lib/b', 'empty']);
      assert.deepEqual([...found.keys()].sort(), ['empty', 'lib/b']);
      assert.ok(found.get('lib/b')?.equals(files['lib/b']));
      const into = await open(`${path}.b`, 'wx+');
      await extractDebianFile(path, 'lib/b', into);
      await assert.rejects(extractDebianFile(path, 'lib/c', into), {
        code: 'RUNTIME_PACKAGE',
        message: /no regular file lib\/c/,
      });
      await into.close();
      assert.ok(readFileSync(`${path}.b`).equals(files['lib/b']));
      await assert.rejects(readDebianFiles(path, ['lib/a', 'lib/c']), {
        code: 'RUNTIME_PACKAGE',
        message: `package ${path}: has no regular file lib/c`,
      });
    });
  });
}

test('refuses content that does not unpack, whoever unpacks it', async () => {
  for (const name of hasXz ? ['data.tar.gz', 'data.tar.zst', 'data.tar.xz'] : ['data.tar.gz', 'data.tar.zst']) {
    await inFile(createAr({ [name]: Buffer.from('no archive') }), (path) =>
      assert.rejects(readDebianFiles(path, ['x']), { code: 'RUNTIME_PACKAGE' }, name),
    );
  }
  await inFile(createAr({ 'data.tar.lzma': Buffer.from('x') }), (path) =>
    assert.rejects(readDebianFiles(path, ['x']), /must be plain, gz, zst or xz, got data.tar.lzma/),
  );
  await inFile(createAr({ other: Buffer.from('x') }), (path) =>
    assert.rejects(readDebianFiles(path, ['x']), /has no member data.tar/),
  );
});

test('names the package to install when there is no xz', { skip: !hasXz && 'xz is not installed' }, async (t) => {
  const bytes = await createDebianPackage(files, '.xz');
  const path = process.env['PATH'];
  t.after(() => (process.env['PATH'] = path));
  process.env['PATH'] = '/nowhere';
  await inFile(bytes, (file) =>
    assert.rejects(readDebianFiles(file, ['lib/a']), { code: 'RUNTIME_TOOL', hint: 'sudo apt-get install xz-utils' }),
  );
});

test('gives back the members of an archive, and refuses any other bytes with its code', () => {
  const member = fc.tuple(fc.stringMatching(/^[a-z][a-z.-]{0,14}$/), fc.uint8Array({ maxLength: 50 }));
  fc.assert(
    fc.property(fc.uniqueArray(member, { maxLength: 6, selector: ([name]) => name }), (members) => {
      const all = Object.fromEntries(members.map(([name, bytes]) => [name, Buffer.from(bytes)]));
      const found = parseArMembers(createAr(all), 'x');
      assert.deepEqual(
        found.map(({ name, content }) => [name, [...content]]),
        members.map(([name, bytes]) => [name, [...bytes]]),
      );
    }),
    { seed: 3, numRuns: 300 },
  );
  const sound = createAr({ one: Buffer.from('1'), two: Buffer.from('22') });
  fc.assert(
    fc.property(
      fc.nat(sound.length - 1),
      fc.integer({ min: 0, max: 255 }),
      fc.nat(sound.length),
      (at, value, length) => {
        const bytes = Buffer.from(sound);
        bytes[at] = value;
        try {
          parseArMembers(bytes.subarray(0, length), 'x');
        } catch (error) {
          assert.ok(error instanceof ParseError && error.code === 'RUNTIME_PACKAGE');
        }
      },
    ),
    { seed: 4, numRuns: 5000 },
  );
});
