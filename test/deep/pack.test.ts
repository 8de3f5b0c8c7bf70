// The packed folder must run where there is neither npm nor a compiler nor this checkout: copied elsewhere, with an empty
// environment, under every name.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { appendFileSync, cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { openToolchain, readArchitecture } from '../../packages/host/src/runtime/index.ts';
import { parsePartLedger } from '../../packages/host/src/runtime/parse-ledger.ts';

const root = join(import.meta.dirname, '../..');
const missing = !existsSync(join(root, 'dist/caisson.node')) && 'no addon was built';
const empty = mkdtempSync(join(tmpdir(), 'caisson-pack-'));
const folder = join(empty, 'elsewhere');

before(() => {
  if (missing) return;
  const packed = spawnSync(process.execPath, [join(root, 'scripts/pack.ts')], { encoding: 'utf8' });
  assert.equal(packed.status, 0, packed.stderr);
  cpSync(packed.stdout.trim(), folder, { recursive: true, verbatimSymlinks: true });
});
after(() => rmSync(empty, { recursive: true }));

const run = (name: string, words: readonly string[], env: Record<string, string> = {}, input = '') =>
  spawnSync(join(folder, 'bin', name), words, { env, input, encoding: 'utf8', cwd: '/' });

test('runs under every name with an empty environment', { skip: missing }, () => {
  for (const name of readdirSync(join(folder, 'bin'))) {
    const { status, stdout, stderr } = run(name, ['--version']);
    assert.equal(status, 0, `${name}: ${stderr}`);
    assert.match(stdout, /^\d+\.\d+\.\d+\n$/, name);
  }
});

test('has the argonaut that its users know, with a simulated NSM', { skip: missing }, () => {
  const { status, stdout } = run('argonaut', ['nsm'], { CAISSON_NSM: 'sim' }, '1 RND\n');
  assert.equal(status, 0);
  assert.match(stdout, /^1 OK [0-9a-f]{512}\n$/);
});

test('finds the addon beside its program: bridges are native', { skip: missing }, async () => {
  const child = spawn(
    join(folder, 'bin/caisson'),
    ['bridge', '--listen', 'tcp:127.0.0.1:0', '--dial', 'unix:/nowhere'],
    {
      env: {},
      stdio: ['ignore', 'pipe', 'ignore'],
    },
  );
  const [line] = await new Promise<string[]>((resolve) =>
    child.stdout.once('data', (chunk) => resolve(String(chunk).split('\n'))),
  );
  assert.match(line ?? '', /^listening on tcp:127\.0\.0\.1:\d+, dialling unix:\/nowhere \(native\)$/);
  const exited = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  assert.equal(await exited, 0);
});

test('has the enclave program, which stands alone', { skip: missing }, () => {
  const node = join(folder, 'lib/node');
  const { status, stderr } = spawnSync(node, [join(folder, 'lib/caisson-enclave.mjs')], { env: {}, encoding: 'utf8' });
  assert.equal(status, 64);
  assert.match(stderr, /^caisson-enclave: a verb is missing\nusage: /);
});

test('knows its own parts: what it puts into images is in its ledger, until a byte of it differs', {
  skip: missing,
}, async () => {
  const lib = join(folder, 'lib');
  const ledger = parsePartLedger(JSON.parse(readFileSync(join(lib, 'ledger/parts.json'), 'utf8')));
  for (const profile of ['production', 'development'] as const) {
    const options = { architecture: readArchitecture(), profile, folders: [lib], ledger, release: true } as const;
    assert.equal((await openToolchain(options)).kind, 'ledger');
  }
  assert.ok(existsSync(join(lib, 'ledger/runtime.json')));
  const changed = join(empty, 'changed');
  cpSync(lib, changed, { recursive: true });
  appendFileSync(join(changed, 'caisson-init'), '!');
  const options = { architecture: readArchitecture(), profile: 'production', folders: [changed], ledger } as const;
  assert.equal((await openToolchain(options)).init.origin, 'local');
  await assert.rejects(openToolchain({ ...options, release: true }), { code: 'RUNTIME_LOCAL' });
});
