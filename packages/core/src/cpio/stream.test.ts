// The stream reader sees what the strict reader sees, however the bytes are cut, and goes on where another writer's habits begin.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { toHex, toUtf8 } from '@caisson/core/bytes';
import { CaissonError } from '@caisson/core/errors';
import fc from 'fast-check';
import { type CpioEntry, createCpio, parseCpio, type StreamedCpioLimits, streamCpio } from './index.ts';

const tree: readonly CpioEntry[] = [
  { path: 'a', kind: 'directory', mode: 0o755 },
  { path: 'a/file', kind: 'file', mode: 0o4755, uid: 7, mtime: 9, content: toUtf8('some content') },
  { path: 'a/link', kind: 'symlink', mode: 0o777, target: '../b' },
  { path: 'b', kind: 'file', mode: 0o644, content: new Uint8Array(70_000).fill(3) },
  { path: 'null', kind: 'character', mode: 0o666, major: 1, minor: 3 },
];

async function archive(entries: readonly CpioEntry[] = tree): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of createCpio(entries).open()) chunks.push(chunk);
  return Buffer.concat(chunks);
}

async function* cut(bytes: Uint8Array, step: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += step) yield bytes.subarray(at, at + step);
}

async function list(bytes: Uint8Array, step = 4_096, limits?: StreamedCpioLimits) {
  const entries = [];
  for await (const entry of streamCpio(cut(bytes, step), limits)) {
    const parts: Uint8Array[] = [];
    for await (const piece of entry.content()) parts.push(piece.slice());
    const { content: _, ...described } = entry;
    entries.push({ ...described, content: toHex(Buffer.concat(parts)) });
  }
  return entries;
}

test('sees what the strict reader sees, in chunks of any size', async () => {
  const bytes = await archive();
  const strict = parseCpio(bytes).map((entry) => ({
    ...entry,
    content: entry.kind === 'file' ? toHex(entry.content) : '',
  }));
  for (const step of [1, 3, 109, 4_096, bytes.length]) {
    const streamed = await list(bytes, step);
    assert.equal(streamed.length, strict.length);
    for (const [index, { fault, inode: _, links, size, contentOffset, ...entry }] of streamed.entries()) {
      assert.deepEqual(entry, strict[index]);
      assert.equal(fault, undefined);
      assert.equal(links, 1);
      assert.equal(size, entry.content.length / 2);
      assert.equal(toHex(bytes.subarray(contentOffset, contentOffset + size)), entry.content);
    }
  }
});

test('skips the content that nobody reads, whole or in part', async () => {
  const paths: string[] = [];
  for await (const { path, content } of streamCpio(cut(await archive(), 1_000))) {
    if (path === 'b') for await (const _ of content()) break;
    paths.push(path);
  }
  assert.deepEqual(
    paths,
    tree.map(({ path }) => path),
  );
});

test('a source that can pass over bytes gives the same entries, and a content that it does not have is missed', async () => {
  const bytes = await archive([...tree, { path: 'end', kind: 'file', mode: 0o644, content: new Uint8Array(5_000) }]);
  const paths = async (length: number, limits?: StreamedCpioLimits) => {
    let [at, given] = [0, 0];
    const source = {
      async *[Symbol.asyncIterator]() {
        for (; at < length; ) {
          const piece = bytes.subarray(at, Math.min(at + 300, length));
          at += piece.length;
          given += piece.length;
          yield piece;
        }
      },
      skip(bound: number) {
        const passed = Math.min(bound, length - at);
        at += passed;
        return passed;
      },
    };
    const found = [];
    for await (const { path } of streamCpio(source, limits)) found.push(path);
    return { found, given };
  };
  const { found, given } = await paths(bytes.length);
  assert.deepEqual(found, [...tree.map(({ path }) => path), 'end'].sort());
  assert.ok(given < 8_000, `${given} bytes were read`);
  for (const cut of [1_000, 4_000, bytes.length - 4_000]) await assert.rejects(paths(cut), { code: 'CPIO_TRUNCATED' });
  await assert.rejects(paths(bytes.length, { maxBytes: 70_000 }), { code: 'CPIO_LIMIT' });
});

test('reads archives one after another with zeros between, as the kernel does', async () => {
  const one = await archive(tree.slice(0, 1));
  const joined = Buffer.concat([one, Buffer.alloc(512), await archive(tree.slice(0, 2)), Buffer.alloc(1_024)]);
  assert.deepEqual(
    (await list(joined)).map(({ path }) => path),
    ['a', 'a', 'a/file'],
  );
});

test('shows a name that leads out of the tree with its fault', async () => {
  const good = await archive([{ path: 'abcdef', kind: 'file', mode: 0o644, content: toUtf8('x') }]);
  for (const name of ['../def', '/bcdef', 'ab/../', 'a\0cdef', './cdef', 'ab//ef']) {
    const bytes = Buffer.from(good);
    bytes.write(name, 110, 'latin1');
    const [entry] = await list(bytes);
    assert.equal(entry?.fault?.code, 'CPIO_NAME', name);
  }
  const bytes = Buffer.from(good);
  bytes[110] = 0xff;
  assert.match((await list(bytes))[0]?.fault?.message ?? '', /must be UTF-8/);
});

test('any cut and any change ends with an error of this room or with entries, and passes no bound', async () => {
  const bytes = await archive(tree.slice(0, 3));
  for (let length = 1; length < bytes.length - 200; length += 1) {
    await list(bytes.subarray(0, length)).catch((error: unknown) => {
      assert.ok(error instanceof CaissonError && error.code === 'CPIO_TRUNCATED', `length ${length}: ${error}`);
    });
  }
  await fc.assert(
    fc.asyncProperty(fc.nat(bytes.length - 1), fc.uint8Array({ minLength: 1, maxLength: 12 }), async (at, noise) => {
      const changed = Buffer.from(bytes);
      changed.set(noise.subarray(0, changed.length - at), at);
      await list(changed).catch((error: unknown) => {
        assert.ok(error instanceof CaissonError && error.code.startsWith('CPIO_'), String(error));
      });
    }),
    { seed: 1, numRuns: 2_000 },
  );
  await assert.rejects(list(bytes, 100, { maxEntries: 2 }), { name: 'LimitError', code: 'CPIO_LIMIT' });
  await assert.rejects(list(bytes, 100, { maxBytes: 300 }), { name: 'LimitError', code: 'CPIO_LIMIT' });
});
