// A plain Dockerfile gives the tree and the settings that an engine would give; everything else is refused with its line before anything is made.
// biome-ignore-all lint/suspicious/noTemplateCurlyInString: variables of Dockerfiles look like those of templates
import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import fc from 'fast-check';
import type { OpenedSource } from '../tree/index.ts';
import { parseIgnore } from './ignore.ts';
import { buildDockerfile, whyNotPlain } from './index.ts';
import { matchPath } from './match-path.ts';
import { parseDockerfile } from './parse.ts';
import { splitWords } from './words.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'caisson-dockerfile-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

function put(files: Readonly<Record<string, string>>): void {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
}

async function built(text: string, args: Readonly<Record<string, string>> = {}): Promise<OpenedSource> {
  put({ Dockerfile: text });
  const source = await buildDockerfile(folder, { args, architecture: 'x86_64' });
  await source.close();
  return source;
}

async function listOf({ tree }: OpenedSource): Promise<string[]> {
  const lines: string[] = [];
  for (const [path, entry] of tree) {
    if (entry.kind === 'directory') lines.push(`${path}/`);
    else if (entry.kind === 'symlink') lines.push(`${path} -> ${entry.target}`);
    else if (entry.kind === 'file') {
      const parts: Uint8Array[] = [];
      for await (const part of entry.content.open()) parts.push(part.slice());
      lines.push(`${path}: ${Buffer.concat(parts)}`);
    }
  }
  return lines;
}

test('copies a folder’s content, a file under a folder, a file as another name, as Docker does', async () => {
  put({ 'src/a': 'A', 'src/d/b': 'B', top: 'T', 'x.conf': 'X', 'y.conf': 'Y' });
  const cases: [text: string, expected: string[]][] = [
    ['COPY src /app', ['app/', 'app/a: A', 'app/d/', 'app/d/b: B']],
    ['COPY src/ /app/', ['app/', 'app/a: A', 'app/d/', 'app/d/b: B']],
    ['COPY top /app', ['app: T']],
    ['COPY top /app/', ['app/', 'app/top: T']],
    ['WORKDIR /w\nCOPY top .', ['w/', 'w/top: T']],
    ['WORKDIR /w\nWORKDIR in\nCOPY top sub/other', ['w/', 'w/in/', 'w/in/sub/', 'w/in/sub/other: T']],
    ['COPY src/d /app\nCOPY top /app', ['app/', 'app/b: B', 'app/top: T']],
    ['COPY *.conf /etc/', ['etc/', 'etc/x.conf: X', 'etc/y.conf: Y']],
    ['COPY ["top", "/with blank/"]', ['with blank/', 'with blank/top: T']],
    ['COPY top src/a /both/', ['both/', 'both/a: A', 'both/top: T']],
    ['ADD top /', ['top: T']],
  ];
  for (const [text, expected] of cases)
    assert.deepEqual(await listOf(await built(`FROM scratch\n${text}`)), expected, text);
});

test('copies the context itself, links as links, a named link as what it leads to', async () => {
  put({ 'd/a': 'A' });
  symlinkSync('a', join(folder, 'd/link'));
  assert.deepEqual(await listOf(await built('FROM scratch\nCOPY d /d\nCOPY d/link /one')), [
    'd/',
    'd/a: A',
    'd/link -> a',
    'one: A',
  ]);
  const all = await listOf(await built('FROM scratch\nCOPY . /'));
  assert.deepEqual(all.slice(1), ['d/', 'd/a: A', 'd/link -> a']);
});

test('gives files plain modes and root’s ownership unless the Dockerfile says others', async () => {
  put({ a: 'A', b: 'B' });
  chmodSync(join(folder, 'a'), 0o664);
  chmodSync(join(folder, 'b'), 0o4775);
  const { tree } = await built('FROM scratch\nCOPY a b /\nCOPY --chown=5:6 --chmod=640 a /c');
  const facts = ['a', 'b', 'c'].map((path) => tree.get(path)).map((one) => [one?.mode, one?.uid, one?.gid]);
  assert.deepEqual(facts, [
    [0o644, 0, 0],
    [0o755, 0, 0],
    [0o640, 5, 6],
  ]);
});

test('leaves out what .dockerignore names, and takes back what it excepts', async () => {
  put({
    'a.log': 'L',
    'n/b.log': 'L',
    'n/keep.log': 'K',
    'n/c': 'C',
    '.git/x': 'G',
    '.dockerignore': '# c\n.git\n**/*.log\n!n/keep.log\nDockerfile\n.dockerignore',
  });
  assert.deepEqual(await listOf(await built('FROM scratch\nCOPY . /')), ['n/', 'n/c: C', 'n/keep.log: K']);
  await assert.rejects(built('FROM scratch\nCOPY a.log /'), { code: 'DOCKERFILE_COPY' });
});

test('settings are what an engine would write down', async () => {
  const cases: [text: string, expected: Partial<NonNullable<OpenedSource['config']>>][] = [
    ['CMD ["a", "b c"]', { cmd: ['a', 'b c'], entrypoint: null }],
    ['CMD a $B', { cmd: ['/bin/sh', '-c', 'a $B'] }],
    ['SHELL ["/bin/bash", "-c"]\nENTRYPOINT run it', { entrypoint: ['/bin/bash', '-c', 'run it'] }],
    ['CMD ["old"]\nENTRYPOINT ["new"]', { entrypoint: ['new'], cmd: null }],
    ['ENTRYPOINT ["e"]\nCMD ["c"]', { entrypoint: ['e'], cmd: ['c'] }],
    ['ENV A=1 B="x y" C=\'$A\' D=$A-${B}', { env: ['A=1', 'B=x y', 'C=$A', 'D=-'] }],
    ['ENV A=1\nENV D=$A-${B:-none}-${A:+set}', { env: ['A=1', 'D=1-none-set'] }],
    ['ENV OLD the rest of it', { env: ['OLD=the rest of it'] }],
    ['ENV A=1\nENV A=2', { env: ['A=2'] }],
    ['ENV A=a\\ b \\\n  # a comment\n\n  B=2', { env: ['A=a b', 'B=2'] }],
    ['ARG V=1\nENV A=$V', { env: ['A=1'] }],
    ['ARG GIVEN\nENV A=$GIVEN', { env: ['A=given'] }],
    ['ENV V=env\nARG V=arg\nENV A=$V', { env: ['V=env', 'A=env'] }],
    ['ENV P=${TARGETPLATFORM}', { env: ['P='] }],
    ['ARG TARGETPLATFORM\nENV P=${TARGETPLATFORM}', { env: ['P=linux/amd64'] }],
    ['USER app:app', { user: 'app:app' }],
    ['WORKDIR a\nWORKDIR ../b', { workingDir: '/b' }],
    ['LABEL a=b\nEXPOSE 80/tcp', { workingDir: null }],
  ];
  for (const [text, expected] of cases) {
    const { config } = await built(`FROM scratch\n${text}`, { GIVEN: 'given' });
    for (const [key, value] of Object.entries(expected))
      assert.deepEqual(config?.[key as keyof typeof config], value, text);
  }
});

test('says what has no effect, and keeps its line', async () => {
  const { warnings } = await built('FROM scratch\nHEALTHCHECK NONE\nVOLUME /x');
  assert.deepEqual(warnings, [
    'Dockerfile line 2: HEALTHCHECK has no effect in an enclave',
    'Dockerfile line 3: VOLUME has no effect in an enclave',
  ]);
});

test('begins with the image of FROM: its tree, its settings, its layers', async () => {
  await assert.rejects(built('ARG BASE=oci:./none\nFROM ${BASE} AS one'), { code: 'OCI_SOURCE', message: /none/ });
});

test('refuses with the line what needs an engine or cannot be meant', async () => {
  const cases: [text: string, code: string, message: RegExp][] = [
    ['FROM scratch\n\nRUN make', 'DOCKERFILE_UNSUPPORTED', /line 3: RUN needs a container engine/],
    ['FROM scratch\nFROM scratch', 'DOCKERFILE_UNSUPPORTED', /line 2: several stages/],
    ['FROM scratch\nCOPY --from=x a /', 'DOCKERFILE_UNSUPPORTED', /line 2: COPY --from/],
    ['FROM scratch\nCOPY --exclude=b a /', 'DOCKERFILE_UNSUPPORTED', /line 2: COPY --exclude/],
    ['FROM scratch\nCOPY <<EOF /a\nx\nEOF', 'DOCKERFILE_UNSUPPORTED', /line 2: here-documents/],
    ['FROM scratch\nADD https://x/y /', 'DOCKERFILE_UNSUPPORTED', /line 2: ADD of a URL/],
    ['FROM scratch\nADD a.tar.gz /', 'DOCKERFILE_UNSUPPORTED', /line 2: ADD of an archive/],
    ['FROM scratch\nCOPY --chown=app a /', 'DOCKERFILE_UNSUPPORTED', /--chown must be numbers/],
    ['FROM --platform=linux/arm64 scratch', 'DOCKERFILE_UNSUPPORTED', /FROM must be for linux\/amd64/],
    ['', 'DOCKERFILE_FORM', /must have one FROM/],
    ['COPY a /\nFROM scratch', 'DOCKERFILE_FORM', /line 1: FROM must come before COPY/],
    ['FROM scratch\nFETCH a', 'DOCKERFILE_FORM', /line 2: there is no instruction "FETCH"/],
    ['FROM', 'DOCKERFILE_FORM', /FROM must name an image/],
    ['FROM scratch as', 'DOCKERFILE_FORM', /FROM must be IMAGE or IMAGE AS NAME/],
    ['FROM scratch\nENV A="x', 'DOCKERFILE_FORM', /line 2: a " must end/],
    ['FROM scratch\nENV A=${B', 'DOCKERFILE_FORM', /a variable must be/],
    ['FROM scratch\nENV A', 'DOCKERFILE_FORM', /ENV must be NAME=VALUE/],
    ['FROM scratch\nCOPY a', 'DOCKERFILE_FORM', /must have a source and a target/],
    ['FROM scratch\nCOPY none /', 'DOCKERFILE_COPY', /line 2: no file of the context is none/],
    ['FROM scratch\nCOPY ../x /', 'DOCKERFILE_COPY', /must lie in the context/],
    ['FROM scratch\nCOPY a b /c', 'DOCKERFILE_COPY', /must end with \//],
    ['# escape=x\nFROM scratch', 'DOCKERFILE_FORM', /escape directive/],
  ];
  put({ a: 'A', b: 'B', 'a.tar.gz': '' });
  for (const [text, code, message] of cases) await assert.rejects(built(text), { code, message }, text);
  await assert.rejects(buildDockerfile(join(folder, 'none')), { code: 'DOCKERFILE_FILE' });
});

test('says in advance whether an engine is needed', () => {
  assert.equal(whyNotPlain('FROM a\nCOPY . .'), undefined);
  assert.match(whyNotPlain('FROM a\nRUN b') ?? '', /line 2: RUN/);
});

test('patterns mean what Docker means, and none takes long', () => {
  const cases: [pattern: string, path: string, expected: boolean][] = [
    ['*.c', 'a.c', true],
    ['*.c', 'd/a.c', false],
    ['**/*.c', 'a.c', true],
    ['**/*.c', 'd/e/a.c', true],
    ['d/**', 'd/e/f', true],
    ['d/**/f', 'd/f', true],
    ['a?c', 'abc', true],
    ['a?c', 'a/c', false],
    ['[a-c]x', 'bx', true],
    ['[^a-c]x', 'bx', false],
    ['\\*', '*', true],
    ['\\*', 'a', false],
    ['[', '[', true],
  ];
  for (const [pattern, path, expected] of cases) assert.equal(matchPath(pattern, path), expected, `${pattern} ${path}`);
  const start = process.cpuUsage().user;
  assert.equal(matchPath('*a'.repeat(200), `${'a'.repeat(255)}b`), false);
  assert.equal(matchPath('**/'.repeat(100), 'a/'.repeat(200)), true);
  assert.ok(process.cpuUsage().user - start < 1_000_000);
  assert.equal(parseIgnore('d\n!d/a').isIgnored('d/a'), false);
  assert.equal(parseIgnore('!d/a\nd').isIgnored('d/a'), true);
});

test('no text makes the reader fail in another way than by its own errors', () => {
  const piece = fc.oneof(
    fc.constantFrom('FROM a', 'ENV ', '$', '${', '}', '"', "'", '\\', '\n', '# escape=`', '[', ':-', ' '),
    fc.string(),
  );
  fc.assert(
    fc.property(
      fc.array(piece).map((parts) => parts.join('')),
      (text) => {
        try {
          for (const one of parseDockerfile(text).instructions)
            splitWords(one.text, { line: 1, escapeChar: '\\', lookUp: () => 'v $x "y' });
        } catch (error) {
          assert.equal((error as { code?: string }).code, 'DOCKERFILE_FORM');
        }
      },
    ),
    { numRuns: 1_000 },
  );
});
