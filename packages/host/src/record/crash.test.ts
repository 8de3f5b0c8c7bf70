// After a power loss the folder opens, with what was synced last: of a file that was being replaced the old one or the new one, beside it torn pieces
// of what never got its name, and locks of processes that are no more.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { laneFigure } from '@caisson/testkit/contract';
import { fakeSpec, fakeState } from '@caisson/testkit/fake';
import fc from 'fast-check';
import { claimCid } from '../backend/index.ts';
import { withLock } from '../file/index.ts';
import { enclaveFolder, listRecords, openEnclaveFolder, readState, writeSpec, writeState } from './index.ts';

let state = '';
beforeEach(() => {
  state = mkdtempSync(join(tmpdir(), 'caisson-crash-'));
});
afterEach(() => rmSync(state, { recursive: true, force: true }));

const sectorBytes = 512;
const goneShim = { pid: 999_999_999, start: '1', protocol: 1, version: '0.1.0' };

/** As a disk has it that took some of the sectors: `kept` says which, the others are zeros, and the end may be missing. */
function torn(text: string, kept: readonly boolean[]): Buffer {
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; at += sectorBytes)
    if (kept[at / sectorBytes] !== true) bytes.fill(0, at, Math.min(bytes.length, at + sectorBytes));
  return bytes.subarray(0, Math.min(bytes.length, kept.length * sectorBytes));
}

test('R-G3 after a power loss at any step of a change the folder opens with what was synced last, and goes on', async () => {
  const { pid } = spawnSync('true');
  const figure = laneFigure('R-G3');
  const change = fc.record({
    isSpecNew: fc.boolean(),
    isStateNew: fc.boolean(),
    kept: fc.array(fc.boolean(), { maxLength: 8 }),
    random: fc.stringMatching(/^[0-9a-f]{16}$/),
    hasLock: fc.boolean(),
  });
  await fc.assert(
    fc.asyncProperty(change, async ({ isSpecNew, isStateNew, kept, random, hasLock }) => {
      const memoryMiB = isSpecNew ? 768 : 512;
      const phase = isStateNew ? 'ready' : 'exited';
      await writeSpec(state, fakeSpec('web', { memoryMiB }));
      await writeState(state, fakeState('web', { phase, shim: goneShim }));
      const folder = enclaveFolder(state, 'web');
      const text = `${JSON.stringify(fakeState('web'), null, 1)}\n`;
      const folders = [state, dirname(folder.path), folder.path];
      for (const path of folders) writeFileSync(join(path, `.caisson-${pid}-${random}`), torn(text, kept));
      // Locks are not synced, since they mean nothing after a boot: any of their bytes may be there.
      if (hasLock) {
        for (const path of [folder.shimPid, folder.start, join(state, 'cids.lock')])
          writeFileSync(path, torn(`${pid} 1 aa\n`, kept));
      }
      const [record] = await listRecords(state);
      assert.equal(record?.fault, undefined);
      assert.equal(record?.spec?.memoryMiB, memoryMiB);
      assert.equal((await readState(state, 'web'))?.phase, isStateNew ? 'lost' : 'exited');
      await openEnclaveFolder(state, 'web');
      assert.deepEqual(
        readdirSync(dirname(folder.spec)).filter((name) => name.startsWith('.caisson-')),
        [],
      );
      assert.equal(await withLock(folder.shimPid, async () => 'in', { timeoutMs: 0 }), 'in');
      const claimed = await claimCid(state, { name: 'web' });
      await claimed.release();
      await writeSpec(state, fakeSpec('web', { memoryMiB: 512 }));
    }),
    { seed: 8, numRuns: figure },
  );
});

test('T-G1 hostile names are refused before they become a path, hostile records as one typed fault', async () => {
  const figure = laneFigure('T-G1');
  const hostile = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 80 }),
    fc.constantFrom(
      '..',
      '../web',
      'web/../../x',
      'web\0',
      'Web',
      '-web',
      'web ',
      ' web',
      'wéb',
      '/etc',
      'a'.repeat(64),
    ),
    fc.string({ maxLength: 20 }).map((text) => `web${text}/`),
  );
  fc.assert(
    fc.property(hostile, (name) => {
      if (/^[a-z][a-z0-9-]{0,62}$/.test(name)) return;
      assert.throws(() => enclaveFolder(state, name), { code: 'RECORD_NAME' });
    }),
    { seed: 8, numRuns: figure },
  );
  await writeSpec(state, fakeSpec('web'));
  const { spec } = enclaveFolder(state, 'web');
  const value = fc.oneof(hostile, fc.anything(), fc.constant(`${'../'.repeat(9)}etc/passwd`));
  const key = fc.constantFrom(...Object.keys(fakeSpec('web')), '__proto__', 'constructor');
  await fc.assert(
    fc.asyncProperty(key, value, async (name, other) => {
      const text = JSON.stringify({
        ...fakeSpec('web'),
        ...JSON.parse(`{${JSON.stringify(name)}:null}`),
        [name]: other,
      });
      writeFileSync(spec, text);
      const [record] = await listRecords(state);
      if (record?.fault !== undefined) assert.equal(record.fault.code, 'RECORD_FORM');
      else assert.ok(record?.spec?.image.startsWith('/'));
    }),
    { seed: 8, numRuns: figure },
  );
});
