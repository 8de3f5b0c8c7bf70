// Parts of an image by their digests: what the ledger knows, what a tree compiled itself, what a release refuses; and the ledgers that
// are checked in.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { parseArchitecture } from './architecture.ts';
import { readArchiveLedger, readLedger, readPartLedger } from './ledger.ts';
import { type PartLedger, type PartName, parseArchiveLedger, parsePartLedger } from './parse-ledger.ts';
import { openToolchain, PART_FILES, partFolders } from './toolchain.ts';

const names = Object.keys(PART_FILES) as PartName[];

function partOf(name: PartName, text: string): PartLedger['parts'][number] {
  const hash = (algorithm: string): string => createHash(algorithm).update(text).digest('hex');
  const architecture = name === 'init' || name === 'launcher' || name === 'addon' ? 'x86_64' : null;
  return { name, architecture, size: text.length, sha256: hash('sha256'), sha384: hash('sha384'), made: 'here' };
}

function scene(t: TestContext) {
  const root = mkdtempSync(join(tmpdir(), 'caisson-parts-'));
  t.after(() => rmSync(root, { recursive: true }));
  const folder = (name: string, texts: Partial<Record<PartName, string>>): string => {
    mkdirSync(join(root, name));
    for (const [part, text] of Object.entries(texts))
      writeFileSync(join(root, name, PART_FILES[part as PartName]), text);
    return join(root, name);
  };
  const all = (mark: string) => Object.fromEntries(names.map((name) => [name, `${name} ${mark}`]));
  const released: PartLedger = { v: 1, version: '1.0.0', parts: names.map((name) => partOf(name, `${name} released`)) };
  return { folder, all, released };
}

const base = { architecture: 'x86_64', profile: 'production' } as const;

test('prefers parts that the ledger knows wherever they lie, unless local ones are asked for', async (t) => {
  const { folder, all, released } = scene(t);
  const folders = [folder('tree', all('compiled here')), folder('packed', all('released'))];
  const known = await openToolchain({ ...base, folders, ledger: released, release: true });
  assert.equal(known.kind, 'ledger');
  assert.ok(
    [known.init, known.addon, known.enclave].every(
      ({ path, origin }) => path.startsWith(folders[1]!) && origin === 'ledger',
    ),
  );
  const local = await openToolchain({ ...base, folders, ledger: released, preferLocal: true });
  assert.equal(local.kind, 'local');
  assert.ok(local.init.path.startsWith(folders[0]!));
});

test('says local as soon as one part is, and a release refuses it by its path', async (t) => {
  const { folder, all, released } = scene(t);
  const folders = [folder('tree', { ...all('released'), addon: 'addon changed' })];
  const { kind, init, addon } = await openToolchain({ ...base, folders, ledger: released });
  assert.deepEqual([kind, init.origin, addon.origin], ['local', 'ledger', 'local']);
  await assert.rejects(openToolchain({ ...base, folders, ledger: released, release: true }), {
    name: 'PolicyError',
    code: 'RUNTIME_LOCAL',
    message: `a release takes parts of the ledger only, got ${addon.path}`,
  });
});

test('takes the enclave program of the profile, and no part of another machine for known', async (t) => {
  const { folder, all, released } = scene(t);
  const folders = [folder('packed', all('released'))];
  const { enclave } = await openToolchain({ ...base, profile: 'development', folders, ledger: released });
  assert.equal(enclave.name, 'enclave-development');
  assert.match(enclave.path, /caisson-enclave-development\.mjs$/);
  const other = await openToolchain({ ...base, architecture: 'aarch64', folders, ledger: released });
  assert.deepEqual([other.init.origin, other.enclave.origin], ['local', 'ledger']);
});

test('names a part that is missing and where it was looked for', async (t) => {
  const { folder, all, released } = scene(t);
  const { init, ...rest } = all('released');
  const folders = [folder('packed', rest)];
  assert.ok(init !== undefined);
  await assert.rejects(openToolchain({ ...base, folders, ledger: released }), {
    code: 'RUNTIME_PART',
    message: `no caisson-init for x86_64 in ${folders[0]}`,
    hint: /npm run build/,
  });
});

test('takes no part that is compiled for another machine, and says how to make one for it', async (t) => {
  const { folder, all, released } = scene(t);
  const elf = (machine: number): string => {
    const head = Buffer.alloc(64);
    head.write('\x7fELF', 'latin1');
    head.writeUInt16LE(machine, 18);
    return head.toString('latin1');
  };
  const own = folder('arm64', { init: elf(183), launcher: elf(183) });
  const dist = folder('dist', { ...all('x'), addon: elf(62) });
  const request = { profile: 'production', ledger: released } as const;
  const here = await openToolchain({ ...request, architecture: 'x86_64', folders: [dist] });
  assert.equal(here.addon.path, join(dist, 'caisson.node'));
  const [foreign, machine] = process.arch === 'arm64' ? (['x86_64', 'x64'] as const) : (['aarch64', 'arm64'] as const);
  const folders = foreign === 'aarch64' ? [own, dist] : [folder('none', {}), own];
  await assert.rejects(openToolchain({ ...request, architecture: foreign, folders }), {
    code: 'RUNTIME_PART',
    message: foreign === 'aarch64' ? /^no caisson\.node for aarch64 in / : /^no caisson-init for x86_64 in /,
    hint: new RegExp(`CC=${foreign}-linux-gnu-gcc node scripts/addon\\.ts --arch ${machine}$`),
  });
});

test('looks beside a packed program first, and in a tree where a tree compiles', (t) => {
  const { folder, all } = scene(t);
  const lib = folder('lib', all('x'));
  assert.deepEqual(partFolders('x86_64', lib), [join(lib, 'linux-x64'), lib]);
  const [build, dist] = partFolders('aarch64');
  assert.match(build!, /\/packages\/sys\/build\/linux-arm64$/);
  assert.match(dist!, /\/dist$/);
});

test('the checked-in ledgers are whole, and name the Node that this tree pins, by the digest of its lock file', () => {
  assert.ok(readPartLedger().v === 1);
  const read = (file: string) => JSON.parse(readFileSync(join(import.meta.dirname, '../../../..', file), 'utf8'));
  const pinned = read('package.json').optionalDependencies as Record<string, string>;
  const lock = read('package-lock.json').packages as Record<string, { integrity: string }>;
  for (const architecture of ['x86_64', 'aarch64'] as const) {
    const { name, node, debian } = readArchiveLedger(architecture);
    assert.equal(name, `runtime-node-${node.version}-${architecture}.tar`);
    assert.equal(pinned[node.name], node.version);
    assert.equal(lock[`node_modules/${node.name}`]?.integrity, node.integrity);
    const paths = [...node.files, ...debian.flatMap(({ files }) => files)].map(({ to }) => to);
    assert.equal(new Set(paths).size, paths.length);
    assert.ok(paths.includes('busybox') && paths.includes('runtime/bin/node'));
  }
});

test('refuses a ledger with a field more, a field less or a digest of another length, naming the place', () => {
  const sound = readLedger('runtime.json') as Record<string, unknown>;
  const refuses = (value: unknown, place: RegExp): void =>
    assert.throws(() => parseArchiveLedger(value, 'x86_64'), {
      name: 'ParseError',
      code: 'RUNTIME_LEDGER',
      message: place,
    });
  refuses({ ...sound, more: 1 }, /runtime ledger: it does not fit/);
  refuses({ ...sound, snapshot: undefined }, /snapshot does not fit/);
  const changed = structuredClone(sound) as { archives: { x86_64: { sha384: string } } };
  changed.archives.x86_64.sha384 = 'ab';
  refuses(changed, /archives\.x86_64\.sha384 does not fit/);
  assert.throws(() => parsePartLedger({ v: 1, version: null, parts: [{ name: 'shell' }] }), { code: 'RUNTIME_LEDGER' });
});

test('takes every usual spelling of the two machines and no other', () => {
  assert.deepEqual(['x64', 'amd64', 'arm64', 'aarch64'].map(parseArchitecture), [
    'x86_64',
    'x86_64',
    'aarch64',
    'aarch64',
  ]);
  for (const text of ['', 'riscv64', 'constructor', '__proto__']) {
    assert.throws(() => parseArchitecture(text), { code: 'RUNTIME_ARCHITECTURE' });
  }
});
