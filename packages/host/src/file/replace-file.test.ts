// A file is the old one or the new one, whatever happens while it is written.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
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
import { afterEach, beforeEach, test } from 'node:test';
import { replaceFile, sweepTemporaries, temporaryBeside } from './index.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'caisson-file-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

test('puts the new bytes in the place of the old ones, with the mode that was asked whatever the umask', async () => {
  const path = join(folder, 'state.json');
  writeFileSync(path, 'old');
  const umask = process.umask(0o077);
  try {
    await replaceFile(path, (file) => file.writeFile('new'), { mode: 0o640 });
  } finally {
    process.umask(umask);
  }
  assert.equal(readFileSync(path, 'utf8'), 'new');
  assert.equal(statSync(path).mode & 0o7777, 0o640);
  assert.deepEqual(readdirSync(folder), ['state.json']);
});

test('keeps the old bytes and leaves nothing else when writing fails', async () => {
  const path = join(folder, 'state.json');
  writeFileSync(path, 'old');
  const failed = replaceFile(path, async (file) => {
    await file.writeFile('half');
    throw new Error('disk full');
  });
  await assert.rejects(failed, /disk full/);
  assert.equal(readFileSync(path, 'utf8'), 'old');
  assert.deepEqual(readdirSync(folder), ['state.json']);
});

test('shows nobody the new file before it is whole', async () => {
  const path = join(folder, 'state.json');
  await replaceFile(path, async (file) => {
    await file.writeFile('half');
    assert.ok(!readdirSync(folder).includes('state.json'));
  });
});

test('replaces a link itself, never what it points to', async () => {
  writeFileSync(join(folder, 'elsewhere'), 'kept');
  symlinkSync('elsewhere', join(folder, 'link'));
  await replaceFile(join(folder, 'link'), (file) => file.writeFile('new'));
  assert.equal(readFileSync(join(folder, 'elsewhere'), 'utf8'), 'kept');
});

test('sweeps what dead processes left behind, folders too, and leaves the living ones alone', async () => {
  const { pid } = spawnSync('true');
  mkdirSync(join(folder, `.caisson-${pid}-0123456789abcdef`));
  writeFileSync(join(folder, `.caisson-${pid}-fedcba9876543210`), '');
  const mine = temporaryBeside(join(folder, 'x'));
  writeFileSync(mine, '');
  writeFileSync(join(folder, '.caisson-notes'), '');
  await sweepTemporaries(folder);
  assert.deepEqual(readdirSync(folder).sort(), [mine.slice(folder.length + 1), '.caisson-notes'].sort());
});
