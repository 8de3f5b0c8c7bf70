// The hosts file on disk: whole or not at all, 0644 whatever the umask, nothing left behind.
import assert from 'node:assert/strict';
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { writeHostsBlock } from './index.ts';

const entries = [{ address: '127.0.0.64', host: 'sui.io' }];
const block = '# argonaut begin\n127.0.0.64   sui.io\n# argonaut end\n';

function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'caisson-'));
  t.after(() => rmSync(path, { recursive: true }));
  return path;
}

test('makes a file that does not exist, readable by everybody under any umask', async (t) => {
  const path = join(folder(t), 'hosts');
  const umask = process.umask(0o077);
  t.after(() => process.umask(umask));
  assert.equal(await writeHostsBlock(path, entries), true);
  assert.equal(readFileSync(path, 'utf8'), `127.0.0.1   localhost\n\n${block}`);
  assert.equal(statSync(path).mode & 0o7777, 0o644);
});

test('replaces the file instead of writing into it, and leaves no other file behind', async (t) => {
  const directory = folder(t);
  const path = join(directory, 'hosts');
  writeFileSync(path, 'a\n', { mode: 0o600 });
  const before = statSync(path).ino;
  assert.equal(await writeHostsBlock(path, entries), true);
  assert.notEqual(statSync(path).ino, before);
  assert.equal(statSync(path).mode & 0o7777, 0o644);
  assert.deepEqual(readdirSync(directory), ['hosts']);
});

test('does not touch a file that is right already, and mends one whose mode is not', async (t) => {
  const path = join(folder(t), 'hosts');
  await writeHostsBlock(path, entries);
  const { ino } = statSync(path);
  assert.equal(await writeHostsBlock(path, entries), false);
  assert.equal(statSync(path).ino, ino);
  chmodSync(path, 0o600);
  assert.equal(await writeHostsBlock(path, entries), true);
  assert.equal(statSync(path).mode & 0o7777, 0o644);
});

test('keeps bytes that are no UTF-8', async (t) => {
  const path = join(folder(t), 'hosts');
  const odd = Buffer.from([0x31, 0x20, 0xff, 0xfe, 0xc0, 0xaf, 0x0a]);
  writeFileSync(path, odd);
  await writeHostsBlock(path, entries);
  assert.deepEqual(readFileSync(path), Buffer.concat([odd, Buffer.from(`\n${block}`)]));
});

test('replaces a link by a file and leaves its target alone', async (t) => {
  const directory = folder(t);
  const [target, path] = [join(directory, 'target'), join(directory, 'hosts')];
  writeFileSync(target, 'a\n');
  symlinkSync(target, path);
  await writeHostsBlock(path, entries);
  assert.equal(readFileSync(target, 'utf8'), 'a\n');
  assert.equal(readFileSync(path, 'utf8'), `a\n\n${block}`);
});

test('names a place it cannot write or read, and leaves nothing behind', async (t) => {
  const directory = folder(t);
  const path = join(directory, 'hosts');
  mkdirSync(path);
  await assert.rejects(writeHostsBlock(path, entries), {
    code: 'ARGONAUT_INPUT',
    message: `cannot read hosts file ${path}: EISDIR`,
  });
  const missing = join(directory, 'none', 'hosts');
  await assert.rejects(writeHostsBlock(missing, entries), {
    code: 'EGRESS_HOSTS_FILE',
    message: `could not write ${missing}: ENOENT`,
  });
  assert.deepEqual(readdirSync(directory), ['hosts']);
});

test('refuses a hosts file of more than 1 MiB and leaves it as it is', async (t) => {
  const path = join(folder(t), 'hosts');
  writeFileSync(path, '#'.repeat((1 << 20) + 1));
  await assert.rejects(writeHostsBlock(path, entries), { code: 'ARGONAUT_INPUT_SIZE' });
  assert.equal(statSync(path).size, (1 << 20) + 1);
});
