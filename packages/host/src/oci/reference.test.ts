// What a user may call an image, and what Docker's credentials file says about who we are to a registry.
import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import fc from 'fast-check';
import { parseChallenge } from './challenge.ts';
import { readCredential } from './credential.ts';
import { parseOciReference } from './reference.ts';

const none = (): boolean => false;
const digest = `sha256:${'ab'.repeat(32)}`;

test('a registry reference has host, name, and tag or digest; Docker’s own registry has its short names', () => {
  const cases: [text: string, host: string, name: string, tag: string | null, digest: string | null][] = [
    ['docker://alpine', 'registry-1.docker.io', 'library/alpine', 'latest', null],
    ['docker://docker.io/alpine:3.20', 'registry-1.docker.io', 'library/alpine', '3.20', null],
    ['registry://user/app', 'registry-1.docker.io', 'user/app', 'latest', null],
    ['docker://ghcr.io/a/b/c:v1', 'ghcr.io', 'a/b/c', 'v1', null],
    ['docker://localhost:5000/a', 'localhost:5000', 'a', 'latest', null],
    ['docker://localhost/a', 'localhost', 'a', 'latest', null],
    ['docker://[::1]:5000/a:b', '[::1]:5000', 'a', 'b', null],
    [`docker://ghcr.io/a@${digest}`, 'ghcr.io', 'a', null, digest],
    [`docker://ghcr.io/a:v1@${digest}`, 'ghcr.io', 'a', 'v1', digest],
    [
      'docker://1.dkr.ecr.eu-west-1.amazonaws.com/x_y--z.w',
      '1.dkr.ecr.eu-west-1.amazonaws.com',
      'x_y--z.w',
      'latest',
      null,
    ],
  ];
  for (const [text, host, name, tag, told] of cases) {
    const found = parseOciReference(text, none);
    assert.ok(found.kind === 'registry');
    assert.deepEqual(
      [found.registry.host, found.registry.name, found.registry.tag, found.registry.digest],
      [host, name, tag, told],
      text,
    );
  }
});

test('refuses references that are not of their form', () => {
  const cases = [
    'docker://',
    'docker://Alpine',
    'docker://a//b',
    'docker://ghcr.io/',
    'docker://ghcr.io/a:',
    'docker://ghcr.io/a:-b',
    'docker://ghcr.io/a@sha256:ab',
    `docker://ghcr.io/a@${digest}@${digest}`,
    'docker://user@ghcr.io/a',
    'docker://ghcr.io:port/a',
    'docker://ghcr.io/../a',
    'docker://ghcr.io/a?b',
    'docker://ghcr.io/a#b',
    'docker://a b',
    `docker://ghcr.io/${'a'.repeat(256)}`,
    'docker://-x.io/a',
    'oci:',
    `docker://ghcr.io/a@md5:${'0'.repeat(32)}`,
  ];
  for (const text of cases)
    assert.throws(() => parseOciReference(text, none), { name: 'ParseError', code: 'OCI_REFERENCE' }, text);
});

test('a path is the longest one that is there; what follows its colon is a name', () => {
  const there = (path: string): boolean => ['dir', 'a:b', 'a'].includes(path);
  const cases: [text: string, path: string, name: string | undefined][] = [
    ['dir', 'dir', undefined],
    ['dir:v1', 'dir', 'v1'],
    ['oci:dir:host:5000/x:1', 'dir', 'host:5000/x:1'],
    ['a:b', 'a:b', undefined],
    ['a:b:c', 'a:b', 'c'],
    ['docker-archive:a:c', 'a', 'c'],
    ['nothing:1', 'nothing:1', undefined],
  ];
  for (const [text, path, name] of cases)
    assert.deepEqual(parseOciReference(text, there), { kind: 'path', path, name }, text);
});

test('no reference makes a URL of another host or path than it says', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary-ascii', maxLength: 40 }), (text) => {
      try {
        const found = parseOciReference(`docker://${text}`, none);
        assert.ok(found.kind === 'registry');
        const { host, name, tag } = found.registry;
        const url = new URL(`manifests/${tag}`, `https://${host}/v2/${name}/`);
        assert.equal(url.pathname, `/v2/${name}/manifests/${tag}`);
        assert.equal(url.search + url.hash + url.username + url.password, '');
      } catch (error) {
        assert.equal((error as { code?: string }).code, 'OCI_REFERENCE', String(error));
      }
    }),
    { seed: 1, numRuns: 3_000 },
  );
});

test('a challenge is Bearer with a realm, or Basic, in every form of RFC 9110', () => {
  const cases: [header: string, expected: object][] = [
    [
      'Bearer realm="https://auth.example/token",service="a, b",scope="repository:x:pull,push"',
      { scheme: 'bearer', realm: 'https://auth.example/token', service: 'a, b' },
    ],
    ['bearer realm=https://a.example/t', { scheme: 'bearer', realm: 'https://a.example/t' }],
    ['Basic realm="x", Bearer realm="https://a.example"', { scheme: 'bearer', realm: 'https://a.example' }],
    ['Basic realm="say \\"hi\\""', { scheme: 'basic' }],
    ['Negotiate, Basic realm="x"', { scheme: 'basic' }],
  ];
  for (const [header, expected] of cases) assert.deepEqual(parseChallenge(header, 'host'), expected);
  for (const header of [
    '',
    'Bearer',
    'Bearer service="a"',
    'Digest realm="x"',
    '"',
    'realm="x"',
    `Basic ${'x'.repeat(9_000)}`,
  ]) {
    assert.throws(() => parseChallenge(header, 'host'), { code: 'OCI_AUTH' }, header.slice(0, 40));
  }
  fc.assert(
    fc.property(
      fc.string({ unit: fc.constantFrom('a', '=', '"', '\\', ' ', ',', 'Bearer ', 'realm'), maxLength: 60 }),
      (header) => {
        try {
          parseChallenge(header, 'host');
        } catch (error) {
          assert.equal((error as { code?: string }).code, 'OCI_AUTH', String(error));
        }
      },
    ),
    { seed: 1, numRuns: 3_000 },
  );
});

async function home(context: TestContext, text: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'caisson-test-'));
  context.after(() => rm(folder, { recursive: true, force: true }));
  await mkdir(join(folder, '.docker'));
  await writeFile(join(folder, '.docker/config.json'), text);
  return folder;
}

test('credentials come from the environment for the host it names, else from Docker’s file, and from no program', async (context) => {
  const auth = Buffer.from('me:a:b').toString('base64');
  const HOME = await home(
    context,
    JSON.stringify({
      auths: {
        'ghcr.io': { auth },
        'https://index.docker.io/v1/': { username: 'hub', password: 'p' },
        'helped.io': {},
        'token.io': { auth: Buffer.from('t:').toString('base64'), identitytoken: 'x' },
      },
      credHelpers: { 'helped.io': 'ecr-login' },
    }),
  );
  const of = async (host: string, env = {}) => (await readCredential(host, { HOME, ...env })).credential;
  assert.deepEqual(await of('ghcr.io'), { username: 'me', password: 'a:b' });
  assert.deepEqual(await of('docker.io'), { username: 'hub', password: 'p' });
  assert.equal(await of('other.io'), undefined);
  assert.equal(await of('ghcr.io.evil.example'), undefined);
  const env = { CAISSON_REGISTRY: 'other.io', CAISSON_REGISTRY_USERNAME: 'u', CAISSON_REGISTRY_PASSWORD: 'p' };
  assert.deepEqual(await of('other.io', env), { username: 'u', password: 'p' });
  assert.equal(await of('another.io', env), undefined);
  assert.deepEqual(await of('ghcr.io', env), { username: 'me', password: 'a:b' });
  assert.match((await readCredential('helped.io', { HOME })).hint, /helper ecr-login, which is not run/);
  assert.match((await readCredential('token.io', { HOME })).hint, /identity token/);
  assert.equal((await readCredential('ghcr.io', { HOME, DOCKER_CONFIG: join(HOME, 'nowhere') })).credential, undefined);
});

test('a credentials file that is not of its form is refused, without a word of what is in it', async (context) => {
  for (const text of [
    '{"auths":{"ghcr.io":{"auth":"c2VjcmV0"}}}',
    '{"auths": secret}',
    '{"auths":{"ghcr.io":{"auth":["secret"]}}}',
    'x'.repeat(1_048_577),
  ]) {
    const HOME = await home(context, text);
    await assert.rejects(readCredential('ghcr.io', { HOME }), (error: Error & { code: string }) => {
      assert.equal(error.code, 'OCI_CREDENTIALS');
      assert.ok(!/secret|c2Vj/.test(error.message + JSON.stringify(error.cause ?? '')));
      return true;
    });
  }
});
