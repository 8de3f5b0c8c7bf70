// Files of a build appear together: of two builds into one place, on a full disk, or none at all.
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { publishFiles } from './publish.ts';

let folder: string;
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'caisson-publish-'));
});
after(() => rmSync(folder, { recursive: true }));

test('of builds into one place at once, all files are those of one of them', async () => {
  const paths = ['a.eif', 'a.eif.json', 'a.eif.cdx.json'].map((name) => join(folder, name));
  for (let round = 0; round < 10; round += 1) {
    const publish = (mark: string): Promise<void> =>
      publishFiles(async (openOutput) => {
        for (const path of paths) await (await openOutput(path)).writeFile(mark);
      });
    await Promise.all(['one', 'two', 'three', 'four'].map((mark) => publish(`${round} ${mark}`)));
    assert.equal(new Set(paths.map((path) => readFileSync(path, 'utf8'))).size, 1);
  }
  assert.deepEqual(readdirSync(folder).sort(), ['a.eif', 'a.eif.cdx.json', 'a.eif.json']);
});

test('a full disk is named with the file, and leaves what was there', async () => {
  const path = join(folder, 'b.eif');
  writeFileSync(path, 'before');
  const full = Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
  const failed = publishFiles(async (openOutput) => {
    await (await openOutput(path)).writeFile('half');
    throw full;
  });
  await assert.rejects(failed, {
    code: 'BUILD_OUTPUT',
    message: `cannot write ${path}: ENOSPC`,
    hint: /where there is room/,
  });
  assert.equal(readFileSync(path, 'utf8'), 'before');
  assert.ok(!readdirSync(folder).some((name) => name.startsWith('.caisson')));
});
