// `caisson logs`: over a session, through a control channel of its own on the fabric; and without one, what a host kept.
import { deepEqual, doesNotMatch, equal, match, rejects } from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { type TestContext, test } from 'node:test';
import { withLock } from '@caisson/host/file';
import { writeLastWords } from '@caisson/host/ready';
import { type EnclavePhase, type EnclaveRecord, enclaveFolder } from '@caisson/host/record';
import type { ShimEvent } from '@caisson/host/shim';
import type { InitClient } from '@caisson/link/init';
import { assertFitsSchema } from '@caisson/testkit/contract';
import { createFakeEnclaveHost, createFakeShim, fakeRecord, fakeState } from '@caisson/testkit/fake';
import { UsageError } from './exit-code.ts';
import { type LogOptions, showLogs } from './log-session.ts';
import { overlap } from './service-lines.ts';
import { unsaid } from './unsaid.ts';

const at = (second: number): string => `[2026-11-21 10:00:${String(second).padStart(2, '0')}]`;

function event(second: number, message: string): ShimEvent {
  const time = `2026-11-21T10:00:${String(second).padStart(2, '0')}.500Z`;
  return { time, level: 'info', code: 'SHIM_PHASE', message, enclave: 'web', fields: { seq: second } };
}

/** A supervisor with services and their lines. */
function createFakeInit(logs: Record<string, string[]>) {
  const hears = new Map<string, (line: string) => void>();
  let breakOff: (error: Error) => void = () => {};
  const asked: unknown[] = [];
  const client: InitClient = {
    async call(method, params) {
      asked.push([method, params]);
      if (method === 'ListServices') return { services: Object.keys(logs).map((name) => ({ name })) };
      const { name, lines } = params as { name: string; lines: number };
      const kept = logs[name] ?? [];
      if (kept.length > 0 && lines > 5_000)
        throw Object.assign(new Error('too long'), { code: 'CHANNEL_MESSAGE_SIZE' });
      return { logs: kept.slice(-lines) };
    },
    follow(service, onLine, stop) {
      hears.set(service, (line) => onLine({ service, line }));
      return new Promise((resolve, reject) => {
        breakOff = reject;
        stop.addEventListener('abort', () => resolve(), { once: true });
      });
    },
    close: () => void asked.push('close'),
  };
  return {
    client,
    asked,
    say: (service: string, line: string) => hears.get(service)?.(line),
    breakOff: (error: Error) => breakOff(error),
  };
}

function host(context: TestContext, record: EnclaveRecord, logs: Record<string, string[]> = {}) {
  const state = mkdtempSync(join(tmpdir(), 'caisson-'));
  context.after(() => rmSync(state, { recursive: true }));
  const folder = enclaveFolder(state, 'web');
  mkdirSync(folder.log, { recursive: true });
  const records = new Map([['web', record]]);
  const shim = createFakeShim(fakeState('web'));
  const shims = new Map([['web', shim]]);
  const init = createFakeInit(logs);
  const stop = new AbortController();
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const lines: string[] = [];
  stdout.setEncoding('utf8').on('data', (text: string) => lines.push(...text.trimEnd().split('\n')));
  const seen = async (count: number): Promise<void> => {
    while (lines.length < count) await new Promise((resolve) => stdout.once('data', resolve));
  };
  const show = (options: Partial<LogOptions> = {}): Promise<number> =>
    showLogs(
      createFakeEnclaveHost(state, records, shims),
      'web',
      { stdout, stderr, stop: stop.signal },
      {
        follow: false,
        json: false,
        sinceMs: 0,
        tail: 200,
        service: undefined,
        hostOnly: false,
        lookMs: 5,
        // Too long to be the reason of anything; who means it says less.
        graceMs: 60_000,
        openSession: async () => init.client,
        ...options,
      },
    );
  const keep = (...events: readonly ShimEvent[]): void =>
    writeFileSync(folder.events, events.map((one) => `${JSON.stringify(one)}\n`).join(''));
  return { folder, records, shim, shims, init, stop, lines, seen, show, keep, err: () => String(stderr.read() ?? '') };
}

test('lines of services stand between the events of the host by their time, and steer no terminal', async (context) => {
  const { lines, show, keep, init, err } = host(context, fakeRecord('web'), {
    app: [`${at(2)} one`, `${at(4)} two \u001b[2J\u202e`],
    database: [`${at(3)} up`],
  });
  keep(event(1, 'booting'), event(5, 'ready'));
  equal(await show(), 0);
  deepEqual(lines, [
    '2026-11-21 10:00:01 caisson | SHIM_PHASE booting',
    '2026-11-21 10:00:02 app     | one',
    '2026-11-21 10:00:03 database | up',
    '2026-11-21 10:00:04 app      | two \\u001b[2J\\u202e',
    '2026-11-21 10:00:05 caisson  | SHIM_PHASE ready',
  ]);
  equal(err(), '');
  equal(init.asked.at(-1), 'close');
});

test('lines stand among others by their milliseconds where the supervisor tells them', async (context) => {
  const { lines, show, keep, init } = host(context, fakeRecord('web'), { app: [`${at(5)} one`, `${at(5)} two`] });
  keep(event(5, 'ready'));
  const call: InitClient['call'] = async (method, params) => {
    const answer = (await init.client.call(method, params)) as object;
    const base = Date.parse('2026-11-21T10:00:05Z');
    return method === 'ServiceLogs' ? { ...answer, times_ms: [base + 499, base + 501] } : answer;
  };
  await show({ openSession: async () => ({ ...init.client, call }) });
  deepEqual(
    lines.map((line) => line.split(' | ')[1]),
    ['one', 'SHIM_PHASE ready', 'two'],
  );
});

test('--service shows one, and no events; one that the enclave has not is refused with those that it has', async (context) => {
  const { lines, show, keep } = host(context, fakeRecord('web'), { app: [`${at(2)} one`], db: [`${at(3)} up`] });
  keep(event(1, 'booting'));
  await show({ service: 'db' });
  deepEqual(lines, ['2026-11-21 10:00:03 db | up']);
  await rejects(show({ service: 'x' }), {
    code: 'CLI_USAGE',
    message: 'enclave web has no service x',
    hint: 'it has app, db',
  });
});

test('--tail and --since bound what is shown, and more lines than an answer holds are asked for in fewer', async (context) => {
  const { lines, show, init } = host(context, fakeRecord('web'), { app: [1, 2, 3, 4].map((n) => `${at(n)} ${n}`) });
  await show({ tail: 2 });
  deepEqual(
    lines.map((line) => line.at(-1)),
    ['3', '4'],
  );
  lines.length = 0;
  await show({ sinceMs: Date.parse('2026-11-21T10:00:04Z') });
  deepEqual(
    lines.map((line) => line.at(-1)),
    ['4'],
  );
  await show({ tail: 10_000 });
  deepEqual(init.asked.slice(-3), [
    ['ServiceLogs', { name: 'app', lines: 10_000 }],
    ['ServiceLogs', { name: 'app', lines: 2_500 }],
    'close',
  ]);
});

test('logs.level of caisson.yaml leaves out what is less grave, of the host and of services, and --level stands over it', async (context) => {
  const said = (level: string): string =>
    JSON.stringify({ time: '2026-11-21T10:00:03.000Z', level, code: 'DB', message: level });
  const logs = { app: [`${at(2)} plain`], db: [`${at(3)} ${said('warn')}`, `${at(3)} ${said('debug')}`] };
  const { lines, show, keep, seen, init, stop } = host(context, fakeRecord('web', { logLevel: 'warn' }), logs);
  keep({ ...event(1, 'bad'), level: 'error' }, event(4, 'ready'));
  const shown = (): unknown[] => lines.splice(0).map((line) => line.split(' | ')[1]);
  await show();
  deepEqual(shown(), ['ERROR SHIM_PHASE bad', 'WARN DB warn']);
  await show({ tail: 1 });
  deepEqual(shown(), ['WARN DB warn'], 'the newest of those that are grave enough');
  await show({ level: 'info' });
  deepEqual(shown(), ['ERROR SHIM_PHASE bad', 'plain', 'WARN DB warn', 'SHIM_PHASE ready']);
  const followed = show({ follow: true });
  await seen(2);
  init.say('db', `${at(5)} ${said('info')}`);
  init.say('db', `${at(6)} ${said('error')}`);
  await seen(3);
  stop.abort('SIGINT');
  equal(await followed, 130);
  deepEqual(shown(), ['ERROR SHIM_PHASE bad', 'WARN DB warn', 'ERROR DB error']);
});

test('with -f a line that comes while the kept ones are asked for is shown once, and a signal ends it', async (context) => {
  const { lines, show, seen, init, shim, stop } = host(context, fakeRecord('web'), {
    app: [`${at(1)} a`, `${at(2)} b`],
  });
  const { call } = init.client;
  const early: InitClient['call'] = async (method, params) => {
    const answer = await call(method, params);
    if (method === 'ServiceLogs') for (const line of [`${at(2)} b`, `${at(3)} c`]) init.say('app', line);
    return answer;
  };
  const ended = show({ follow: true, openSession: async () => ({ ...init.client, call: early }) });
  await seen(3);
  init.say('app', `${at(4)} d`);
  shim.say(event(5, 'degraded'));
  await seen(5);
  stop.abort('SIGINT');
  equal(await ended, 130);
  deepEqual(
    lines.map((line) => line.split(' | ')[1]),
    ['a', 'b', 'c', 'd', 'SHIM_PHASE degraded'],
  );
});

test('with -f --service shows the lines of that one and no events', async (context) => {
  const { lines, records, show, seen, init, shim } = host(context, fakeRecord('web'), { app: [`${at(1)} a`], db: [] });
  const ended = show({ follow: true, service: 'app' });
  await seen(1);
  shim.say(event(5, 'degraded'));
  init.say('app', `${at(6)} b`);
  await seen(2);
  records.set('web', fakeRecord('web', {}, { phase: 'stopped' }));
  init.breakOff(new Error('lost'));
  shim.end();
  equal(await ended, 0);
  deepEqual(
    lines.map((line) => line.split(' | ')[1]),
    ['a', 'b'],
  );
});

test('with -f the end of the enclave is an end, and a session that breaks is a failure', async (context) => {
  const { show, seen, init, records, shim } = host(context, fakeRecord('web'), { app: [`${at(1)} a`] });
  const broken = show({ follow: true, graceMs: 60 });
  await seen(1);
  init.breakOff(Object.assign(new Error('lost'), { code: 'CONTROL_CLOSED' }));
  await rejects(broken, { message: 'lost' });
  const ended = show({ follow: true });
  await seen(2);
  records.set('web', fakeRecord('web', {}, { phase: 'stopped' }));
  init.breakOff(new Error('lost'));
  shim.end();
  equal(await ended, 0);
});

// A line that does not come is a failure, and not a test without an end.
const timeout = 300_000;

/** Resolves once somebody has asked for a record so many times. */
function looksAt(records: Map<string, EnclaveRecord>, times: number): Promise<void> {
  const get = records.get.bind(records);
  let left = times;
  return new Promise((resolve) => {
    records.get = (name) => {
      left -= 1;
      if (left === 0) resolve();
      return get(name);
    };
  });
}

/** A boot whose session is the next that is opened. */
function boot(
  world: ReturnType<typeof host>,
  number: number,
  logs: Record<string, string[]>,
  phase: EnclavePhase = 'ready',
) {
  const init = createFakeInit(logs);
  const bootId = String(number).repeat(32);
  world.records.set('web', fakeRecord('web', {}, { phase, bootId }));
  return { ...init, bootId };
}

test('with -f it goes on with the next boot, once its services can be asked, and no line is lost or doubled', {
  timeout,
}, async (context) => {
  const world = host(context, fakeRecord('web'));
  const { lines, show, seen, shim, records, folder, err, stop } = world;
  let current = boot(world, 1, { app: [`${at(1)} a`, `${at(1)} b`] });
  const ended = show({ follow: true, tail: 1, openSession: async () => current.client });
  await seen(1);
  current.say('app', `${at(2)} c`);
  await seen(2);
  const first = current;
  // Its shim knows later than the session that it has ended, and what it said last comes from its last words.
  first.breakOff(new Error('lost'));
  await writeLastWords(folder.lastWords, {
    cid: 16,
    bootId: first.bootId,
    profile: 'development',
    phase: 'failed',
    final: null,
    seenAt: '2026-11-21T10:00:03.000Z',
    words: [{ service: 'app', lines: ['a', 'b', 'c', 'd'] }],
  });
  records.set('web', fakeRecord('web', {}, { phase: 'waiting', bootId: first.bootId }));
  await seen(3);
  shim.say({ ...event(4, 'enclave web is started again'), code: 'ENCLAVE_AGAIN', fields: { seq: 4, restarts: 1 } });
  await seen(4);
  let refused = 0;
  current = boot(world, 2, { app: [`${at(5)} a`, `${at(5)} b`] }, 'services');
  const { client } = current;
  current = {
    ...current,
    get client() {
      refused += 1;
      if (refused === 1) throw new UsageError('no policy yet');
      return client;
    },
  };
  await seen(6);
  records.set('web', fakeRecord('web', {}, { phase: 'ready', bootId: current.bootId }));
  current.say('app', `${at(6)} c`);
  await seen(7);
  stop.abort('SIGINT');
  equal(await ended, 130);
  deepEqual(
    lines.map((line) => line.split(' | ')[1]),
    ['b', 'c', 'd', 'ENCLAVE_AGAIN enclave web is started again restarts=1', 'a', 'b', 'c'],
  );
  equal(err(), '');
});

test('with -f a shim that was killed or replaced is followed by the next one, with what it wrote before its death', {
  timeout,
}, async (context) => {
  const world = host(context, fakeRecord('web'));
  const { lines, show, seen, shim, shims, records, keep, err, stop } = world;
  let current = boot(world, 1, { app: [`${at(1)} a`] });
  const ended = show({ follow: true, openSession: async () => current.client });
  shim.say(event(2, 'ready'));
  await seen(2);
  keep(event(2, 'ready'), event(3, 'unheard'));
  shims.delete('web');
  shim.end();
  await seen(3);
  records.set('web', fakeRecord('web', {}, { phase: 'lost', bootId: current.bootId }));
  current.breakOff(new Error('lost'));
  const next = createFakeShim(
    fakeState('web'),
    [event(1, 'begun again')].map((one) => ({ ...one, time: event(9, '').time })),
  );
  shims.set('web', next);
  await seen(4);
  current = boot(world, 2, { app: [`${at(9)} b`] });
  await seen(5);
  records.delete('web');
  shims.delete('web');
  next.end();
  current.breakOff(new Error('lost'));
  equal(await ended, 0);
  deepEqual(
    lines.map((line) => line.split(' | ')[1]),
    ['a', 'SHIM_PHASE ready', 'SHIM_PHASE unheard', 'SHIM_PHASE begun again', 'b'],
  );
  match(err(), /^enclave web is lost, .*caisson restart web starts it again\nenclave web was removed\n$/);
  equal(stop.signal.aborted, false);
});

test('with -f one that a command is just replacing has not ended, and one that has is told with its reason', {
  timeout,
}, async (context) => {
  const world = host(context, fakeRecord('web'));
  const { show, seen, records, shim, folder, err } = world;
  let current = boot(world, 1, { app: [`${at(1)} a`] });
  const end = { at: '2026-11-21T10:00:00.000Z', exit: 0, byHost: false, text: 'ended with 0' };
  const ended = show({ follow: true, openSession: async () => current.client });
  await seen(1);
  await withLock(folder.start, async () => {
    records.set('web', fakeRecord('web', {}, { phase: 'stopped', end }));
    const isLooked = looksAt(records, 3);
    current.breakOff(new Error('lost'));
    await isLooked;
    current = boot(world, 2, { app: [`${at(2)} b`] });
    await seen(2);
  });
  records.set('web', fakeRecord('web', {}, { phase: 'stopped', end }));
  current.breakOff(new Error('lost'));
  shim.end();
  equal(await ended, 0);
  equal(err(), 'enclave web is stopped: ended with 0\n');
});

test('with -f of the foreground a lost enclave has ended', { timeout }, async (context) => {
  const world = host(context, fakeRecord('web'));
  const { show, seen, records, shim, shims, err } = world;
  const current = boot(world, 1, { app: [`${at(1)} a`] });
  const ended = show({ follow: true, whenLost: 'end', openSession: async () => current.client });
  await seen(1);
  records.set('web', fakeRecord('web', {}, { phase: 'lost' }));
  shims.delete('web');
  shim.end();
  current.breakOff(new Error('lost'));
  equal(await ended, 0);
  match(err(), /^enclave web is lost: /);
});

test('what was said last begins after what was shown, however far back either goes', () => {
  equal(unsaid([], ['a', 'b']), 0);
  equal(unsaid(['a', 'b'], ['a', 'b', 'c']), 2);
  equal(unsaid(['x', 'a', 'b'], ['b', 'c']), 1);
  equal(unsaid(['b'], ['a', 'b', 'c']), 2);
  equal(unsaid(['x'], ['a', 'b']), 0, 'more came than is kept');
  equal(unsaid(['a'], ['a']), 1);
  equal(unsaid(['x', 'a', 'b', 'down'], ['a', 'b']), 2, 'what came after them was shown too');
  equal(unsaid(['b', 'down'], ['a', 'b']), 2);
  equal(unsaid([`${'é'.repeat(3_000)}`], [`${'é'.repeat(900)}…`, 'c']), 1, 'one that was cut is the same');
});

test('overlap is the longest end of one that is the beginning of the other', () => {
  const lines = (...texts: readonly string[]) => texts.map((line) => ({ line, timeMs: undefined }));
  equal(overlap(lines('a', 'b', 'c'), lines('b', 'c', 'd')), 2);
  equal(overlap(lines('a'), lines('b')), 0);
  equal(overlap([], lines('b')), 0);
  equal(overlap(lines('a', 'a'), lines('a', 'a', 'a')), 2);
  equal(
    overlap([{ line: 'a', timeMs: 1 }], [{ line: 'a', timeMs: 2 }]),
    0,
    'the same word a moment later is another line',
  );
});

test('of an enclave that has ended the host shows its events, last words and console, and says that this is all', async (context) => {
  const record = fakeRecord('web', { profile: 'production' }, { phase: 'failed' });
  const { folder, lines, show, keep, err } = host(context, record);
  keep(event(1, 'booting'));
  await writeLastWords(folder.lastWords, {
    cid: 16,
    bootId: 'b'.repeat(32),
    profile: 'production',
    phase: 'failed',
    final: null,
    seenAt: '2026-11-21T10:00:07.000Z',
    words: [
      { service: 'app', lines: ['no \u001b[31mdatabase'] },
      { service: 'db', sealed: Buffer.alloc(40) },
    ],
  });
  writeFileSync(folder.console, 'booting\r\ncaisson-init: exit 7\r\n');
  equal(await show({ openSession: () => Promise.reject(new Error('nobody may be asked')) }), 0);
  deepEqual(lines, [
    '2026-11-21 10:00:01 caisson | SHIM_PHASE booting',
    '2026-11-21 10:00:07 app     | no \\u001b[31mdatabase',
    `2026-11-21 10:00:07 db      | 40 bytes, sealed: caisson last-words ${folder.lastWords} --key FILE`,
    '                    console | booting',
    '                    console | caisson-init: exit 7',
  ]);
  match(err(), /^enclave web is failed: this is what its host kept, and no more is let out\n$/);
});

test('no session is asked for with --host, of an image without control, or of an enclave that was never started', async (context) => {
  const openSession = () => Promise.reject(new Error('nobody may be asked'));
  for (const [record, hostOnly, why] of [
    [fakeRecord('web'), true, /^without a session of enclave web/],
    [fakeRecord('web', { hasControl: false }), false, /^the image of enclave web has no control channel/],
    [fakeRecord('web', {}, null), false, /^enclave web was never started/],
  ] as const) {
    const { show, err } = host(context, record);
    equal(await show({ hostOnly, openSession }), 0);
    match(err(), why);
  }
  await rejects(host(context, fakeRecord('web')).show({ openSession }), /nobody may be asked/);
});

test('logs --json is one document of its schema, and with -f one for each line', async (context) => {
  const { lines, show, stop, seen, keep } = host(context, fakeRecord('web'), { app: [`${at(2)} one`] });
  keep(event(1, 'booting'));
  await show({ json: true });
  const document = JSON.parse(lines.join('')) as { lines: { service?: string }[]; kept: boolean };
  assertFitsSchema(document, 'logs');
  deepEqual([document.kept, document.lines.map(({ service }) => service)], [false, [undefined, 'app']]);
  lines.length = 0;
  const ended = show({ json: true, follow: true });
  await seen(2);
  stop.abort('SIGTERM');
  equal(await ended, 143);
  for (const line of lines) assertFitsSchema(JSON.parse(line), 'logs');
  doesNotMatch(lines.join(''), /"lines"/);
});

test('of one that is not up yet it shows what the host kept, and of one that is ready nothing without a policy', async (context) => {
  const { records, lines, show, keep, err } = host(context, fakeRecord('web', {}, { phase: 'waiting' }), {});
  keep(event(1, 'booting'));
  const openSession = async (): Promise<never> => {
    throw new UsageError('a policy must say what it must be, got none');
  };
  equal(await show({ openSession }), 0);
  match(
    err(),
    /^enclave web is waiting, and nobody in it can be asked: this is what its host kept, and no more is let out\n/,
  );
  records.set('web', fakeRecord('web', {}, { phase: 'services' }));
  equal(await show({ openSession }), 0);
  match(err(), /^enclave web is services, and a policy must say .* got none: this is what its host kept/);
  deepEqual(lines, Array(2).fill('2026-11-21 10:00:01 caisson | SHIM_PHASE booting'));
  // One that was asked and is another than it must be is no enclave that cannot be asked yet.
  const refused = async (): Promise<never> => {
    throw new Error('PCR0 must be another');
  };
  await rejects(show({ openSession: refused }), { message: 'PCR0 must be another' });
  records.set('web', fakeRecord('web'));
  await rejects(show({ openSession }), { code: 'CLI_USAGE' });
});
