// What a person names is read within a bound, whatever kind of file it turns out to be.
import { deepEqual, ok, rejects } from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { readWithin } from './index.ts';

test('a file is read whole up to its bound, and nothing that is no file is read at all', async (context) => {
  const folder = mkdtempSync(join(tmpdir(), 'caisson-read-'));
  context.after(() => rmSync(folder, { recursive: true }));
  const at = (name: string): string => join(folder, name);
  const bytes = Buffer.alloc(200_000, 'abc');
  writeFileSync(at('file'), bytes);
  writeFileSync(at('empty'), '');
  execFileSync('mkfifo', [at('pipe')]);
  deepEqual(await readWithin(at('file'), 200_000), bytes);
  deepEqual(await readWithin(at('empty'), 1), Buffer.alloc(0));
  deepEqual(await readWithin(at('file'), 199_999), { isFile: true, size: 200_000 });
  // It has no size that could be asked, and no end; a file of /proc has no size either, and an end.
  deepEqual(await readWithin('/dev/zero', 10), { isFile: false, size: 0 });
  deepEqual(await readWithin('/proc/self/status', 10), { isFile: true, size: 11 });
  deepEqual(await readWithin(at('pipe'), 10), { isFile: false, size: 0 });
  const unread = await readWithin(folder, 10);
  ok(!(unread instanceof Uint8Array) && !unread.isFile);
  await rejects(readWithin(at('nobody'), 10), { code: 'ENOENT' });
});
