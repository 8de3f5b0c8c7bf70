// The native engine's life: addresses taken and given back, threads that end, and news that reach JavaScript.
import assert from 'node:assert/strict';
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { describe, test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { toCid, toVsockPort } from '@caisson/core/address';
import { laneBoundMs } from '@caisson/testkit/contract';
import {
  connectTo,
  countDescriptors,
  finish,
  hasEngine,
  openDeafSide,
  openEcho,
  openEngine,
  openFarSide,
  openListener,
  outcomeOf,
  readAll,
  until,
} from '@caisson/testkit/loopback';
import { createLinuxKernel } from './linux-kernel.ts';
import type { NativeEvent, NativeListenOptions } from './native-engine.ts';

const skip = !hasEngine() && 'the addon is not built';

describe('native engine', { skip }, () => {
  test('names the errno and the address when it cannot listen', async (t) => {
    const echo = await openEcho(t, 'tcp');
    const engine = openEngine(t);
    const options = { targets: [{ address: echo.address }] };
    assert.throws(() => openListener(t, 'tcp', { ...options, address: echo.address }, engine), {
      code: 'EADDRINUSE',
      syscall: 'listen',
    });
    const nowhere = { kind: 'unix', path: '/nowhere/at/all.sock' } as const;
    assert.throws(() => openListener(t, 'tcp', { ...options, address: nowhere }, engine), {
      code: 'ENOENT',
      message: 'listen ENOENT unix:/nowhere/at/all.sock',
    });
  });

  test('serves IPv6 literals and shows their peers', async (t) => {
    const echo = await openEcho(t, 'tcp');
    const events: NativeEvent[] = [];
    const address = { kind: 'tcp', address: '::1', port: 0 } as const;
    let listener: ReturnType<typeof openListener>;
    try {
      listener = openListener(t, 'tcp', {
        address,
        targets: [{ address: echo.address }],
        onEvents: (batch) => events.push(...batch),
      });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EADDRNOTAVAIL') return t.skip('no IPv6 on this machine');
      throw error;
    }
    const answer = readAll((await connectTo(listener.address)).end('six'));
    assert.equal((await answer).toString(), 'six');
    await until('the event', () => events.length > 0);
    assert.deepEqual(events[0]?.type === 'accepted' && events[0].peer?.kind === 'tcp' && events[0].peer.address, '::1');
  });

  test('listens on AF_VSOCK where the kernel has it and gives the port back', async (t) => {
    const engine = openEngine(t);
    const port = toVsockPort(0x7fff_0000 + (process.pid % 0xffff));
    const address = { kind: 'vsock', cid: 0xffffffff as ReturnType<typeof toCid>, port } as const;
    const options: NativeListenOptions = {
      address,
      maxConnections: 1,
      idleTimeoutMs: 0,
      dialTimeoutMs: 100,
      peerCid: toCid(16),
      targets: [{ address: { kind: 'unix', path: '/nowhere.sock' } }],
    };
    for (let round = 0; round < 2; round++) {
      try {
        const listener = engine.listen(options);
        assert.deepEqual(listener.address, address);
        assert.throws(() => engine.listen(options), { code: 'EADDRINUSE' });
        await listener.stop();
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'EAFNOSUPPORT') return t.skip('no AF_VSOCK in this kernel');
        throw error;
      }
    }
  });

  test('frees the address on stop, lets living connections go on, and leaves the socket file to the caller', async (t) => {
    for (const kind of ['tcp', 'unix'] as const) {
      const echo = await openEcho(t, 'tcp');
      const engine = openEngine(t);
      const listener = openListener(t, kind, { targets: [{ address: echo.address }] }, engine);
      const living = await connectTo(listener.address);
      await until('served', () => listener.counters().active === 1);
      await listener.stop();
      await listener.stop();
      if (listener.address.kind === 'unix') {
        assert.ok(existsSync(listener.address.path));
        rmSync(listener.address.path);
      }
      const again = openListener(t, kind, { address: listener.address, targets: [{ address: echo.address }] }, engine);
      assert.equal((await readAll((await connectTo(again.address)).end('new'))).toString(), 'new');
      assert.equal((await readAll(living.end('old'))).toString(), 'old');
    }
  });

  test('tells every connection: accepted, then closed with peer, bytes, duration and no error', async (t) => {
    const echo = await openEcho(t, 'unix');
    const events: NativeEvent[] = [];
    const listener = openListener(t, 'tcp', {
      targets: [{ address: echo.address }],
      onEvents: (batch) => events.push(...batch),
    });
    const before = Date.now();
    for (let round = 0; round < 20; round++) {
      await readAll((await connectTo(listener.address)).end('x'.repeat(round)));
    }
    await until('all events', () => events.length === 40);
    const closed = events.filter((event) => event.type === 'closed');
    assert.deepEqual(
      closed.map(({ forwardBytes, backwardBytes }) => [forwardBytes, backwardBytes]),
      Array.from({ length: 20 }, (_, i) => [i, i]),
    );
    for (const { dialled, forwardError, backwardError, durationMs } of closed) {
      assert.deepEqual([dialled, forwardError, backwardError], [true, undefined, undefined]);
      assert.ok(durationMs >= 0 && durationMs < laneBoundMs(1_000));
    }
    for (const event of events) {
      if (event.type === 'accepted') assert.ok(event.atMs >= before - 20 && event.atMs <= Date.now() + 20);
    }
    assert.deepEqual([...new Set(events.map(({ id }) => id))].length, 20);
  });

  test('drops and counts events that JavaScript does not take, and goes on serving', async (t) => {
    const { spawn } = await import('node:child_process');
    const echo = await openEcho(t, 'unix');
    let taken = 0;
    const listener = openListener(t, 'tcp', {
      targets: [{ address: echo.address }],
      onEvents: (batch) => {
        taken += batch.length;
      },
    });
    assert.ok(listener.address.kind === 'tcp');
    // This thread must not run while connections come, so they come from another process.
    const script = `const net = require('node:net'); let left = 3000;
      const next = () => left-- > 0 ? net.connect(${listener.address.port}, '127.0.0.1').on('error', () => {}).on('connect', function () { this.resetAndDestroy(); }).on('close', next) : 0;
      for (let i = 0; i < 16; i++) next();`;
    const child = spawn(process.execPath, ['-e', script], { stdio: 'ignore' });
    const exited = new Promise((settle) => child.once('exit', settle));
    while (listener.counters().accepted < 2_900) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20);
    await exited;
    await until('all connections ended', () => listener.counters().active === 0);
    const { accepted, eventsDropped } = listener.counters();
    await until('the rest of the events', () => taken + eventsDropped === accepted * 2);
    assert.ok(eventsDropped > 0 && taken >= 4_096, `${taken} taken, ${eventsDropped} dropped`);
  });

  test('closes with everything in flight: every peer is reset, no thread and no descriptor is left', async (t) => {
    const deaf = await openDeafSide(t, 'tcp');
    const echo = await openEcho(t, 'tcp');
    const stuck = await openFarSide(t, 'unix', () => {}, { pauseOnConnect: true });
    const threads = countThreads();
    const before = countDescriptors();
    const engine = createLinuxKernel().createEngine();
    const bad = openListener(t, 'tcp', { targets: [{ address: deaf.address }] }, engine);
    const asked = openListener(t, 'tcp', { onAsk: () => {} }, engine);
    const lined = openListener(t, 'tcp', { acceptLine: { maxBytes: 40, timeoutMs: 9_000 }, onAsk: () => {} }, engine);
    const relayed = openListener(t, 'tcp', { targets: [{ address: echo.address }] }, engine);
    const spliced = openListener(t, 'tcp', { targets: [{ address: stuck.address }] }, engine);
    assert.equal(countThreads(), threads + 1);
    const all = [bad, asked, lined, relayed, spliced];
    const sockets = await Promise.all(all.flatMap(({ address }) => [1, 2, 3].map(() => connectTo(address))));
    for (const socket of sockets.slice(-3)) socket.write(Buffer.alloc(4 * 1024 * 1024));
    await until('all are served', () => all.every((one) => one.counters().active === 3));
    await until('the far side has accepted them', () => stuck.sockets.size === 3);
    await until('the flood is stuck', () => spliced.counters().forwardBytes > 100_000);
    const outcomes = sockets.map(outcomeOf);
    const closed = engine.close();
    assert.equal(engine.close(), closed);
    await closed;
    assert.deepEqual(new Set(await Promise.all(outcomes)), new Set(['ECONNRESET']));
    for (const one of all) {
      assert.equal(one.counters().active, 0);
      await one.stop();
      await one.drain(0);
      one.setLimits({ maxConnections: 5 });
    }
    assert.throws(() => openListener(t, 'tcp', { targets: [{ address: echo.address }] }, engine), /closed engine/);
    await Promise.all(sockets.map(finish));
    // Paused far sides do not read the end that they were sent.
    await Promise.all([...stuck.sockets].map(finish));
    await until('no thread is left', () => countThreads() === threads);
    await until('descriptors as before', () => countDescriptors() <= before);
  });

  test('opens and closes many engines without leaving a thread or a descriptor', async () => {
    const threads = countThreads();
    const before = countDescriptors();
    for (let round = 0; round < 100; round++) await createLinuxKernel().createEngine().close();
    await until('no thread is left', () => countThreads() === threads);
    assert.equal(countDescriptors(), before);
  });

  test('works in a worker thread, and a worker that is terminated takes its engine with it', async (t) => {
    const echo = await openEcho(t, 'unix');
    const threads = countThreads();
    const before = countDescriptors();
    for (let round = 0; round < 5; round++) {
      const source = `
        const { parentPort, workerData } = require('node:worker_threads');
        import(workerData.sys).then(({ createLinuxKernel }) => {
          const listener = createLinuxKernel().createEngine().listen({
            address: { kind: 'tcp', address: '127.0.0.1', port: 0 }, targets: [{ address: workerData.address }],
            maxConnections: 10, idleTimeoutMs: 0, dialTimeoutMs: 1000, onEvents: () => {} });
          parentPort.postMessage(listener.address.port);
        });`;
      const worker = new Worker(source, {
        eval: true,
        workerData: { sys: new URL('./index.ts', import.meta.url).href, address: echo.address },
      });
      const port = await new Promise<number>((settle, fail) => worker.once('message', settle).once('error', fail));
      const address = { kind: 'tcp', address: '127.0.0.1', port } as const;
      assert.equal((await readAll((await connectTo(address)).end('from a worker'))).toString(), 'from a worker');
      const living = await connectTo(address);
      living.write('x');
      const outcome = outcomeOf(living);
      await worker.terminate();
      assert.equal(await outcome, 'ECONNRESET');
    }
    await until('no thread is left', () => countThreads() <= threads);
    await until('descriptors as before', () => countDescriptors() <= before);
  });

  test('keeps the process alive while it listens, and no longer', async () => {
    const { spawnSync } = await import('node:child_process');
    const source = `
      import { createLinuxKernel } from ${JSON.stringify(new URL('./index.ts', import.meta.url).href)};
      const engine = createLinuxKernel().createEngine();
      const listener = engine.listen({ address: { kind: 'tcp', address: '127.0.0.1', port: 0 }, maxConnections: 1,
        idleTimeoutMs: 0, dialTimeoutMs: 100, targets: [{ address: { kind: 'unix', path: '/nowhere.sock' } }] });
      let waited = false;
      setTimeout(() => { waited = true; void listener.stop(); }, 200).unref();
      process.on('exit', () => console.log(waited));`;
    const flags = ['--conditions=caisson-source', '--input-type=module', '-e', source];
    const { stdout, status } = spawnSync(process.execPath, flags, { encoding: 'utf8', timeout: 300_000 });
    assert.deepEqual({ stdout, status }, { stdout: 'true\n', status: 0 });
  });
});

/** Threads of this process. Node's own pool starts lazily, so compare only after it has. */
function countThreads(): number {
  return readdirSync('/proc/self/task').length;
}
