// The launchers must work before anything is built and under a Node that is too old for the program.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import {
  closeSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { test } from 'node:test';

const root = join(import.meta.dirname, '../..');
const bin = join(root, 'packages/cli/bin');
const built = existsSync(join(root, 'packages/cli/dist/main/caisson.js'));
const oldNode = findOldNode();

test('a launcher says in one line what to run when nothing is built', () => {
  const folder = mkdtempSync(join(tmpdir(), 'caisson-launcher-'));
  try {
    cpSync(bin, join(folder, 'bin'), { recursive: true });
    const { status, stdout, stderr } = spawnSync(process.execPath, [join(folder, 'bin/argonaut.js'), 'nsm'], {
      encoding: 'utf8',
    });
    assert.equal(status, 1);
    assert.equal(stdout, '');
    assert.equal(stderr, 'argonaut: nothing is built yet; run: npm install && npm run build\n');
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('an installed launcher starts the program of its own package, and nothing that lies where a checkout would have it', (context) => {
  const folder = mkdtempSync(join(tmpdir(), 'caisson-launcher-'));
  context.after(() => rmSync(folder, { recursive: true }));
  const installed = join(folder, 'node_modules/caisson');
  cpSync(bin, join(installed, 'bin'), { recursive: true });
  for (const [path, name] of [
    [join(installed, 'dist/main/caisson.js'), 'its own'],
    [join(folder, 'dist/caisson/main.mjs'), 'of another project'],
  ] as const) {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, `export const main = (name) => console.log(name, '${name}');\n`);
  }
  writeFileSync(join(installed, 'package.json'), '{ "type": "module" }');
  const { stdout, stderr } = spawnSync(process.execPath, [join(installed, 'bin/rbuilds.js')], { encoding: 'utf8' });
  assert.equal(stdout, 'rbuilds its own\n', stderr);
});

test('in a checkout the bundled program is started, and says where an error came from in files of the sources', {
  skip: !existsSync(join(root, 'dist/caisson/main.mjs')) && 'not built',
}, () => {
  const env = { ...process.env, LOG_LEVEL: 'debug', CAISSON_STATE: join(tmpdir(), 'caisson-none') };
  const words = [join(bin, 'caisson.js'), 'logs', 'none'];
  const { status, stderr } = spawnSync(process.execPath, words, { encoding: 'utf8', env });
  assert.equal(status, 1, stderr);
  assert.match(stderr, /\/packages\/host\/src\/record\/[a-z-]+\.ts:\d+:\d+\)/);
  assert.doesNotMatch(stderr, /\.mjs:/);
});

test('a launcher passes the exit code and both streams of the program on, and what could not be written is told', {
  skip: !built && 'not built',
}, () => {
  const launch = (node: string, ...words: string[]) =>
    spawnSync(node, [join(bin, 'caisson.js'), ...words], { encoding: 'utf8' });
  for (const node of [process.execPath, ...(oldNode === undefined ? [] : [oldNode])]) {
    const version = launch(node, '--version');
    assert.match(version.stdout, /^\d+\.\d+\.\d+\n$/);
    assert.equal(version.status, 0);
    const wrong = launch(node, '--no-such-option');
    assert.equal(wrong.status, 64);
    assert.match(wrong.stderr, /unknown option '--no-such-option'/);
  }
  const full = openSync('/dev/full', 'w');
  const unsaid = spawnSync(process.execPath, [join(bin, 'caisson.js'), '--version'], {
    stdio: ['ignore', full, 'pipe'],
  });
  closeSync(full);
  assert.deepEqual([unsaid.status, String(unsaid.stderr)], [1, 'caisson: cannot write to standard output: ENOSPC\n']);
});

test('a launcher leaves --env-file to the program, whose fault a missing file is', {
  skip: !built && 'not built',
}, () => {
  const folder = mkdtempSync(join(tmpdir(), 'caisson-launcher-'));
  try {
    // As npm links it.
    const link = join(folder, 'caisson');
    symlinkSync(join(bin, 'caisson.js'), link);
    // An old one starts the pinned one: both must leave it alone.
    const env = { ...process.env, PATH: `${dirname(oldNode ?? process.execPath)}:/usr/bin:/bin` };
    const words = ['compose', 'check', '--env-file', join(folder, 'none')];
    const { status, stderr } = spawnSync(link, words, { encoding: 'utf8', env });
    assert.equal(status, 64, stderr);
    assert.match(stderr, /^caisson: --env-file \S+ must be a file of at most [0-9]+ bytes, got none\n/);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('under an old Node the program dies with its launcher, even when that is killed', {
  skip: (!built && 'not built') || (oldNode === undefined && 'no Node older than 22.18 on this machine'),
}, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'caisson-launcher-'));
  try {
    const socket = join(folder, 'nsm.sock');
    const child = spawn(oldNode!, [join(bin, 'caisson.js'), 'nsm', 'serve', '--socket', socket], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    // Both pipes end only when the last process that holds them has ended.
    const silent = Promise.all(
      [child.stdout, child.stderr].map((stream) => new Promise((end) => stream.on('close', end))),
    );
    await new Promise((resolve) => child.stdout.once('data', resolve));
    child.stderr.resume();
    child.kill('SIGKILL');
    await silent;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

function findOldNode(): string | undefined {
  const folders = (process.env['PATH'] ?? '').split(delimiter).filter((folder) => !folder.includes('node_modules'));
  return folders
    .map((folder) => join(folder, 'node'))
    .filter((file) => existsSync(file))
    .find((file) => {
      const [major = 0, minor = 0] = spawnSync(file, ['-p', 'process.versions.node'], { encoding: 'utf8' })
        .stdout.split('.')
        .map(Number);
      return major >= 18 && (major < 22 || (major === 22 && minor < 18));
    });
}
