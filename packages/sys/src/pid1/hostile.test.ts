// A supervisor that has been taken over writes what it likes on fd 3. It ends, and PID 1 and the services go on.
import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { test } from 'node:test';
import { openProcessHost } from '@caisson/sys';
import { laneFigure } from '@caisson/testkit/contract';
import { arrangeSupervised, childrenOf, probeRequest, pid1Skip as skip } from '@caisson/testkit/pid1';
import fc from 'fast-check';
import { encodeForget, encodeFrame, encodeSignal, encodeStart } from './frame.ts';

// Chosen.
const timeout = 300_000;
const hasty = ['--patience', '1024:5:300:300'];
const identity = { pid: 101, startTime: 123_456 };
const start = encodeStart(probeRequest('web', ['exit', '0'], { env: { A: 'b' } }));

/** True when PID 1 has ended this supervisor; false when a table request is still answered. */
async function isEnded(socket: Socket): Promise<boolean> {
  const host = openProcessHost({ socket, timeoutMs: 20_000 });
  const closed = host.closed.then(() => true);
  return await Promise.race([
    closed,
    host.table().then(
      () => false,
      () => true,
    ),
  ]);
}

test('a frame that is none of the protocol ends the supervisor by SIGKILL, and no service', {
  skip,
  timeout,
}, async (context) => {
  const scene = await arrangeSupervised(context, {}, hasty);
  const host = await scene.nextHost();
  const service = await host.start(probeRequest('stays', ['wait']));
  const cut = (frame: Buffer, by: number): Buffer => {
    const body = frame.subarray(4 + 5, frame.length - by);
    return encodeFrame(frame.readUInt8(4), 7, body);
  };
  const whole = encodeFrame(1, 7, start);
  const broken: Readonly<Record<string, Buffer>> = {
    'length 0': Buffer.from('00000000', 'hex'),
    'length 4': Buffer.from('0000000401000000', 'hex'),
    'length 8193': Buffer.from('00002001', 'hex'),
    'length 2^32 - 1': Buffer.from('ffffffff', 'hex'),
    'id 0': encodeFrame(2, 0),
    'type 0': encodeFrame(0, 7),
    'type 6': encodeFrame(6, 7),
    'type of an answer': encodeFrame(65, 7, Buffer.alloc(12)),
    'table with a body': encodeFrame(2, 7, Buffer.of(0)),
    'end without a code': encodeFrame(5, 7),
    'start, empty': encodeFrame(1, 7),
    'start without its last NUL': cut(whole, 1),
    'start, cut in the middle': cut(whole, start.length - 30),
    'start with a byte too many': encodeFrame(1, 7, Buffer.concat([start, Buffer.of(0)])),
    'signal without its NUL': cut(encodeFrame(3, 7, encodeSignal('web', identity, 9, 'process')), 1),
    'forget with two names': encodeFrame(4, 7, Buffer.concat([encodeForget('web', identity), Buffer.from('x\0')])),
  };
  host.close();
  for (const [what, bytes] of Object.entries(broken)) {
    const socket = await scene.nextSocket();
    socket.write(bytes);
    await once(socket.resume(), 'close');
    match(scene.run.console(), /supervisor is killed: its frame is none of the protocol/, what);
  }
  const last = await scene.nextHost();
  deepEqual(await last.table(), [{ name: 'stays', ...service }]);
});

test('a supervisor that asks and never listens makes PID 1 neither wait nor grow', {
  skip,
  timeout,
}, async (context) => {
  const scene = await arrangeSupervised(context, {}, hasty);
  const socket = await scene.nextSocket();
  const request = encodeFrame(2, 7);
  const flood = Buffer.concat(Array.from({ length: 200_000 }, () => request));
  socket.write(flood);
  socket.pause();
  await once(socket, 'drain', { signal: AbortSignal.timeout(500) }).catch(() => {});
  const ticks = (): number => {
    const fields = readFileSync(`/proc/${scene.run.pid()}/stat`, 'utf8')
      .replace(/^.*\) /, '')
      .split(' ');
    return Number(fields[11]) + Number(fields[12]);
  };
  // However slowly it takes what it was sent, it comes to rest.
  for (let [used, looks] = [Number.POSITIVE_INFINITY, 0]; used > 3; looks += 1) {
    ok(looks < 100, `${used} ticks of 10 ms in 300 ms: it turns instead of waiting`);
    const busy = ticks();
    await new Promise((resolve) => setTimeout(resolve, 300));
    used = ticks() - busy;
  }
  const before = scene.supervisorPid()!;
  process.kill(before, 'SIGKILL');
  const host = openProcessHost({ socket: await scene.nextSocket() });
  context.after(() => host.close());
  deepEqual(await host.table(), []);
  socket.destroy();
});

test('a reader that is slow gets every answer in the end, and each end once', { skip, timeout }, async (context) => {
  const scene = await arrangeSupervised(context, {}, hasty);
  const host = await scene.nextHost();
  const ended: string[] = [];
  host.onEvent((event) => event.kind === 'ended' && ended.push(event.entry.name));
  const long = 'x'.repeat(120);
  const names = Array.from({ length: 256 }, (_, index) => `${long}${index}`);
  const identities = await Promise.all(names.map((name) => host.start(probeRequest(name, ['wait']))));
  // 256 entries with long names are 36 KiB: more than the queue, many times over.
  const tables = Promise.all(Array.from({ length: 50 }, () => host.table()));
  await Promise.all(names.map((name, index) => host.signal(name, identities[index]!, 9, 'process')));
  for (const table of await tables) equal(table.length, 256);
  const over = async (): Promise<number> => (await host.table()).filter(({ end }) => end !== undefined).length;
  while ((await over()) < 256) await new Promise((resolve) => setImmediate(resolve));
  await new Promise((resolve) => setImmediate(resolve));
  equal(new Set(ended).size, ended.length, 'an end was told twice');
});

test('whatever a supervisor writes, PID 1 lives, has one supervisor and no zombie', {
  skip,
  timeout,
}, async (context) => {
  const scene = await arrangeSupervised(context, {}, hasty);
  const host = await scene.nextHost();
  const service = await host.start(probeRequest('stays', ['wait']));
  host.close();
  const body = fc.oneof(
    fc.constantFrom(start, encodeSignal('web', identity, 9, 'cgroup'), encodeForget('web', identity)),
    fc.uint8Array({ maxLength: 80 }).map((bytes) => Buffer.from(bytes)),
  );
  // None that the client will use: an answer to these must not be taken for its own.
  const ids = fc.constantFrom(0, 9001, 9002, 9003);
  const frame = fc
    .tuple(fc.integer({ min: 0, max: 6 }), ids, body, fc.nat(100), fc.nat(255))
    // An `end` would be obeyed.
    .filter(([type]) => type !== 5)
    .map(([type, id, bytes, at, byte]) => {
      const whole = encodeFrame(type, id, bytes);
      if (at >= 9 && at < whole.length) whole[at] = byte;
      return whole;
    });
  const streams = fc.sample(fc.array(frame, { minLength: 1, maxLength: 6 }), {
    seed: 7,
    numRuns: laneFigure('pid1-frames'),
  });
  for (const frames of streams) {
    const socket = await scene.nextSocket();
    socket.write(Buffer.concat(frames));
    if (await isEnded(socket)) continue;
    process.kill(scene.supervisorPid()!, 'SIGKILL');
  }
  const last = await scene.nextHost();
  const entry = (await last.table()).find(({ name }) => name === 'stays');
  deepEqual(entry, { name: 'stays', ...service });
  ok(childrenOf(scene.run.pid()).length >= 2);
});
