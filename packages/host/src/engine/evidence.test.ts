// What is shown of an enclave that did not come up is of this start, and of no earlier one.
import { deepEqual } from 'node:assert/strict';
import { mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fakeState } from '@caisson/testkit/fake';
import { writeLastWords } from '../ready/index.ts';
import { openEnclaveFolder } from '../record/index.ts';
import { collectEvidence } from './evidence.ts';

test('of one that failed before it booted, the end and the console of the boot before are not shown', async (context) => {
  const state = mkdtempSync(join(tmpdir(), 'caisson-evidence-'));
  context.after(() => rmSync(state, { recursive: true }));
  const { console } = await openEnclaveFolder(state, 'web');
  writeFileSync(console, 'a line\n');
  const end = { at: '2026-11-21T10:00:00.000Z', exit: 0, byHost: false, text: 'ended with 0' };
  const started = (startedAt: string) => fakeState('web', { phase: 'failed', bootId: null, startedAt, end });
  const shown = async (startedAt: string): Promise<readonly string[]> => {
    const found = await collectEvidence(state, 'web', started(startedAt), [], false);
    return found.map(({ what }) => what);
  };
  utimesSync(console, new Date(end.at), new Date(end.at));
  deepEqual(await shown('2026-11-21T09:59:00.000Z'), ['its end', 'the last lines of its console']);
  deepEqual(await shown('2026-11-21T10:00:01.000Z'), []);
});

test('what steers a terminal is taken out of a console line, also where the line is JSON that has it escaped', async (context) => {
  const state = mkdtempSync(join(tmpdir(), 'caisson-evidence-'));
  context.after(() => rmSync(state, { recursive: true }));
  const { console } = await openEnclaveFolder(state, 'web');
  const line = { time: '2026-11-21T10:00:00.000Z', level: 'info', code: 'X', message: 'a\u001b]0;title\u0007b' };
  writeFileSync(console, `${JSON.stringify(line)}\n\u001b[2Jplain\n`);
  const [found] = await collectEvidence(state, 'web', fakeState('web', { phase: 'exited' }), [], false);
  deepEqual(found?.lines, ['10:00:00.000 X a]0;titleb', '[2Jplain']);
});

test('last words are those of this boot, or of the one before it that its shim started again after', async (context) => {
  const state = mkdtempSync(join(tmpdir(), 'caisson-evidence-'));
  context.after(() => rmSync(state, { recursive: true }));
  const { lastWords } = await openEnclaveFolder(state, 'web');
  const bootId = 'a'.repeat(32);
  await writeLastWords(lastWords, {
    ...{ cid: 16, bootId, profile: 'development', phase: 'failed', final: null, seenAt: '2026-11-21T10:00:00.000Z' },
    words: [{ service: 'app', lines: ['boom'] }],
  });
  const shown = async (boot: string, restarts: number): Promise<readonly string[]> => {
    const found = await collectEvidence(state, 'web', fakeState('web', { bootId: boot, restarts }), [], false);
    return found.map(({ what }) => what);
  };
  deepEqual(await shown(bootId, 0), ['last words of app']);
  deepEqual(await shown('b'.repeat(32), 0), []);
  deepEqual(await shown('b'.repeat(32), 1), ['last words of app, before it was started again']);
});
