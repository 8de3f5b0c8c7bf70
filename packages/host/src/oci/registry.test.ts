// A registry on this machine, honest and otherwise: tokens, indexes for many machines, wrong bytes, cut bytes, silence, and answers
// that lead elsewhere.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { toUtf8 } from '@caisson/core/bytes';
import {
  createTestImage,
  layer,
  startRegistry,
  type TestRegistry,
  type TestRegistryOptions,
} from '@caisson/testkit/oci';
import { requireSafe } from './http.ts';
import { type OciOptions, openOciSource } from './index.ts';
import { apiUrl } from './registry.ts';

const image = createTestImage(
  [
    layer({ path: 'a', kind: 'file', mode: 0o644, content: toUtf8('one') }),
    layer({ path: 'b', kind: 'fifo', mode: 0o644 }),
  ],
  { config: { Cmd: ['a'] } },
);
const [first] = (JSON.parse(image.blobs.get(image.manifest.digest)!.toString()) as { layers: { digest: string }[] })
  .layers;
const firstLayer = first!.digest;
const login = { CAISSON_REGISTRY_USERNAME: 'user', CAISSON_REGISTRY_PASSWORD: 'word', HOME: '/nonexistent' };

interface Opening {
  readonly registry: TestRegistry;
  readonly temp: string;
  open(suffix?: string, options?: OciOptions): ReturnType<typeof openOciSource>;
}

async function opening(context: TestContext, options: Partial<TestRegistryOptions> = {}): Promise<Opening> {
  const registry = await startRegistry(image, { name: 'my/app', ...options });
  const temp = await mkdtemp(join(tmpdir(), 'caisson-test-'));
  context.after(async () => {
    await registry.close();
    await rm(temp, { recursive: true, force: true });
  });
  return {
    registry,
    temp,
    open: (suffix = ':latest', more = {}) =>
      openOciSource(`docker://${registry.host}/my/app${suffix}`, {
        architecture: 'x86_64',
        tempFolder: temp,
        env: { HOME: '/nonexistent' },
        ...more,
      }),
  };
}

/** Answers the first layer's blob in its own way. */
const onLayer =
  (answer: (response: ServerResponse, request: IncomingMessage) => void) =>
  (url: string, request: IncomingMessage, response: ServerResponse): boolean => {
    if (!url.endsWith(firstLayer)) return false;
    answer(response, request);
    return true;
  };

test('pulls by tag and by digest, and leaves nothing behind when it is closed', async (context) => {
  const { open, temp, registry } = await opening(context);
  for (const suffix of ['', ':latest', `@${image.manifest.digest}`]) {
    const source = await open(suffix);
    assert.equal(source.kind, 'registry');
    assert.deepEqual([...source.tree.keys()], ['a', 'b']);
    assert.deepEqual(source.config?.cmd, ['a']);
    // What was fetched is gone as soon as it is unpacked.
    const [spool] = await readdir(temp);
    assert.equal((await readdir(join(temp, spool!))).length, 2);
    assert.deepEqual(source.inputs[0], { name: 'manifest', digest: image.manifest.digest, size: image.manifest.size });
    await source.close();
    assert.deepEqual(await readdir(temp), []);
  }
  assert.ok(registry.requests.every(({ authorization }) => authorization === undefined));
  await assert.rejects(open(':nothing'), { code: 'OCI_BLOB', message: /manifest nothing, got status 404/ });
});

test('takes the image of the machine out of an index', async (context) => {
  const platform = (architecture: string, os = 'linux') => ({ ...image.manifest, platform: { architecture, os } });
  const mediaType = 'application/vnd.oci.image.index.v1+json';
  const attestation = {
    ...image.manifest,
    digest: `sha256:${'0'.repeat(64)}`,
    platform: { architecture: 'unknown', os: 'unknown' },
  };
  const bytes = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType,
      manifests: [attestation, platform('amd64', 'windows'), platform('amd64')],
    }),
  );
  const { open } = await opening(context, { root: { mediaType, bytes } });
  const source = await open();
  assert.deepEqual(
    source.inputs.map(({ name }) => name),
    ['index', 'manifest', 'config', 'layer 1', 'layer 2'],
  );
  await source.close();
  await assert.rejects(open('', { architecture: 'aarch64' }), {
    code: 'OCI_PLATFORM',
    message: /got unknown\/unknown, windows\/amd64, linux\/amd64/,
  });
});

test('asks for a token of this repository alone, with the password only where the token is made', async (context) => {
  const { open, registry } = await opening(context, { auth: 'bearer' });
  const source = await open('', { env: { CAISSON_REGISTRY: registry.host, ...login } });
  await source.close();
  const asked = registry.requests.find(({ url }) => url.startsWith('/token'));
  assert.equal(asked?.url, '/token?service=test%2C+registry&scope=repository%3Amy%2Fapp%3Apull');
  assert.equal(asked?.authorization, `Basic ${Buffer.from('user:word').toString('base64')}`);
  assert.equal(registry.requests.filter(({ url }) => url.startsWith('/token')).length, 1);
  assert.ok(
    registry.requests.every(
      ({ url, authorization }) => url.startsWith('/token') || !authorization?.startsWith('Basic'),
    ),
  );
});

test('gives a password to a registry that asks for it, and says where one comes from when there is none', async (context) => {
  const { open, registry } = await opening(context, { auth: 'basic' });
  await (await open('', { env: { CAISSON_REGISTRY: registry.host, ...login } })).close();
  await assert.rejects(open(), { code: 'OCI_AUTH', hint: /docker login 127\.0\.0\.1:\d+/ });
  await assert.rejects(open('', { env: { CAISSON_REGISTRY: 'other.example', ...login } }), { code: 'OCI_AUTH' });
  const wrong = { CAISSON_REGISTRY: registry.host, ...login, CAISSON_REGISTRY_PASSWORD: 'wrong' };
  await assert.rejects(open('', { env: wrong }), (error: Error & { code: string }) => {
    assert.equal(error.code, 'OCI_AUTH');
    assert.ok(!error.message.includes('wrong'));
    return true;
  });
});

test('a token that cannot be had, or is none, ends the pull', async (context) => {
  for (const body of [
    '{}',
    '{"token":5}',
    'null',
    'no',
    JSON.stringify({ token: 'a\r\nx: y' }),
    JSON.stringify({ token: 'x'.repeat(1_100_000) }),
  ]) {
    const answer = (url: string, _: IncomingMessage, response: ServerResponse): boolean => {
      if (url.startsWith('/token')) response.end(body);
      return url.startsWith('/token');
    };
    const { open } = await opening(context, { auth: 'bearer', answer });
    await assert.rejects(open(), { code: body.length > 1_000_000 ? 'OCI_LIMIT' : 'OCI_AUTH' }, body.slice(0, 30));
  }
  const { open } = await opening(context, { auth: 'bearer' });
  await assert.rejects(open(), { code: 'OCI_AUTH', message: /got status 401/ });
});

test('a registry does not choose where its password goes in the clear', async (context) => {
  const challenge = { 'www-authenticate': 'Bearer realm="http://registry.example/token"' };
  const answer = (_: string, __: IncomingMessage, response: ServerResponse): boolean =>
    response.writeHead(401, challenge).end() !== undefined;
  const { open, registry } = await opening(context, { answer });
  await assert.rejects(open('', { env: { CAISSON_REGISTRY: registry.host, ...login } }), {
    code: 'OCI_REDIRECT',
    message: /plain http/,
  });
});

test('an index that leads to indexes ends', async (context) => {
  const mediaType = 'application/vnd.oci.image.index.v1+json';
  const blobs = new Map(image.blobs);
  let next: object = image.manifest;
  let bytes = Buffer.alloc(0);
  for (let depth = 0; depth < 4; depth += 1) {
    bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, manifests: [next] }));
    const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
    blobs.set(digest, bytes);
    next = { mediaType, digest, size: bytes.length };
  }
  const answer = (url: string, _: IncomingMessage, response: ServerResponse): boolean => {
    const found = blobs.get(url.split('/').at(-1)!);
    const type = found?.includes('"manifests"') ? mediaType : image.manifest.mediaType;
    if (found !== undefined) response.writeHead(200, { 'content-type': type }).end(found);
    return found !== undefined;
  };
  const { open } = await opening(context, { root: { mediaType, bytes }, answer });
  await assert.rejects(open(), { code: 'OCI_LIMIT', message: /in 4 steps/ });
});

test('bytes that are wrong, cut, too many or another manifest are refused, and nothing of them stays', async (context) => {
  const good = image.blobs.get(firstLayer)!;
  const wrong = Buffer.from(good);
  wrong[20]! ^= 1;
  const other = Buffer.from(image.blobs.get(image.manifest.digest)!.toString().replace('{', '{ '));
  const cases: [code: string, Partial<TestRegistryOptions>, suffix?: string][] = [
    ['OCI_DIGEST', { answer: onLayer((response) => response.end(wrong)) }],
    ['OCI_DIGEST', { answer: onLayer((response) => response.end(good.subarray(0, -1))) }],
    ['OCI_DIGEST', { answer: onLayer((response) => response.end(Buffer.concat([good, good]))) }],
    ['OCI_DIGEST', { answer: onLayer((response) => response.end()) }],
    [
      'OCI_REGISTRY',
      {
        answer: onLayer((response) =>
          response
            .writeHead(200, { 'content-length': good.length })
            .write(good.subarray(0, 9), () => response.destroy()),
        ),
      },
    ],
    ['OCI_REGISTRY', { answer: onLayer((response) => response.destroy()) }],
    ['OCI_REGISTRY', { answer: onLayer((response) => response.writeHead(503).end()) }],
    ['OCI_AUTH', { answer: onLayer((response) => response.writeHead(403).end()) }],
    [
      'OCI_DIGEST',
      { root: { mediaType: image.manifest.mediaType, bytes: other }, tag: image.manifest.digest },
      `@${image.manifest.digest}`,
    ],
    [
      'OCI_DIGEST',
      {
        answer: (_, __, response) =>
          response.writeHead(200, { 'docker-content-digest': `sha256:${'1'.repeat(64)}` }).end('{}') !== undefined,
      },
    ],
    ['OCI_MEDIA', { root: { mediaType: 'text/html', bytes: Buffer.from('<html>') } }],
    ['OCI_MANIFEST', { root: { mediaType: image.manifest.mediaType, bytes: Buffer.from('<html>') } }],
    ['OCI_LIMIT', { root: { mediaType: image.manifest.mediaType, bytes: Buffer.alloc(5_000_000, ' ') } }],
  ];
  for (const [index, [code, options, suffix]] of cases.entries()) {
    const { open, temp } = await opening(context, options);
    await assert.rejects(open(suffix), { code }, `case ${index}`);
    assert.deepEqual(await readdir(temp), [], `case ${index}`);
  }
});

test('a registry that is silent, or drips, ends at the deadline', async (context) => {
  const silent = await opening(context, { answer: onLayer(() => {}) });
  await assert.rejects(silent.open('', { timeoutMs: 80 }), { name: 'LimitError', code: 'OCI_DEADLINE' });
  const stuck = await opening(context, { answer: onLayer((response) => response.writeHead(200).write('x')) });
  await assert.rejects(stuck.open('', { timeoutMs: 80 }), { code: 'OCI_DEADLINE' });
  const drip = onLayer((response) => {
    const timer = setInterval(() => response.write('x'), 10);
    response.on('close', () => clearInterval(timer));
    response.writeHead(200).write('x');
  });
  const dripping = await opening(context, { answer: drip });
  await assert.rejects(dripping.open('', { timeoutMs: 5_000, deadlineMs: 200 }), { code: 'OCI_DEADLINE' });
});

test('a redirect is followed without the token, and not in a circle', async (context) => {
  const other = await startRegistry(image, { name: 'my/app' });
  context.after(() => other.close());
  const away = onLayer((response) =>
    response.writeHead(307, { location: `http://${other.host}/v2/my/app/blobs/${firstLayer}` }).end(),
  );
  const { open, registry } = await opening(context, { auth: 'bearer', answer: away });
  const source = await open('', { env: { CAISSON_REGISTRY: registry.host, ...login } });
  await source.close();
  assert.deepEqual(
    other.requests.map(({ authorization }) => authorization),
    [undefined],
  );
  const circle = await opening(context, {
    answer: (url, _, response) => response.writeHead(302, { location: url }).end() !== undefined,
  });
  await assert.rejects(circle.open(), { code: 'OCI_REDIRECT', message: /within 5 redirects/ });
  assert.equal(circle.registry.requests.length, 6);
  for (const location of [
    'file:///etc/passwd',
    'http://user:word@127.0.0.1/',
    'http://',
    'http://registry.example/x',
  ]) {
    const { open: follow } = await opening(context, {
      answer: (_, __, response) => response.writeHead(302, { location }).end() !== undefined,
    });
    await assert.rejects(follow(), { code: 'OCI_REDIRECT' }, location);
  }
});

test('https never becomes http, and nobody out there sends us to this machine', () => {
  const from =
    (url: string, to: string, allowHttp = false) =>
    () =>
      requireSafe(new URL(url), new URL(to), allowHttp);
  assert.doesNotThrow(from('https://a.example', 'https://b.example'));
  assert.doesNotThrow(from('http://127.0.0.1:5000', 'http://localhost:5001'));
  assert.doesNotThrow(from('http://a.example', 'http://b.example', true));
  const refused: [string, string, boolean?][] = [
    ['https://a.example', 'http://a.example'],
    ['https://a.example', 'http://a.example', true],
    ['https://a.example', 'https://localhost/x'],
    ['https://a.example', 'https://127.0.0.2/x'],
    ['https://a.example', 'https://[::1]/x'],
    ['https://a.example', 'https://u:p@b.example'],
    ['https://a.example', 'ftp://b.example'],
    ['http://127.0.0.1', 'http://b.example'],
  ];
  for (const [url, to, allowHttp] of refused) assert.throws(from(url, to, allowHttp), { code: 'OCI_REDIRECT' }, to);
});

test('plain http is for this machine alone, unless it is asked for', () => {
  const cases: [host: string, allowHttp: boolean, origin: string][] = [
    ['ghcr.io', false, 'https://ghcr.io'],
    ['127.0.0.1.example:80', false, 'https://127.0.0.1.example:80'],
    ['localhost.example', false, 'https://localhost.example'],
    ['10.0.0.1:5000', false, 'https://10.0.0.1:5000'],
    ['10.0.0.1:5000', true, 'http://10.0.0.1:5000'],
    ['127.0.0.1:5000', false, 'http://127.0.0.1:5000'],
    ['localhost', false, 'http://localhost'],
    ['[::1]:5000', false, 'http://[::1]:5000'],
  ];
  for (const [host, allowHttp, origin] of cases) assert.equal(apiUrl(host, 'a/b', allowHttp).href, `${origin}/v2/a/b/`);
});
