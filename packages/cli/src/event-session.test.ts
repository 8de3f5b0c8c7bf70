// `caisson events` over shims of the test's own: what was kept and what comes, once each and in order.
import { deepEqual, equal, match } from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { PassThrough } from 'node:stream';
import { type TestContext, test } from 'node:test';
import { enclaveFolder } from '@caisson/host/record';
import type { ShimEvent } from '@caisson/host/shim';
import { assertFitsSchema } from '@caisson/testkit/contract';
import { createFakeEnclaveHost, createFakeShim, type FakeShim, fakeRecord, fakeState } from '@caisson/testkit/fake';
import { type EventOptions, showEvents } from './event-session.ts';

function event(enclave: string, seq: number, message = 'phase is ready', more: Partial<ShimEvent> = {}): ShimEvent {
  const time = new Date(Date.UTC(2026, 10, 21, 10, 0, seq)).toISOString();
  return { time, level: 'info', code: 'SHIM_PHASE', message, enclave, fields: { seq }, ...more };
}

function host(context: TestContext, names: readonly string[]) {
  const state = mkdtempSync(join(tmpdir(), 'caisson-'));
  context.after(() => rmSync(state, { recursive: true }));
  const records = new Map(names.map((name) => [name, fakeRecord(name)]));
  const shims = new Map<string, FakeShim>();
  const keep = (enclave: string, text: string): void => {
    const path = enclaveFolder(state, enclave).events;
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  };
  const stop = new AbortController();
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const lines: string[] = [];
  stdout.setEncoding('utf8').on('data', (text: string) => lines.push(...text.trimEnd().split('\n')));
  /** Resolves once `count` lines are there. */
  const seen = async (count: number): Promise<void> => {
    while (lines.length < count) await new Promise((resolve) => stdout.once('data', resolve));
  };
  const source = createFakeEnclaveHost(state, records, shims);
  const show = (options: Partial<EventOptions> = {}): Promise<number> =>
    showEvents(
      source,
      { stdout, stderr, stop: stop.signal },
      { names: [], follow: false, json: false, sinceMs: 0, lookMs: 5, ...options },
    );
  return { records, shims, keep, stop, lines, seen, show, err: () => String(stderr.read() ?? '') };
}

const text = (...events: readonly ShimEvent[]): string => events.map((one) => `${JSON.stringify(one)}\n`).join('');

test('merges what was kept of several enclaves by its time, and leaves out what is no event', async (context) => {
  const { keep, lines, show } = host(context, ['web', 'db']);
  keep('web', `${text(event('web', 1), event('web', 4, 'bad \u001b[2J', { level: 'error' }))}{"time":"cut`);
  keep('db', `nothing\n{"time":7}\n[]\n${text(event('db', 2))}`);
  equal(await show(), 0);
  deepEqual(lines, [
    '2026-11-21 10:00:01 web | SHIM_PHASE phase is ready',
    '2026-11-21 10:00:02 db  | SHIM_PHASE phase is ready',
    '2026-11-21 10:00:04 web | ERROR SHIM_PHASE bad \\u001b[2J',
  ]);
});

test('where nothing happened people are told so, and a script has an empty document', async (context) => {
  const { lines, show, err } = host(context, ['web']);
  equal(await show(), 0);
  match(err(), /^no events; caisson up/);
  await show({ json: true });
  deepEqual([lines, err()], [['{"v":1,"events":[]}'], '']);
});

test('of named enclaves alone, since a moment, as one document of its schema', async (context) => {
  const { keep, lines, show } = host(context, ['web', 'db']);
  keep('web', text(event('web', 1), event('web', 3)));
  keep('db', text(event('db', 2)));
  await show({ names: ['web'], json: true, sinceMs: Date.parse(event('web', 2).time) });
  const document = JSON.parse(lines.join('')) as { events: { time: string }[] };
  assertFitsSchema(document, 'events');
  deepEqual(
    document.events.map(({ time }) => time),
    [event('web', 3).time],
  );
});

test('with -f an event that was kept and is in the ring is shown once, what comes is shown, and a signal ends it', async (context) => {
  const { keep, shims, stop, lines, seen, show } = host(context, ['web']);
  const shim = createFakeShim(fakeState('web'), [event('web', 1), event('web', 2)]);
  shims.set('web', shim);
  keep('web', text(event('web', 1)));
  const ended = show({ follow: true });
  await seen(2);
  shim.say(event('web', 3, 'refused', { fields: { seq: 3, from: '127.0.0.1:5', count: 2 } }));
  await seen(3);
  match(lines[2] ?? '', /refused from=127\.0\.0\.1:5 count=2$/);
  stop.abort('SIGINT');
  equal(await ended, 130);
  equal(lines.length, 3);
});

test('with -f an enclave that starts later is heard, and so is the next shim of one that ended', async (context) => {
  const { records, shims, stop, seen, show, lines } = host(context, []);
  const ended = show({ follow: true, json: true });
  const first = createFakeShim(fakeState('web'), [event('web', 1)]);
  shims.set('web', first);
  records.set('web', fakeRecord('web'));
  await seen(1);
  shims.set('web', createFakeShim(fakeState('web'), [event('web', 1, 'again', { time: '2026-11-21T11:00:00.000Z' })]));
  first.end();
  await seen(2);
  stop.abort('SIGTERM');
  equal(await ended, 143);
  for (const line of lines) assertFitsSchema(JSON.parse(line), 'events');
  match(lines[1] ?? '', /again/);
});
