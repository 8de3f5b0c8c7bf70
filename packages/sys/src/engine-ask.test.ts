// Connections whose far side JavaScript chooses, with and without a first line.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { laneBoundMs } from '@caisson/testkit/contract';
import {
  connectTo,
  finish,
  hasEngine,
  openEcho,
  openListener,
  outcomeOf,
  readAll,
  until,
} from '@caisson/testkit/loopback';
import type { NativeAsk, NativeEvent } from './native-engine.ts';

const skip = !hasEngine() && 'the addon is not built';
const acceptLine = { maxBytes: 40, timeoutMs: 1_000 };

describe('native engine, asking', { skip }, () => {
  test('asks where each connection goes and tells its peer', async (t) => {
    const echo = await openEcho(t, 'unix');
    const asks: NativeAsk[] = [];
    const listener = openListener(t, 'tcp', {
      onAsk(ask) {
        asks.push(ask);
        setImmediate(() => ask.dial([{ address: echo.address, preface: Buffer.from(`${ask.id}:`) }]));
      },
    });
    const sockets = await Promise.all(Array.from({ length: 50 }, () => connectTo(listener.address)));
    const answers = await Promise.all(
      sockets.map((socket) => {
        const answer = readAll(socket);
        socket.end(`port ${socket.localPort}`);
        return answer;
      }),
    );
    for (const answer of answers) {
      const [id, text] = answer.toString().split(':');
      const ask = asks.find((one) => one.id === Number(id));
      assert.ok(ask?.peer?.kind === 'tcp');
      assert.equal(text, `port ${ask.peer.port}`);
      assert.equal(ask.peer.address, '127.0.0.1');
      assert.equal(ask.line, undefined);
    }
    assert.equal(new Set(asks.map(({ id }) => id)).size, 50);
  });

  test('resets what onAsk refuses, with its words in the event, and counts it', async (t) => {
    const events: NativeEvent[] = [];
    const listener = openListener(t, 'tcp', {
      onAsk: (ask) => ask.refuse('not today'),
      onEvents: (batch) => events.push(...batch),
    });
    const outcome = await connectTo(listener.address).then(outcomeOf, (error: NodeJS.ErrnoException) => error.code);
    assert.equal(outcome, 'ECONNRESET');
    await until('the event', () => events.length === 2);
    assert.deepEqual(
      events.map(({ type }) => type),
      ['accepted', 'refused'],
    );
    assert.ok(events[1]?.type === 'refused' && events[1].reason === 'not today');
    const { accepted, refused, failed, active } = listener.counters();
    assert.deepEqual({ accepted, refused, failed, active }, { accepted: 1, refused: 1, failed: 0, active: 0 });
  });

  test('ends an unanswered question at the dial deadline and takes the late answer for nothing', async (t) => {
    const echo = await openEcho(t, 'unix');
    const asks: NativeAsk[] = [];
    const listener = openListener(t, 'tcp', { onAsk: (ask) => asks.push(ask), dialTimeoutMs: 150 });
    const socket = await connectTo(listener.address);
    assert.equal(await outcomeOf(socket), 'ECONNRESET');
    assert.equal(listener.counters().failed, 1);
    await until('the end of the connection', () => listener.counters().active === 0);
    asks[0]?.dial([{ address: echo.address }]);
    asks[0]?.refuse('too late as well');
    const { failed, refused, active } = listener.counters();
    assert.deepEqual({ failed, refused, active }, { failed: 1, refused: 0, active: 0 });
  });

  test('reads the first line wherever it is split and relays exactly what follows it', async (t) => {
    const echo = await openEcho(t, 'unix');
    const lines: (string | undefined)[] = [];
    const onAsk = (ask: NativeAsk): void => {
      lines.push(ask.line);
      ask.dial();
    };
    const listener = openListener(t, 'unix', { targets: [{ address: echo.address }], acceptLine, onAsk });
    const whole = Buffer.from('CAISSON-FABRIC/1 16 1073745920\nbody\nmore');
    for (let cut = 0; cut <= whole.length; cut++) {
      const socket = await connectTo(listener.address);
      const answer = readAll(socket);
      socket.write(whole.subarray(0, cut));
      await new Promise(setImmediate);
      socket.end(whole.subarray(cut));
      assert.equal((await answer).toString(), 'body\nmore', `cut at ${cut}`);
      assert.equal(lines.at(-1), 'CAISSON-FABRIC/1 16 1073745920', `cut at ${cut}`);
    }
    const socket = await connectTo(listener.address);
    const answer = readAll(socket);
    for (const byte of whole) {
      socket.write(Buffer.of(byte));
      await new Promise(setImmediate);
    }
    socket.end();
    assert.equal((await answer).toString(), 'body\nmore');
  });

  test('hands the bytes of a line over one character each, whatever they are', async (t) => {
    const line = Promise.withResolvers<string | undefined>();
    const onAsk = (ask: NativeAsk): void => {
      line.resolve(ask.line);
      ask.refuse('seen');
    };
    const listener = openListener(t, 'unix', { acceptLine, onAsk });
    const socket = await connectTo(listener.address);
    socket.write(Buffer.of(0, 0xff, 0xc3, 0x28, 0x0d, 0x0a));
    assert.equal(await line.promise, '\u0000\u00ff\u00c3(\r');
    await finish(socket);
  });

  test('refuses a first line that is too long, too late or cut short, and never asks about it', async (t) => {
    const events: NativeEvent[] = [];
    let asked = 0;
    const listener = openListener(t, 'tcp', {
      acceptLine: { maxBytes: 40, timeoutMs: 200 },
      onAsk: () => asked++,
      onEvents: (batch) => events.push(...batch),
    });
    const long = await connectTo(listener.address);
    long.write('x'.repeat(40));
    assert.equal(await outcomeOf(long), 'ECONNRESET');
    const short = await connectTo(listener.address);
    short.end('CAISSON');
    assert.equal(await outcomeOf(short), 'ECONNRESET');
    const empty = await connectTo(listener.address);
    empty.end();
    assert.equal(await outcomeOf(empty), 'ECONNRESET');
    const started = performance.now();
    const late = await connectTo(listener.address);
    late.write('CAISSON');
    assert.equal(await outcomeOf(late), 'ECONNRESET');
    const tookMs = performance.now() - started;
    assert.ok(tookMs >= 180 && tookMs < laneBoundMs(700), `${tookMs} ms`);
    await until('the events', () => events.filter(({ type }) => type === 'refused').length === 4);
    assert.deepEqual(
      events.flatMap((event) => (event.type === 'refused' ? [event.reason] : [])),
      ['first line too long', 'first line ended', 'first line ended', 'first line late'],
    );
    assert.equal(asked, 0);
    assert.equal(listener.counters().refused, 4);
  });

  test('takes a line of exactly maxBytes with its newline', async (t) => {
    const echo = await openEcho(t, 'tcp');
    const seen: (string | undefined)[] = [];
    const onAsk = (ask: NativeAsk): void => {
      seen.push(ask.line);
      ask.dial([{ address: echo.address }]);
    };
    const listener = openListener(t, 'tcp', { acceptLine, onAsk });
    const socket = await connectTo(listener.address);
    const answer = readAll(socket);
    socket.end(`${'y'.repeat(39)}\nrest`);
    assert.equal((await answer).toString(), 'rest');
    assert.deepEqual(seen, ['y'.repeat(39)]);
  });

  test('refuses the connection when onAsk throws, and lets the fault be seen', async (t) => {
    const fault = new Error('a fault of the owner');
    const uncaught = Promise.withResolvers<unknown>();
    const others = process.listeners('uncaughtException');
    process.removeAllListeners('uncaughtException');
    process.once('uncaughtException', uncaught.resolve);
    t.after(() => {
      for (const other of others) process.on('uncaughtException', other);
    });
    const listener = openListener(t, 'tcp', {
      onAsk() {
        throw fault;
      },
    });
    const outcome = await connectTo(listener.address).then(outcomeOf, (error: NodeJS.ErrnoException) => error.code);
    assert.equal(outcome, 'ECONNRESET');
    assert.equal(await uncaught.promise, fault);
    assert.equal(listener.counters().refused, 1);
  });
});
