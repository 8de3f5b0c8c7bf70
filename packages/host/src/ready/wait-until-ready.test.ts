// A wait ends well only when the enclave says so, and badly with what was seen: each way of being there without living has its words.
import { deepEqual, equal, match, ok, rejects } from 'node:assert/strict';
import type { Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { toCid, toVsockPort } from '@caisson/core/address';
import { encodeFrame } from '@caisson/core/frame';
import type { SaidLine } from '@caisson/link/argonaut';
import { createReadyReporter, serveHealth, serveReadyLine } from '@caisson/link/ready';
import type { Transport } from '@caisson/link/transport';
import { laneBoundMs } from '@caisson/testkit/contract';
import { openWall, serveBy } from '@caisson/testkit/loopback';
import { NotReadyError, waitUntilReady } from './index.ts';

const cid = toCid(16);
const port = toVsockPort(5000);
const bootId = 'a'.repeat(32);

async function boot(t: TestContext, transport: Transport) {
  const image = { profile: 'development', lastWords: 'inside', lastWordsKey: null } as const;
  const reporter = createReadyReporter({ transport, image, bootId, clock: 'tsc' });
  const health = await serveHealth({ transport, port, health: () => reporter.health() });
  t.after(async () => {
    reporter.close();
    await health.close();
  });
  return reporter;
}

async function failure(wait: Promise<unknown>): Promise<NotReadyError> {
  try {
    await wait;
  } catch (error) {
    if (error instanceof NotReadyError) return error;
    throw error;
  }
  throw new Error('the wait must not succeed');
}

test('waits through the phases and ends when the enclave says that it is ready', async (t) => {
  const { host, enclave } = openWall(t, cid);
  const lines: SaidLine[] = [];
  const say = (line: SaidLine): void => {
    lines.push(line);
    if (line.message.includes('refuses'))
      void boot(t, enclave).then((reporter) => {
        reporter.report('services', [{ code: 'service-starting', service: 'app' }]);
        setTimeout(() => reporter.report('ready', []), 30);
      });
  };
  const report = await waitUntilReady({ cid, transport: host, intervalMs: 10, deadlineMs: 60_000, say });
  equal(report.ready, true);
  equal(report.health?.bootId, bootId);
  ok(report.attempts >= 2);
  deepEqual(
    lines.map(({ code }) => code).filter((code, index, all) => code !== all[index - 1]),
    ['READY_DIAL', 'READY_UNANSWERED', 'READY_ANSWERED'],
  );
  equal(lines.at(-1)?.fields?.['bootId'], bootId);
});

test('a port that only accepts is never ready, and the wait ends at its deadline and says so', async (t) => {
  const { host, enclave } = openWall(t, cid);
  await serveBy(t, enclave, port, () => {});
  const { code, message, report } = await failure(
    waitUntilReady({ cid, transport: host, port, deadlineMs: 120, intervalMs: 10 }),
  );
  equal(code, 'READY_LATE');
  match(message, /^enclave 16 was not ready after \d+ms: no word of its phase; port 5000 accepts and never answers$/);
  ok(report.waitedMs >= 120 && report.waitedMs < laneBoundMs(1_500), `${report.waitedMs}`);
});

test('a port that refuses, closes early or babbles is told apart', async (t) => {
  const cases: [((socket: Socket) => void) | undefined, RegExp][] = [
    [undefined, /port 5000 refuses: nobody listens$/],
    [(socket) => socket.end(), /accepts and closes without an answer$/],
    [(socket) => socket.end(Uint8Array.of(0, 0, 0, 9, 1)), /closes in the middle of an answer \(5 bytes\)$/],
    [
      (socket) => socket.write('SSH-2.0-OpenSSH_9.6\r\n'),
      /answers something that is no answer: answer must have at most/,
    ],
    [(socket) => socket.write(Uint8Array.of(0, 0, 0, 9, 1)), /begins an answer \(5 bytes\) and never ends it$/],
  ];
  const looks = cases.map(async ([behave, message]) => {
    const { host, enclave } = openWall(t, cid);
    if (behave !== undefined) await serveBy(t, enclave, port, behave);
    // Long enough for one answer.
    const deadlineMs = laneBoundMs(120);
    const error = await failure(waitUntilReady({ cid, transport: host, deadlineMs, intervalMs: 10 }));
    match(error.message, message);
  });
  await Promise.all(looks);
});

test('a boot that failed ends the wait at once with its reasons', async (t) => {
  const { host, enclave } = openWall(t, cid);
  const reporter = await boot(t, enclave);
  reporter.report('failed', [{ code: 'service-failed', service: 'app', exit: 1 }]);
  const { code, message } = await failure(waitUntilReady({ cid, transport: host, deadlineMs: 60_000 }));
  equal(code, 'READY_FAILED');
  match(message, /: last phase failed \(service-failed app \(exit 1\)\); port 5000 answers failed: service-failed app/);
});

test('a server that the caller named may recover from its failure', async (t) => {
  const { host, enclave } = openWall(t, cid);
  let answers = 0;
  await serveBy(t, enclave, port, (socket) => {
    answers += 1;
    socket.end(encodeFrame(Buffer.from(JSON.stringify({ status: answers < 3 ? 'failed' : 'ok' }))));
  });
  const report = await waitUntilReady({ cid, transport: host, port, intervalMs: 5, deadlineMs: 60_000 });
  equal(report.attempts, 3);
});

test('on the line it learns of ready without a health port, and of a death with its last words', async (t) => {
  const { host, enclave } = openWall(t, cid);
  const image = { profile: 'development', lastWords: 'inside', lastWordsKey: null } as const;
  const open = (id: string) => createReadyReporter({ transport: enclave, image, bootId: id, clock: 'tsc' });
  const first = open(bootId);
  first.report('ready', []);
  const ready = await waitUntilReady({ cid, transport: host, line: true, deadlineMs: 5_000 });
  equal(ready.line?.state?.phase, 'ready');
  equal(ready.outcome?.kind, 'refused');
  first.close();

  const second = open('b'.repeat(32));
  const heard = Promise.withResolvers<void>();
  const say = ({ code }: SaidLine): void => {
    if (code === 'READY_STATE') heard.resolve();
  };
  const waiting = failure(waitUntilReady({ cid, transport: host, line: true, deadlineMs: 5_000, say }));
  await heard.promise;
  second.report('failed', [{ code: 'start-limit', service: 'app', signal: 11 }]);
  second.lastWords('app', ['about to fall']);
  await second.finish(1, 'start-limit');
  const { code, report, message } = await waiting;
  equal(code, 'READY_FAILED');
  match(message, /last phase failed \(start-limit app \(signal 11\)\)/);
  deepEqual(report.line?.final, { exit: 1, code: 'start-limit' });
  deepEqual(report.line?.lastWords, [{ service: 'app', lines: ['about to fall'] }]);
});

test('a server that the caller named is ready by its own word, not by the line’s', async (t) => {
  const { host, enclave } = openWall(t, cid);
  await serveBy(t, enclave, port, () => {});
  const image = { profile: 'development', lastWords: 'inside', lastWordsKey: null } as const;
  const reporter = createReadyReporter({ transport: enclave, image, bootId, clock: 'tsc' });
  t.after(() => reporter.close());
  reporter.report('ready', []);
  const { report } = await failure(
    waitUntilReady({ cid, transport: host, port, line: true, deadlineMs: laneBoundMs(200), intervalMs: 20 }),
  );
  equal(report.line?.state?.phase, 'ready');
  equal(report.outcome?.kind, 'silent');
});

test('a line that another process holds is refused, and a stopped wait rejects with its reason', async (t) => {
  const { host } = openWall(t, cid);
  const holder = await serveReadyLine({ transport: host, cid, onEvent() {} });
  await rejects(waitUntilReady({ cid, transport: host, line: true }), { code: 'EADDRINUSE' });
  await holder.close();
  const stop = new AbortController();
  const waiting = waitUntilReady({ cid, transport: host, signal: stop.signal });
  setImmediate(() => stop.abort('SIGINT'));
  await rejects(waiting, (reason) => reason === 'SIGINT');
  await rejects(waitUntilReady({ cid: -1, transport: host }), TypeError);
});
