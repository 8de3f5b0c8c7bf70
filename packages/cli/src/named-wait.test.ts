// `caisson wait NAME`: what a shim has heard is what is waited for.
import { deepEqual, equal, match, rejects } from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type LastWords, writeLastWords } from '@caisson/host/ready';
import { type EnclaveRecord, enclaveFolder } from '@caisson/host/record';
import { assertFitsSchema } from '@caisson/testkit/contract';
import { createFakeEnclaveHost, fakeRecord } from '@caisson/testkit/fake';
import { namedFacts, namedHint, namedLines, waitByName } from './named-wait.ts';

function host(context: TestContext, record: EnclaveRecord) {
  const state = mkdtempSync(join(tmpdir(), 'caisson-'));
  context.after(() => rmSync(state, { recursive: true }));
  const records = new Map([['web', record]]);
  const stop = new AbortController();
  const wait = (deadlineMs = 5_000) =>
    waitByName(createFakeEnclaveHost(state, records), 'web', { deadlineMs, stop: stop.signal });
  return { state, records, stop, wait };
}

test('resolves once the enclave is ready, not while it only runs', async (context) => {
  const { records, wait } = host(context, fakeRecord('web', {}, { phase: 'services' }));
  let looks = 0;
  const get = records.get.bind(records);
  records.get = (name) => {
    looks += 1;
    return looks < 3 ? get(name) : fakeRecord('web');
  };
  const waited = await wait();
  equal(looks, 3);
  equal(waited.ready, true);
  match(namedLines(waited).join('\n'), /^READY {6}enclave web after \d+ms\nboot +b{32}\nphase +ready$/);
  assertFitsSchema(namedFacts(waited), 'wait');
});

test('says of an image without a ready line that ready means its heartbeat', async (context) => {
  const { wait } = host(context, fakeRecord('web', { hasReadyLine: false }));
  match(namedLines(await wait()).join('\n'), /^note +its image has no ready line: ready means its heartbeat$/m);
});

test('ends at once when the enclave has ended, with why, its last words of this boot and what to try', async (context) => {
  const failure = { code: 'BACKEND_BOOT', message: 'it died \u001b[31m', hint: 'give it memory' };
  const end = { at: '2026-11-21T10:00:00.000Z', exit: 7, byHost: false, text: 'ended with 7' };
  const reasons = ['service-failed app exit 7', 'config-missing', 'service-failed db signal 9'];
  const { state, wait } = host(context, fakeRecord('web', {}, { phase: 'failed', failure, end, reasons }));
  const folder = enclaveFolder(state, 'web');
  mkdirSync(folder.path, { recursive: true });
  const words: Omit<LastWords, 'bootId'> = {
    cid: 16,
    profile: 'development',
    phase: 'failed',
    final: null,
    seenAt: '2026-11-21T10:00:07.000Z',
    words: [{ service: 'app', lines: ['no database'] }],
  };
  await writeLastWords(folder.lastWords, { ...words, bootId: 'b'.repeat(32) });
  const waited = await wait();
  equal(waited.ready, false);
  const text = namedLines(waited).join('\n');
  match(text, /^NOT READY +enclave web after /);
  match(text, /^failure +it died \\u001b\[31m\nend +ended with 7\n\nlast words of app\n {2}no database$/m);
  equal(namedHint(waited), 'give it memory');
  const facts = namedFacts(waited) as { reasons: unknown };
  assertFitsSchema(facts, 'wait');
  deepEqual(facts.reasons, [
    { code: 'service-failed', service: 'app', exit: 7 },
    { code: 'config-missing' },
    { code: 'service-failed', service: 'db', signal: 9 },
  ]);
  await writeLastWords(folder.lastWords, { ...words, bootId: 'c'.repeat(32) });
  deepEqual((await wait()).lastWords, []);
});

test('gives up in time with the phase, and ends with the reason of a signal', async (context) => {
  const { wait, stop } = host(context, fakeRecord('web', {}, { phase: 'config', reasons: [] }));
  const waited = await wait(50);
  deepEqual([waited.ready, waited.record.state?.phase], [false, 'config']);
  assertFitsSchema(namedFacts(waited), 'wait');
  const waiting = wait();
  stop.abort('SIGTERM');
  await rejects(waiting, (reason) => reason === 'SIGTERM');
});

test('an enclave that was never started is not ready, and an unknown one is an error', async (context) => {
  const { wait, records } = host(context, fakeRecord('web', {}, null));
  const waited = await wait(20);
  match(namedLines(waited).join('\n'), /phase +it was never started/);
  assertFitsSchema(namedFacts(waited), 'wait');
  records.clear();
  await rejects(wait(), { code: 'RECORD_UNKNOWN' });
});
