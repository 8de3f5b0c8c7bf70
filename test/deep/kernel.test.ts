// Real kernels: built more than once under changed surroundings and compared. Minutes each; needs a compiler and Debian's source.
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { CaissonError } from '@caisson/core/errors';
import { buildKernel, type KernelManifest } from '@caisson/host/kernel';
import { laneFigure } from '@caisson/testkit/contract';

const folder = mkdtempSync(join(tmpdir(), 'caisson-kernels-'));
after(() => rmSync(folder, { recursive: true, force: true }));
const rounds = laneFigure('C-KRN-1');
const absent = ['KERNEL_TOOL', 'RUNTIME_FETCH', 'RUNTIME_TOOL'];

test('a kernel built in another folder, umask, time zone and number of jobs has the same bytes', {
  skip: rounds < 2 && 'deep lane only',
}, async (t) => {
  const { TZ: zone } = process.env;
  const mask = process.umask();
  t.after(() => {
    process.umask(mask);
    if (zone === undefined) delete process.env['TZ'];
    else process.env['TZ'] = zone;
  });
  const manifests: KernelManifest[] = [];
  for (let round = 0; round < rounds; round += 1) {
    process.umask(round % 2 === 0 ? 0o022 : 0o077);
    process.env['TZ'] = round % 2 === 0 ? 'UTC' : 'Asia/Tokyo';
    const at = join(folder, 'deeper/'.repeat(round), `k${round}`);
    mkdirSync(join(at, '..'), { recursive: true });
    try {
      manifests.push(await buildKernel(at, { profile: 'minimal', jobs: 2 + round }));
    } catch (error) {
      if (!(error instanceof CaissonError) || !absent.includes(error.code)) throw error;
      return t.skip(`no kernel can be built here: ${error.message}`);
    }
    assert.deepEqual(JSON.parse(readFileSync(join(at, 'manifest.json'), 'utf8')), manifests[0], `round ${round}`);
  }
});
