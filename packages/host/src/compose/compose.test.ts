// caisson.yaml: what it may say, and where a slip in it is shown.
// biome-ignore-all lint/suspicious/noTemplateCurlyInString: that is how caisson.yaml names a variable
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import fc from 'fast-check';
import {
  type BuildFlags,
  ComposeFaultError,
  chooseEnclave,
  createComposeJsonSchema,
  parseCompose,
  readBuildSettings,
  readCompose,
} from './index.ts';

const faultsOf = (text: string, variables = {}): string[] => {
  try {
    parseCompose(text, 'c.yaml', { variables });
    return [];
  } catch (error) {
    assert.ok(error instanceof ComposeFaultError, String(error));
    return error.message.split('\n');
  }
};

test('every key of the form is taken, in the flat form and under enclaves', () => {
  const whole = `
version: 1.2
image: { source: ./app, rootfs: true, arch: x86_64, init: caisson, kernel: aws, cmdline: quiet, exclude: [a] }
profile: development
cmd: node main.js
env: { A: 1, B: yes, C: true }
workdir: /app
user: "7:8"
components: [ready]
services: { db: 'ExecStart = "/x"' }
operators: { local: me, threshold: 1, list: [] }
policy: { config: { expect: optional, timeout: 5s }, health_port: false, attest: { pcrs: {} } }
ingress: [8080, "9090:80", "0.0.0.0:1:2", { listen: "127.0.0.1:3", port: 4, hold: 5s }]
egress: ["a.example:443", { host: b, port: 1 }]
backend: auto
resources: { cpus: 2, memoryMiB: 512 }
cid: 16
config: { a: 1 }
ready: { http: 8080, timeout: 30s }
debug: false
restart: on-failure
logs: { level: info }
labels: { a: 1 }
`;
  assert.deepEqual(faultsOf(`name: a${whole}`), []);
  const indented = whole.trim().replaceAll('\n', '\n    ');
  assert.deepEqual(faultsOf(`enclaves:\n  a:\n    ${indented}\n    depends_on: [b]\n  b: {}`), []);
});

test('variables stand for values only: a default, an empty one, a missing one, and no other part of the file', () => {
  const value = (text: string, variables: Record<string, string>): unknown =>
    parseCompose(`name: a\nuser: ${text}`, 'c', { variables }).enclaves.get('a')?.user;
  assert.equal(value('${U}', { U: 'x' }), 'x');
  assert.equal(value('${U:-y}', { U: '' }), 'y');
  assert.equal(value('${U-y}z', { U: '' }), 'z');
  assert.equal(value('${U:-}x', {}), 'x');
  assert.equal(value('a$$b', {}), 'a$b');
  assert.equal(value('${U}', { U: 'x\nprofile: development' }), 'x\nprofile: development');
  assert.deepEqual(faultsOf('name: a\nuser: ${U}'), [
    'c.yaml:2:7: variable U has no value; give one, or a default: ${U:-default}',
  ]);
  assert.match(faultsOf('name: a\nuser: ${constructor}').join(), /variable constructor has no value/);
  assert.deepEqual(faultsOf('name: a\nuser: $U'), [
    'c.yaml:2:7: a $ must begin ${NAME} or ${NAME:-default}, or be written $$',
  ]);
  const { enclaves } = parseCompose('name: a\ncid: ${C:-20}\nlabels: {x: "${C:-20}"}', 'c');
  assert.equal(enclaves.get('a')?.cid, 20, 'a number where a number could stand');
  assert.equal(enclaves.get('a')?.labels?.['x'], '20', 'a text where quotes say so');
});

test('no text, whatever it is, ends in anything but a value or faults', () => {
  const words = fc.constantFrom(
    'name',
    'a',
    ':',
    ' ',
    '\n',
    '[',
    ']',
    '{',
    '}',
    '-',
    '"',
    '${',
    '}',
    '&',
    '*',
    '1',
    'enclaves',
    '\t',
  );
  fc.assert(
    fc.property(fc.array(words, { maxLength: 40 }), (parts) => {
      for (const line of faultsOf(parts.join(''))) assert.match(line, /^c\.yaml:\d+:\d+: |^/);
    }),
    { seed: 1, numRuns: 2_000 },
  );
});

function folderOf(context: TestContext, files: Record<string, string | Buffer>): string {
  const folder = mkdtempSync(join(tmpdir(), 'caisson-compose-'));
  context.after(() => rmSync(folder, { recursive: true }));
  mkdirSync(join(folder, 'svc'));
  for (const [path, text] of Object.entries(files)) writeFileSync(join(folder, path), text);
  return folder;
}

const flags: BuildFlags = { architecture: 'x86_64', env: {} };

test('files that it names are read from its folder, and their contents are the settings', async (context) => {
  const [ed25519, x25519] = [generateKeyPairSync('ed25519'), generateKeyPairSync('x25519')];
  const pem = (key: typeof ed25519): string => key.publicKey.export({ type: 'spki', format: 'pem' }).toString();
  const der = (key: typeof ed25519): string => key.publicKey.export({ type: 'spki', format: 'der' }).toString('base64');
  const folder = folderOf(context, {
    'root.pem': pem(ed25519),
    'schema.json': '{"type":"object"}',
    'init.yaml': 'log_dir: /x\n',
    'svc/db.service': 'ExecStart = "/db"',
    'svc/README': 'no service',
    'caisson.yaml': `
name: hello
version: 2
image: { source: app, kernel: my/bzImage, exclude: [./a/, b] }
cmd: run 'two words' "\${WHO:-me}"
env: { A: 1 }
services: svc
init_file: init.yaml
ingress: [8080, "9090:80", { listen: "127.0.0.1:1", port: 2, vsock_port: 3 }]
egress: ["[::1]", "a.example:443"]
operators: { root_key: root.pem, list: [{ name: me, key: ${der(ed25519)}, verbs: [logs], exec: [[ls]] }] }
policy:
  config: { expect: required, timeout: 1m30s, keys: [root.pem], schema: schema.json, endpoints: ["a:1"], environment: [B] }
  last_words: sealed
  last_words_key: ${der(x25519)}
  health_port: false
`.replace('"[::1]", ', ''),
  });
  const { name, spec } = chooseEnclave(await readCompose(join(folder, 'caisson.yaml'), { variables: { WHO: 'you' } }));
  const { settings, source, kernelPath } = await readBuildSettings(name, spec, folder, flags);
  assert.equal(source, 'app');
  assert.equal(kernelPath, join(folder, 'my/bzImage'));
  assert.deepEqual(settings.command, ['run', 'two words', 'you']);
  assert.deepEqual(
    [settings.name, settings.version, settings.kernel, settings.healthPort],
    ['hello', '2', 'file', null],
  );
  assert.deepEqual(settings.exclude, ['a', 'b']);
  assert.deepEqual(settings.services, { 'db.service': 'ExecStart = "/db"' });
  assert.equal(settings.initYaml, 'log_dir: /x\n');
  assert.deepEqual(settings.ingress, [
    { vsockPort: 8080, targetPort: 8080 },
    { vsockPort: 80, targetPort: 80 },
    { vsockPort: 3, targetPort: 2 },
  ]);
  assert.deepEqual(settings.egress, [{ host: 'a.example', port: 443 }]);
  assert.deepEqual([settings.config.timeoutMs, settings.config.keys], [90_000, [der(ed25519)]]);
  assert.deepEqual(settings.config.schema, { type: 'object' });
  assert.equal(settings.operators.rootKey, der(ed25519));
  assert.match(settings.operators.operators[0]!.spkiSha256, /^[0-9a-f]{64}$/);
  assert.equal(settings.lastWordsKey, der(x25519));
  assert.ok(!JSON.stringify(settings).includes(folder), 'no path of this machine');
});

test('the command line goes before the file', async () => {
  const spec = parseCompose(
    'name: a\nprofile: production\nimage: {kernel: aws, init: plain}\ncmd: x',
    'c',
  ).enclaves.get('a')!;
  const given: BuildFlags = {
    ...flags,
    name: 'b',
    version: '9',
    profile: 'development',
    init: 'caisson',
    kernel: 'k',
    command: ['y'],
  };
  const { settings, kernelPath } = await readBuildSettings('a', spec, '.', given);
  assert.deepEqual(
    [settings.name, settings.version, settings.profile, settings.init, settings.command, kernelPath],
    ['b', '9', 'development', 'caisson', ['y'], 'k'],
  );
});

test('an image that is sent a config waits for it; a development one takes it unsigned', async () => {
  const read = async (text: string) =>
    (await readBuildSettings('a', parseCompose(`name: a\n${text}`, 'c').enclaves.get('a')!, '.', flags)).settings
      .config;
  assert.equal((await read('')).expect, 'none');
  const sent = await read('config: {a: 1}\nprofile: development');
  assert.deepEqual([sent.expect, sent.unsigned], ['required', 'accept']);
  assert.equal((await read('config: {a: 1}')).unsigned, 'refuse');
});

test('ready is what the builder gives to the command; a deadline alone is the host’s', async () => {
  const read = async (text: string) =>
    (await readBuildSettings('a', parseCompose(`name: a\nready: ${text}`, 'c').enclaves.get('a')!, '.', flags)).settings
      .ready;
  const table: [text: string, ready: object | null][] = [
    ['{ tcp: 80, timeout: 1m }', { readiness: { kind: 'port', port: 80 }, timeoutMs: 60_000 }],
    ['{ http: 80 }', { readiness: { kind: 'http', port: 80, path: '/' }, timeoutMs: null }],
    [
      '{ http: "http://127.0.0.1:80/a b" }'.replace(' b', '?b=%20'),
      { readiness: { kind: 'http', port: 80, path: '/a?b=%20' }, timeoutMs: null },
    ],
    ['{ action: "vsock:7" }', { readiness: { kind: 'action', transport: 'vsock', port: 7 }, timeoutMs: null }],
    ['{ notify: true }', { readiness: { kind: 'notify' }, timeoutMs: null }],
    ['{ timeout: 5s }', null],
  ];
  for (const [text, ready] of table) assert.deepEqual(await read(text), ready, text);
  await assert.rejects(read('{ tcp: 80, timeout: 2h }'), {
    code: 'COMPOSE_INPUT',
    message: 'ready.timeout must be in 1ms..3600s, got 2h',
  });
});

test('says which file cannot be what it is for', async (context) => {
  const key = generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' });
  const folder = folderOf(context, { 'private.pem': key, 'bad.json': '{', text: 'x', latin: Buffer.from([0xff]) });
  spawnSync('mkfifo', [join(folder, 'pipe')]);
  const table: [yaml: string, message: RegExp][] = [
    ['operators: {root_key: none.pem}', /^cannot read operators.root_key .*none.pem: ENOENT$/],
    ['operators: {root_key: private.pem}', /^operators.root_key must be a public key, got a private one$/],
    ['operators: {root_key: text}', /^operators.root_key must be a public key in PEM$/],
    ['policy: {config: {schema: bad.json}}', /^policy.config.schema bad.json must be JSON/],
    ['init_file: latin', /^init_file .*latin must be UTF-8$/],
    ['init_file: svc', /^init_file .*svc must be a regular file$/],
    // Into which nobody ever writes.
    ['init_file: pipe', /^init_file .*pipe must be a regular file$/],
    ['operators: {root_key: pipe}', /^operators.root_key .*pipe must be a regular file$/],
    ['services: svc', /must have a file NAME.service, got none$/],
    ['services: nowhere', /^cannot read services .*nowhere: ENOENT$/],
    ["cmd: 'a \"b'", /^cmd .*, character \d+: /],
    ['image: {eif: a.eif}', /^image.eif is built already/],
  ];
  for (const [yaml, message] of table) {
    const spec = parseCompose(`name: a\n${yaml}`, 'c').enclaves.get('a')!;
    const hint = message.source.includes('none.pem')
      ? /from the working folder, those in a caisson.yaml from its own/
      : undefined;
    await assert.rejects(readBuildSettings('a', spec, folder, flags), { message, ...(hint && { hint }) }, yaml);
  }
});

test('one of several must be named, and one that there is', () => {
  const many = parseCompose('enclaves: {a: {}, b: {}}', 'c');
  assert.equal(chooseEnclave(many, 'b').name, 'b');
  assert.throws(() => chooseEnclave(many), { code: 'COMPOSE_NAME', message: /must be named, got a, b/ });
  assert.throws(() => chooseEnclave(many, 'c'), {
    code: 'COMPOSE_NAME',
    message: 'enclave c must be in the file, which has a, b',
  });
  const hello = parseCompose('enclaves:\n  hello: { image: ./a }\n', 'c.yaml');
  assert.throws(() => chooseEnclave(hello, 'helo'), { hint: 'did you mean hello?' });
});

test('docs/caisson-yaml.md shows a file that is taken, and has every key', () => {
  const page = readFileSync(new URL('../../../../docs/caisson-yaml.md', import.meta.url), 'utf8');
  const [, example = ''] = /```yaml\n([\s\S]*?)```/.exec(page) ?? [];
  const { spec } = chooseEnclave(parseCompose(example, 'docs'));
  assert.equal(spec.image && typeof spec.image === 'object' && spec.image.source, './app');
  const schema = JSON.stringify(createComposeJsonSchema());
  const keys = [...schema.matchAll(/"([a-zA-Z_0-9]+)":\{"(?:type|anyOf|description|enum|minimum)/g)].map(
    ([, key]) => key!,
  );
  const missing = [...new Set(keys)].filter(
    (key) => !['propertyNames', 'items', 'additionalProperties', 'enclaves'].includes(key),
  );
  for (const key of missing) assert.match(page, new RegExp(`\\b${key}\\b`), key);
});
