// What a simulated enclave leaves whose starter was killed: no process, but sockets under its CID.
import { deepEqual, equal } from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { hostPort } from '@caisson/core/address';
import { openRunFolder } from '../backend/index.ts';
import { createSimBackend } from './index.ts';

test('what is left of a simulated enclave whose starter was killed goes when it is asked for, and nothing of another', async (context) => {
  const state = mkdtempSync(join(tmpdir(), 'caisson-lost-'));
  context.after(() => rmSync(state, { recursive: true }));
  const { path, fabric } = await openRunFolder(state);
  for (const cid of [40, 41]) {
    mkdirSync(join(fabric, String(cid)));
    for (const file of [
      join(fabric, `${cid}/5000`),
      join(fabric, '3', `${hostPort(cid, 0)}`),
      join(path, `${cid}.nsm`),
    ])
      writeFileSync(file, '');
  }
  const taken = [{ cid: 40, name: 'web', pid: process.pid, start: '1' }];
  writeFileSync(join(state, 'cids'), JSON.stringify({ v: 1, next: 42, taken }));
  equal(await createSimBackend({ state }).endLeft?.('web'), 0);
  deepEqual(
    [readdirSync(fabric).sort(), readdirSync(join(fabric, '3')), readdirSync(path).sort()],
    [['3', '41'], [`${hostPort(41, 0)}`], ['41.nsm', 'fabric']],
  );
});
