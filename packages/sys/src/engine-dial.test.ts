// How the native engine reaches a far side: several addresses, refusals, deadlines, and what must be said first.
import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { laneBoundMs } from '@caisson/testkit/contract';
import {
  connectTo,
  countDescriptors,
  freePort,
  hasEngine,
  makeFolder,
  openDeafSide,
  openEcho,
  openEngine,
  openFarSide,
  openListener,
  outcomeOf,
  readAll,
  until,
} from '@caisson/testkit/loopback';
import type { NativeAddress } from './kernel.ts';
import type { NativeEvent, NativeListenOptions, NativeResult } from './native-engine.ts';

const skip = !hasEngine() && 'the addon is not built';

describe('native engine, dialling', { skip }, () => {
  test('resets a connection whose far side refuses, and names the errno', async (t) => {
    const { result, tookMs } = await dialOnce(t, { targets: [{ address: await unusedPort() }] });
    assert.equal(result.outcome, 'ECONNRESET');
    assert.deepEqual(result.closed, { dialled: false, forwardError: 'ECONNREFUSED', backwardError: 'ECONNREFUSED' });
    assert.ok(tookMs < laneBoundMs(1_000), `${tookMs} ms`);
  });

  test('tells the error of the first address when every one fails', async (t) => {
    const missing: NativeAddress = { kind: 'unix', path: join(makeFolder(t), 'nobody.sock') };
    const { result } = await dialOnce(t, { targets: [{ address: missing }, { address: await unusedPort() }] });
    assert.equal(result.closed.forwardError, 'ENOENT');
  });

  test('goes to the next address at once when the first refuses', async (t) => {
    const echo = await openEcho(t, 'tcp');
    const listener = openListener(t, 'tcp', { targets: [{ address: await unusedPort() }, { address: echo.address }] });
    const tookMs: number[] = [];
    for (let round = 0; round < 10; round += 1) {
      const started = performance.now();
      assert.equal(await ask(listener.address, 'hello'), 'hello');
      tookMs.push(performance.now() - started);
    }
    assert.ok(Math.min(...tookMs) < 200, `no stagger after a refusal: ${tookMs.map(Math.round).join(', ')} ms`);
  });

  test('starts the next address 250 ms after one that says nothing (RFC 8305 section 5)', async (t) => {
    const deaf = await openDeafSide(t, 'tcp');
    const echo = await openEcho(t, 'tcp');
    const descriptors = countDescriptors();
    const listener = openListener(t, 'tcp', { targets: [{ address: deaf.address }, { address: echo.address }] });
    const started = performance.now();
    assert.equal(await ask(listener.address, 'hello'), 'hello');
    const tookMs = performance.now() - started;
    assert.ok(tookMs > 240 && tookMs < laneBoundMs(800), `${tookMs} ms`);
    await until('the attempt that lost is closed', () => listener.counters().active === 0);
    assert.ok(countDescriptors() <= descriptors + 8);
  });

  test('fails a black-holed far side at the deadline, half a second at most after it (R-B7)', async (t) => {
    const deaf = await openDeafSide(t, 'tcp');
    const dialTimeoutMs = 1_000;
    const runs = await Promise.all(
      Array.from({ length: 10 }, () => dialOnce(t, { targets: [{ address: deaf.address }], dialTimeoutMs })),
    );
    for (const { result, tookMs } of runs) {
      assert.equal(result.closed.forwardError, 'dial timeout');
      assert.notEqual(result.outcome, 'end');
      assert.ok(tookMs >= dialTimeoutMs - 20 && tookMs < laneBoundMs(dialTimeoutMs + 500), `${tookMs} ms`);
    }
  });

  test('bounds all addresses and retries together by one deadline', async (t) => {
    const deaf = await openDeafSide(t, 'tcp');
    const full = await openDeafSide(t, 'unix');
    const { result, tookMs } = await dialOnce(t, {
      targets: [deaf, full, deaf, full].map(({ address }) => ({ address })),
      dialTimeoutMs: 700,
      retryRefused: true,
    });
    assert.equal(result.closed.forwardError, 'dial timeout');
    assert.ok(tookMs >= 680 && tookMs < laneBoundMs(1_200), `${tookMs} ms`);
  });

  test('waits for room in a full unix backlog, as a blocking connect would', async (t) => {
    const deaf = await openDeafSide(t, 'unix');
    const listener = openListener(t, 'tcp', { targets: [{ address: deaf.address }] });
    const answer = ask(listener.address, 'late but here');
    await until('the dial is waiting', () => listener.counters().active === 1);
    deaf.hear();
    assert.equal(await answer, 'late but here');
    assert.equal(listener.counters().failed, 0);
  });

  test('tries a unix far side that is not there yet again only when told to', async (t) => {
    for (const retryRefused of [true, false]) {
      const path = join(makeFolder(t), 'later.sock');
      const listener = openListener(t, 'tcp', { targets: [{ address: { kind: 'unix', path } }], retryRefused });
      const connecting = connectTo(listener.address);
      if (!retryRefused) {
        const outcome = await connecting.then(outcomeOf, (error: NodeJS.ErrnoException) => error.code);
        assert.equal(outcome, 'ECONNRESET');
        continue;
      }
      const socket = await connecting;
      const answer = readAll(socket);
      socket.end('patience');
      const server = createServer({ allowHalfOpen: true }, (far) => far.pipe(far));
      t.after(() => server.close());
      setTimeout(() => server.listen(path), 60);
      assert.equal((await answer).toString(), 'patience');
    }
  });

  test('gives up at once when the near side resets while the far side is being dialled', async (t) => {
    const deaf = await openDeafSide(t, 'tcp');
    const listener = openListener(t, 'tcp', { targets: [{ address: deaf.address }], dialTimeoutMs: 30_000 });
    const socket = await connectTo(listener.address);
    await until('dialling', () => listener.counters().active === 1);
    socket.resetAndDestroy();
    await until('given up', () => listener.counters().active === 0, 500);
    assert.equal(listener.counters().failed, 1);
  });

  test('keeps what a near side said and its EOF until the far side is reached', async (t) => {
    const deaf = await openDeafSide(t, 'unix');
    const listener = openListener(t, 'unix', { targets: [{ address: deaf.address }] });
    const socket = await connectTo(listener.address);
    const answer = readAll(socket);
    socket.end('said and done');
    await until('dialling', () => listener.counters().active === 1);
    deaf.hear();
    assert.equal((await answer).toString(), 'said and done');
  });

  test('writes the preface before any relayed byte', async (t) => {
    for (const kind of ['tcp', 'unix'] as const) {
      const echo = await openEcho(t, kind);
      const preface = Buffer.from('CAISSON-FABRIC/1 16 40000\n');
      const listener = openListener(t, 'tcp', { targets: [{ address: echo.address, preface }] });
      assert.equal(await ask(listener.address, 'body'), 'CAISSON-FABRIC/1 16 40000\nbody');
    }
  });

  test('relays only after the reply line, and not one byte of it', async (t) => {
    for (const split of [false, true]) {
      const side = await openFarSide(t, 'unix', (socket) => {
        socket.once('data', (said) => {
          assert.equal(said.toString(), 'CONNECT 5000\n');
          const reply = 'OK 1073741824\nfirst bytes of the guest';
          if (!split) socket.write(reply);
          else void writeOneByOne(socket, reply);
          socket.on('data', (more) => socket.write(more));
          socket.on('end', () => socket.end());
        });
      });
      const listener = openListener(t, 'tcp', {
        targets: [
          { address: side.address, preface: Buffer.from('CONNECT 5000\n'), replyLine: { prefix: 'OK ', maxBytes: 32 } },
        ],
      });
      const socket = await connectTo(listener.address);
      const greeting = 'first bytes of the guest';
      let heard = '';
      socket.on('data', (part) => {
        heard += part;
      });
      await until('the greeting', () => heard === greeting);
      socket.end();
    }
  });

  test('takes a wrong, endless or missing reply line for a failed dial and tries the next address', async (t) => {
    const echo = await openEcho(t, 'unix');
    const replies = ['NO thanks\n', 'OK 1234567890123456789', 'OK', '\n', ''];
    for (const reply of replies) {
      const bad = await openFarSide(t, 'unix', (socket) => socket.end(reply));
      const line = { preface: Buffer.from('CONNECT 1\n'), replyLine: { prefix: 'OK ', maxBytes: 16 } };
      const { result } = await dialOnce(t, { targets: [{ address: bad.address, ...line }] });
      assert.match(`${result.closed.forwardError}`, /^(EPROTO|ECONNREFUSED|ECONNRESET)$/, JSON.stringify(reply));
      const listener = openListener(t, 'tcp', {
        targets: [{ address: bad.address, ...line }, { address: echo.address }],
      });
      assert.equal(await ask(listener.address, 'second'), 'second');
    }
  });

  test('counts a far side that never answers the preface against the deadline', async (t) => {
    const silent = await openFarSide(t, 'unix', () => {});
    const { result, tookMs } = await dialOnce(t, {
      targets: [{ address: silent.address, replyLine: { prefix: 'OK ', maxBytes: 16 } }],
      dialTimeoutMs: 300,
    });
    assert.equal(result.closed.forwardError, 'dial timeout');
    assert.ok(tookMs >= 280 && tookMs < laneBoundMs(800), `${tookMs} ms`);
  });
});

async function writeOneByOne(socket: NodeJS.WritableStream, text: string): Promise<void> {
  for (const character of text) {
    socket.write(character);
    await new Promise(setImmediate);
  }
}

/** One connection that ends by itself, its result and how the near side saw it. */
async function dialOnce(t: TestContext, options: Partial<NativeListenOptions>) {
  const closed = Promise.withResolvers<NativeResult>();
  const onEvents = (events: readonly NativeEvent[]): void => {
    for (const event of events) if (event.type === 'closed') closed.resolve(event);
  };
  const listener = openListener(t, 'tcp', { ...options, onEvents }, openEngine(t));
  const started = performance.now();
  // The reset may be faster than the client's own connect.
  const outcome = await connectTo(listener.address).then(outcomeOf, (error: NodeJS.ErrnoException) => error.code ?? '');
  const tookMs = performance.now() - started;
  const { dialled, forwardError, backwardError } = await closed.promise;
  assert.equal(listener.counters().failed, 1);
  return { result: { outcome, closed: { dialled, forwardError, backwardError } }, tookMs };
}

async function ask(address: NativeAddress, text: string): Promise<string> {
  const socket = await connectTo(address);
  const answer = readAll(socket);
  socket.end(text);
  return (await answer).toString();
}

async function unusedPort(): Promise<NativeAddress> {
  return { kind: 'tcp', address: '127.0.0.1', port: await freePort() };
}
