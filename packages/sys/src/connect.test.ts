// Connecting over the addon's own thread: deadlines, signals, refusals, and descriptors when nothing works out.
// TCP on loopback stands in for AF_VSOCK: a listener whose queue is full leaves a dial without an answer.
import { equal, ok, rejects } from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { after, test } from 'node:test';
import { toCid, toVsockPort } from '@caisson/core/address';
import { laneBoundMs } from '@caisson/testkit/contract';
import { countSockets } from '@caisson/testkit/fake';
import type { Addon } from './addon.ts';
import { createLinuxKernel } from './linux-kernel.ts';
import { loadAddon } from './load.ts';

const { addon } = loadAddon();
const skip = addon === undefined && 'the addon is not built';
const loopback = 0x7f000001;
const errnoRefused = -111;
const target = { cid: toCid(16), port: toVsockPort(5000) };

/** A Kernel whose every dial goes to one TCP port. */
function kernelTo(port: number) {
  const stub: Addon = {
    ...addon!,
    connectVsock: (_cid, _port, _window, timeoutMs, done) =>
      addon!.connectLoopback(loopback, port, loopback, timeoutMs, (result) =>
        done(result === errnoRefused ? -104 : result),
      ),
  };
  return createLinuxKernel({ loaded: { addon: stub, path: '' } });
}

function listenSomewhere(backlog: number): { fd: number; port: number } {
  for (;;) {
    const port = randomInt(2_000, 32_000);
    const fd = addon!.listenLoopback(loopback, port, backlog);
    if (fd >= 0) return { fd, port };
  }
}

/** Nobody accepts, and its queue of one is full: every further SYN is dropped (tcp(7), somaxconn and listen). */
async function openBlackHole(): Promise<{ port: number; close(): void }> {
  const { fd, port } = listenSomewhere(0);
  await new Promise((done) => addon!.connectLoopback(loopback, port, loopback, 1_000, done));
  return { port, close: () => addon!.discard(fd) };
}

const hole = addon === undefined ? undefined : await openBlackHole();
after(() => hole?.close());

test('a dial without an answer ends with ETIMEDOUT at its deadline', { skip }, async () => {
  const before = countSockets();
  const startedAtMs = performance.now();
  await rejects(kernelTo(hole!.port).vsockConnect(target, { timeoutMs: 150 }), {
    code: 'ETIMEDOUT',
    message: 'connect ETIMEDOUT vsock:16:5000: no answer within 150 ms',
  });
  const tookMs = performance.now() - startedAtMs;
  ok(tookMs >= 145 && tookMs < laneBoundMs(1_500), `took ${tookMs} ms`);
  equal(countSockets(), before);
});

test('deadlines of many dials are kept each by itself', { skip }, async () => {
  const before = countSockets();
  const kernel = kernelTo(hole!.port);
  const took = await Promise.all(
    Array.from({ length: 64 }, async (_, index) => {
      const timeoutMs = 400 - index * 5;
      const startedAtMs = performance.now();
      await rejects(kernel.vsockConnect(target, { timeoutMs }), { code: 'ETIMEDOUT' });
      return performance.now() - startedAtMs - timeoutMs;
    }),
  );
  ok(
    took.every((lateMs) => lateMs > -5 && lateMs < laneBoundMs(1_000)),
    took.join(),
  );
  equal(countSockets(), before);
});

test('an aborted dial rejects at once with the reason and its socket is closed', { skip }, async () => {
  const before = countSockets();
  const controller = new AbortController();
  const reason = new Error('not wanted any more');
  const dials = Array.from({ length: 32 }, () =>
    kernelTo(hole!.port).vsockConnect(target, { timeoutMs: 60_000, signal: controller.signal }),
  );
  const settled = Promise.allSettled(dials);
  setImmediate(() => controller.abort(reason));
  for (const outcome of await settled) equal(outcome.status === 'rejected' && outcome.reason, reason);
  while (countSockets() > before) await new Promise((resolve) => setImmediate(resolve));
});

test('a connection that succeeds after its caller gave up is closed', { skip }, async () => {
  const before = countSockets();
  let finish: (result: number) => void = () => {};
  const stub: Addon = {
    ...addon!,
    connectVsock(_cid, _port, _window, _timeoutMs, done) {
      finish = done;
      return 1;
    },
  };
  const { fd: listener, port } = listenSomewhere(16);
  const controller = new AbortController();
  const kernel = createLinuxKernel({ loaded: { addon: stub, path: '' } });
  const dial = kernel.vsockConnect(target, { signal: controller.signal });
  controller.abort(new Error('too late'));
  await rejects(dial, /too late/);
  await new Promise<void>((resolve) => {
    addon!.connectLoopback(loopback, port, loopback, 1_000, (fd) => {
      ok(fd >= 0);
      finish(fd);
      resolve();
    });
  });
  addon!.discard(listener);
  equal(countSockets(), before);
});

test('a reset while connecting is ECONNREFUSED, with the kernel’s own errno in cause', { skip }, async () => {
  const { fd, port } = listenSomewhere(1);
  addon!.discard(fd);
  await rejects(kernelTo(port).vsockConnect(target), (error: NodeJS.ErrnoException) => {
    const cause = error.cause as NodeJS.ErrnoException;
    equal(error.message, 'connect ECONNREFUSED vsock:16:5000: nobody listens, or the backlog is full');
    equal(error.errno, -111);
    equal(cause.code, 'ECONNRESET');
    equal(cause.errno, -104);
    return true;
  });
});

test('every other errno of the kernel passes through by its own name', { skip }, async () => {
  for (const [result, code] of [
    [-19, 'ENODEV'],
    [-97, 'EAFNOSUPPORT'],
    [-24, 'EMFILE'],
    [-12, 'ENOMEM'],
  ] as const) {
    const atOnce: Addon = { ...addon!, connectVsock: () => result };
    const later: Addon = {
      ...addon!,
      connectVsock(_cid, _port, _window, _timeoutMs, done) {
        setImmediate(done, result);
        return 1;
      },
    };
    for (const stub of [atOnce, later]) {
      const kernel = createLinuxKernel({ loaded: { addon: stub, path: '' } });
      await rejects(kernel.vsockConnect(target, { retryRefused: true }), { code, errno: result });
    }
  }
});

// Runs in a process of its own whose limit is 64. `spare()` counts what is free by taking it.
const probe = `
  import { closeSync, openSync } from 'node:fs';
  import { equal, rejects } from 'node:assert/strict';
  import { loadAddon } from ${JSON.stringify(new URL('load.ts', import.meta.url).href)};
  import { createLinuxKernel } from ${JSON.stringify(new URL('linux-kernel.ts', import.meta.url).href)};
  const { addon } = loadAddon();
  const loopback = 0x7f000001;
  const port = Number(process.argv.at(-1));
  const kernel = createLinuxKernel({ loaded: { path: '', addon: {
    ...addon,
    connectVsock: (cid, port, window, timeoutMs, done) => addon.connectLoopback(loopback, port, loopback, timeoutMs, done),
    listenVsock: (cid, port, window, backlog) => addon.listenLoopback(loopback, port, backlog),
  } } });
  const take = () => { try { return openSync('/dev/null'); } catch (error) { equal(error.code, 'EMFILE'); } };
  const ballast = [];
  const fill = () => { for (let fd = take(); fd !== undefined; fd = take()) ballast.push(fd); };
  const spare = (count) => { fill(); for (let left = count; left > 0; left -= 1) closeSync(ballast.pop()); };
  const countSpare = () => { const had = ballast.length; fill(); const count = ballast.length - had; spare(count); return count; };
  const dial = () => kernel.vsockConnect({ cid: 16, port });
  const listen = () => kernel.vsockListen({ cid: 16, port: port + 1 });
  const exhausted = { code: 'EMFILE' };
  // The thread needs two for itself, which stay; then the socket; then the placeholder.
  for (const [count, after] of [[0, 0], [1, 1], [2, 0], [0, 0], [1, 1]]) {
    spare(count);
    await rejects(dial(), exhausted);
    equal(countSpare(), after);
  }
  for (const count of [0, 1]) {
    spare(count);
    await rejects(listen(), exhausted);
    equal(countSpare(), count);
  }
  spare(2);
  const server = await listen();
  equal(countSpare(), 1);
  await new Promise((resolve) => server.close(resolve));
  equal(countSpare(), 2);
  const socket = await dial();
  equal(countSpare(), 1);
  await new Promise((resolve) => socket.on('close', resolve).destroy());
  equal(countSpare(), 2);
  console.log('held');
`;

test('a descriptor limit gives EMFILE at every step of connect and listen, and nothing stays open', { skip }, () => {
  const { fd, port } = listenSomewhere(16);
  const words = ['--conditions=caisson-source', '--input-type=module', '-e', probe, '--', String(port)];
  const { stdout, stderr, status } = spawnSync(
    'sh',
    ['-c', 'ulimit -n 64 && exec "$0" "$@"', process.execPath, ...words],
    {
      encoding: 'utf8',
      timeout: 300_000,
    },
  );
  addon!.discard(fd);
  equal(`${stdout}${stderr}`, 'held\n');
  equal(status, 0);
});

test('a dial in the air keeps the process alive to its deadline, and process.exit ends both at once', { skip }, () => {
  const dial = `
    import { loadAddon } from ${JSON.stringify(new URL('load.ts', import.meta.url).href)};
    const dial = (timeoutMs) => loadAddon().addon.connectLoopback(${loopback}, ${hole!.port}, ${loopback}, timeoutMs, (result) => console.log(result));
  `;
  const run = (code: string) =>
    spawnSync(process.execPath, ['--conditions=caisson-source', '--input-type=module', '-e', dial + code], {
      encoding: 'utf8',
      timeout: 300_000,
    });
  const waited = run('dial(300);');
  equal(`${waited.status} ${waited.stdout}${waited.stderr}`, '0 -110\n');
  const left = run('dial(60_000); process.exit(7);');
  equal(`${left.status} ${left.stdout}${left.stderr}`, '7 ');
});
