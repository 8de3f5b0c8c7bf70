// Fetching what is known by its digest: from the first place that has it, and nothing else from anywhere.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { createLoopbackMirror } from '@caisson/testkit/runtime';
import { cacheFolder } from './cache.ts';
import { debianUrls, parseAptMirrors } from './debian-mirror.ts';
import { fetchPinned } from './fetch-pinned.ts';

const bytes = Buffer.alloc(200_000, 'caisson');
const sha256 = createHash('sha256').update(bytes).digest('hex');

async function withMirror(
  files: Readonly<Record<string, Buffer>>,
  run: (
    scene: Awaited<ReturnType<typeof createLoopbackMirror>> & { env: Record<string, string>; cache: string },
  ) => Promise<void>,
  answer?: Parameters<typeof createLoopbackMirror>[1],
): Promise<void> {
  const cache = mkdtempSync(join(tmpdir(), 'caisson-fetch-'));
  const mirror = await createLoopbackMirror(new Map(Object.entries(files)), answer);
  try {
    await run({ ...mirror, cache, env: { CAISSON_CACHE: cache } });
  } finally {
    await mirror.close();
    rmSync(cache, { recursive: true });
  }
}

const wanted = (...urls: string[]) => ({ name: 'x.deb', urls, size: bytes.length, sha256 });
const stored = (cache: string): string[] =>
  existsSync(join(cache, 'sha256')) ? readdirSync(join(cache, 'sha256')) : [];

test('takes a file from the first mirror that has it, once, and again when the cache was tampered with', async () => {
  await withMirror({ x: bytes }, async ({ url, asked, cache, env }) => {
    const path = await fetchPinned(wanted(`${url}/none`, `${url}/x`), { env });
    assert.ok(readFileSync(path).equals(bytes));
    assert.deepEqual(asked, ['/none', '/x']);
    await fetchPinned(wanted(`${url}/x`), { env });
    assert.equal(asked.length, 2, 'out of the cache');
    writeFileSync(path, 'other');
    await fetchPinned(wanted(`${url}/x`), { env });
    assert.ok(readFileSync(path).equals(bytes));
    assert.deepEqual(stored(cache), [sha256]);
  });
});

test('refuses other bytes and more bytes under the right name, asks nobody else, and keeps nothing', async () => {
  const same = Buffer.alloc(bytes.length);
  const more = Buffer.concat([bytes, Buffer.from('!')]);
  await withMirror({ same, more, x: bytes }, async ({ url, asked, cache, env }) => {
    for (const name of ['same', 'more']) {
      await assert.rejects(fetchPinned(wanted(`${url}/${name}`, `${url}/x`), { env }), {
        name: 'VerificationError',
        code: 'RUNTIME_DIGEST',
      });
    }
    assert.deepEqual(asked, ['/same', '/more']);
    assert.deepEqual(stored(cache), []);
  });
});

test('goes on to the next place after a cut answer, and says of each why it failed', async () => {
  await withMirror(
    {},
    async ({ url, cache, env }) => {
      const attempt = fetchPinned(wanted(`${url}/a`, `${url}/b`, 'ftp://x/y'), { env });
      await assert.rejects(attempt, (error: { code: string; message: string; hint: string }) => {
        assert.equal(error.code, 'RUNTIME_FETCH');
        assert.match(
          error.message,
          /^cannot fetch x\.deb: .*\/a: ended after 10 of 200000 bytes; .*\/b: .*; ftp:.*only http/,
        );
        assert.match(error.hint, /--mirror URL/);
        return true;
      });
      assert.deepEqual(stored(cache), []);
    },
    (request, response) => {
      if (request.url === '/b') return response.destroy();
      response.end(bytes.subarray(0, 10));
    },
  );
});

test('follows redirections, but not in circles', async () => {
  await withMirror(
    {},
    async ({ url, env }) => {
      await fetchPinned(wanted(`${url}/moved`), { env });
      rmSync(join(cacheFolder(env), 'sha256', sha256));
      await assert.rejects(fetchPinned(wanted(`${url}/circle`), { env }), /redirected more than 5 times/);
    },
    (request, response) => {
      if (request.url === '/x') return response.end(bytes);
      response.writeHead(302, { location: request.url === '/moved' ? '/x' : '/circle' }).end();
    },
  );
});

test('asks the proxy that the environment names', async () => {
  await withMirror(
    {},
    async ({ url, asked, env }) => {
      await fetchPinned(wanted('http://mirror.invalid/x'), { env: { ...env, http_proxy: url } });
      assert.deepEqual(asked, ['http://mirror.invalid/x']);
    },
    (_, response) => void response.end(bytes),
  );
});

test('ends when it is told to, and keeps nothing', async () => {
  const stop = new AbortController();
  await withMirror(
    {},
    async ({ url, asked, cache, env }) => {
      await assert.rejects(fetchPinned(wanted(`${url}/x`, `${url}/y`), { env, signal: stop.signal }));
      assert.deepEqual(asked, ['/x']);
      assert.deepEqual(stored(cache), []);
    },
    (_, response) => {
      response.write(bytes.subarray(0, 100));
      stop.abort();
    },
  );
});

test('knows the mirrors of apt in both forms, and no other vendor’s', () => {
  const text = [
    'deb [arch=amd64] http://one.example/debian bookworm main',
    'deb https://two.example/debian/ bookworm main',
    '# deb http://no.example/debian bookworm main',
    'deb-src http://no.example/debian bookworm main',
    'deb http://no.example/debian-security bookworm-security main',
    'deb https://user:secret@no.example/debian bookworm main',
    'URIs: http://three.example/debian http://no.example/ubuntu',
    'URIs: cdrom:/debian',
  ].join('\n');
  assert.deepEqual(
    parseAptMirrors(text),
    ['one', 'two', 'three'].map((name) => `http${name === 'two' ? 's' : ''}://${name}.example/debian`),
  );
  assert.deepEqual(debianUrls('pool/x.deb', '20260101T000000Z', 'http://mine.example/debian/'), [
    'http://mine.example/debian/pool/x.deb',
  ]);
  assert.deepEqual(debianUrls('pool/x.deb', '20260101T000000Z').slice(-2), [
    'http://deb.debian.org/debian/pool/x.deb',
    'https://snapshot.debian.org/archive/debian/20260101T000000Z/pool/x.deb',
  ]);
});

test('keeps its files where the XDG specification says', () => {
  assert.equal(cacheFolder({ XDG_CACHE_HOME: '/c' }), '/c/caisson');
  assert.match(cacheFolder({ XDG_CACHE_HOME: 'relative' }), /\/\.cache\/caisson$/);
  assert.equal(cacheFolder({ CAISSON_CACHE: '/own', XDG_CACHE_HOME: '/c' }), '/own');
});
