// What a caisson.yaml says about services and its boot config, found before anything is built or booted.
import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { signConfig } from '@caisson/core/config';
import { checkCompose } from './check-compose.ts';
import { readComposeText } from './index.ts';

let folder: string;
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'caisson-compose-content-'));
  mkdirSync(join(folder, 'app/etc/init.d'), { recursive: true });
  mkdirSync(join(folder, 'more'));
  writeFileSync(join(folder, 'app/etc/init.d/database.service'), 'ExecStart = "/bin/db"\n');
  writeFileSync(join(folder, 'more/web.service'), 'ExecStart = "/bin/web"\n\nRestrat = "always"\n');
});
after(() => rmSync(folder, { recursive: true }));

async function faultsOf(yaml: string): Promise<string[]> {
  const path = join(folder, 'c.yaml');
  writeFileSync(path, yaml);
  const { faults } = await checkCompose(path);
  return faults.map(({ line, column, message }) => `${line}:${column}: ${message}`);
}

const services = (text: string, source = './app'): string =>
  `name: a\nimage: ${source}\nservices:\n  web: |\n    ExecStart = "/bin/web"\n    ${text}\n`;

test('compiles service files, in line and in a folder, each fault with its file and line', async () => {
  assert.deepEqual(await faultsOf(services('Restart = "always"')), []);
  assert.deepEqual(await faultsOf(services('Restart = "sometimes"')), [
    '4:3: services.web, line 2: Restart must be one of no, always, on-failure, on-success, got "sometimes"',
  ]);
  assert.deepEqual(await faultsOf('name: a\nimage: ./app\nservices: more\n'), [
    '3:1: services more/web.service:3:1: unknown key Restrat (did you mean Restart?)',
  ]);
});

test('holds services against those of the source where it is a folder, and not where nobody knows them', async () => {
  assert.deepEqual(await faultsOf(services('Requires = ["database", "app"]')), []);
  assert.match(
    (await faultsOf(services('Requires = ["databse"]'))).join(),
    /4:3: services\.web, line 2: Requires of web names databse.*did you mean database\?/,
  );
  assert.match(
    (await faultsOf(services('Requires = ["network"]'))).join(),
    /names network, and there is no such service/,
  );
  assert.deepEqual(await faultsOf(`${services('Requires = ["network"]')}egress: [example.com:443]\n`), []);
  assert.deepEqual(await faultsOf(services('Requires = ["anything"]', 'registry.example/app:1')), []);
});

const development = (config: string, terms = ''): string =>
  `name: a\nprofile: development\n${terms === '' ? '' : `policy:\n  config: ${terms}\n`}config: ${config}\n`;

test('judges a boot config by the schema of the image, at the key that does not fit', async () => {
  const schema =
    '{ schema: { type: object, properties: { limit: { type: integer, minimum: 1 } }, required: [limit] } }';
  assert.deepEqual(await faultsOf(development('{ limit: 3, mine: true }', schema)), []);
  assert.deepEqual(await faultsOf(development('{ limit: 0 }', schema)), [
    '5:11: config: limit must be of at least 1, got 0',
  ]);
  assert.match((await faultsOf(development('{ other: 1 }', schema))).join(), /5:1: config: .*limit/);
});

test('judges endpoints by the form of argonaut and the destinations of the image, and only where they are its', async () => {
  const allowed = '{ endpoints: [kms.example.com:443] }';
  const endpoint = (host: string, more = ''): string => `{ endpoints: [{ host: ${host}, vsockPort: 8001${more} }] }`;
  assert.deepEqual(await faultsOf(`${development(endpoint('kms.example.com'), allowed)}components: [ready]\n`), []);
  assert.match(
    (await faultsOf(development(endpoint('evil.example.com'), allowed))).join(),
    /config: endpoints\[0\] must be one of the 1 destinations of the image, got evil\.example\.com:443; .* policy\.config\.endpoints/,
  );
  assert.match(
    (await faultsOf(development(endpoint('kms.example.com', ', port: 1'), allowed))).join(),
    /endpoints\[0\]\.port is no key of an endpoint/,
  );
  assert.deepEqual(await faultsOf(development('{ endpoints: of my own }')), []);
  assert.match(
    (await faultsOf(`${development('{ endpoints: of my own }')}egress: [example.com:443]\n`)).join(),
    /endpoints must be an array of at most 191/,
  );
});

test('refuses variables that the image does not allow, and such as no config may set', async () => {
  const terms = '{ environment: [REGION] }';
  const set = (name: string, value = 'x'): string => `{ caisson: { environment: { ${name}: ${value} } } }`;
  assert.deepEqual(await faultsOf(development(set('REGION'), terms)), []);
  assert.match(
    (await faultsOf(development(set('OTHER'), terms))).join(),
    /caisson\.environment\.OTHER is none of the 1 variables that the image allows; policy\.config\.environment is REGION/,
  );
  assert.match(
    (await faultsOf(development(set('LD_PRELOAD'), terms))).join(),
    /LD_PRELOAD is a variable of a loader, runtime or shell, which no config may set/,
  );
  for (const value of ['5', 'x'.repeat(4_097), '"a\\0"'])
    assert.match(
      (await faultsOf(development(set('REGION', value), terms))).join(),
      /REGION must be text of at most 4096 characters without NUL/,
    );
  assert.deepEqual(await faultsOf(development(set('REGION', 'x'.repeat(4_096)), terms)), []);
  const many = Array.from({ length: 257 }, (_, index) => `V${index}: x`).join(', ');
  assert.match(
    (await faultsOf(development(`{ caisson: { environment: { ${many} } } }`, terms))).join(),
    /caisson\.environment must be an object of at most 256 members, got an object of 257 keys/,
  );
  assert.match(
    (await faultsOf(development('{ caisson: { enviroment: {} } }', terms))).join(),
    /caisson\.enviroment is no key that a config may set; environment is/,
  );
});

test('asks for a signature where the image will, and looks into the envelope of a signed one', async () => {
  assert.match(
    (await faultsOf('name: a\nconfig: { key: 1 }\n')).join(),
    /2:1: config: it must be signed for this image .* policy\.config\.unsigned is refuse/,
  );
  assert.deepEqual(await faultsOf('name: a\npolicy: { config: { unsigned: accept } }\nconfig: { key: 1 }\n'), []);
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const spki = publicKey.export({ type: 'spki', format: 'der' });
  const key = await crypto.subtle.importKey(
    'pkcs8',
    new Uint8Array(privateKey.export({ type: 'pkcs8', format: 'der' })),
    'Ed25519',
    false,
    ['sign'],
  );
  const sign = async (name: string, version: number, notAfter: number, config: string): Promise<void> => {
    const content = {
      version,
      notAfter,
      target: { kind: 'label', label: 'a' },
      config: Buffer.from(config),
      operators: null,
    } as const;
    writeFileSync(join(folder, name), await signConfig(content, key, spki));
  };
  const later = Math.floor(Date.now() / 1_000) + 3_600;
  await sign('good.cose', 7, later, '{"key":1}');
  await sign('old.cose', 2, later - 7_200, '[1]');
  const yaml = (name: string): string =>
    `name: a\npolicy:\n  config: { minimum_version: 5, keys: ['${spki.toString('base64')}'] }\nconfig: ${name}\n`;
  assert.deepEqual(await faultsOf(yaml('good.cose')), []);
  const found = await faultsOf(yaml('old.cose'));
  assert.match(found.join('\n'), /4:1: config old\.cose: its version must be at least 5, got 2/);
  assert.match(found.join('\n'), /it must still hold, got one that held until 20/);
  assert.match(found.join('\n'), /config must be a JSON object, got/);
});

test('a file of a boot config is judged as an inline one is, and one that is no JSON is said to be none', async () => {
  writeFileSync(join(folder, 'twice.json'), '{"a":1,"a":2}');
  assert.match((await faultsOf(development('twice.json'))).join(), /4?3?:1: config twice\.json: .*a/);
  assert.equal((await faultsOf(development('none.json'))).length, 1);
});

test('a file for logs lies in a folder that is there, and is a file or nothing yet', async () => {
  const faults = async (file: string): Promise<string> => (await faultsOf(`name: a\nlogs: { file: ${file} }\n`)).join();
  for (const file of ['web.log', 'c.yaml', join(folder, 'web.log')]) assert.equal(await faults(file), '');
  assert.match(
    await faults('none/web.log'),
    /^2:9: logs\.file none\/web\.log must lie in a folder that is there, got \//,
  );
  assert.match(await faults('more'), /logs\.file more must be a file or nothing yet, got a folder/);
  assert.match(await faults('/dev/null'), /got a link or a device/);
});

test('reads standard input for -, within the bound of a file', async () => {
  async function* pieces(): AsyncGenerator<Uint8Array> {
    yield Buffer.from('name: a\nla');
    yield Buffer.from('bels: { b: "ü" }\n');
  }
  assert.equal(await readComposeText('-', { stdin: pieces() }), 'name: a\nlabels: { b: "ü" }\n');
  const { compose } = await checkCompose('-', { stdin: pieces() });
  assert.deepEqual([...(compose?.enclaves.keys() ?? [])], ['a']);
  async function* flood(): AsyncGenerator<Uint8Array> {
    for (;;) yield new Uint8Array(1 << 20);
  }
  await assert.rejects(readComposeText('-', { stdin: flood() }), { code: 'COMPOSE_INPUT' });
  async function* latin(): AsyncGenerator<Uint8Array> {
    yield Uint8Array.of(0xff);
  }
  await assert.rejects(readComposeText('-', { stdin: latin() }), /standard input must be UTF-8/);
});
