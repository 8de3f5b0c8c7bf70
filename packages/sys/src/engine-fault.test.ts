// Any order of writes, ends and resets on both sides of the native engine: what arrives is a prefix of what was sent, all of
// it when nothing broke, a break is never a clean end, and nothing is left behind.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import type { Socket } from 'node:net';
import { test } from 'node:test';
import {
  connectTo,
  countDescriptors,
  hasEngine,
  openEngine,
  openFarSide,
  openListener,
  until,
} from '@caisson/testkit/loopback';
import fc from 'fast-check';

const skip = !hasEngine() && 'the addon is not built';
const runs = process.env['CAISSON_LANE'] === 'deep' ? 4_000 : 200;
const pool = randomBytes(1024 * 1024);

type Step = { readonly do: 'write'; readonly bytes: number } | { readonly do: 'yield' | 'pause' | 'reset' | 'close' };

const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constant('write' as const), bytes: fc.integer({ min: 1, max: 300_000 }) }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constantFrom('yield' as const, 'pause' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('reset' as const, 'close' as const) }) },
);
const script = fc.array(step, { maxLength: 12 });
const scenario = fc.record({
  near: script,
  far: script,
  nearKind: fc.constantFrom('tcp', 'unix'),
  farKind: fc.constantFrom('tcp', 'unix'),
});

interface Played {
  sent: number;
  received: number;
  ended: boolean;
  broke: boolean;
  faulty: boolean;
  reset: boolean;
}

test('keeps every byte in order and every break visible, whatever both sides do', {
  skip,
  timeout: 300_000,
}, async (t) => {
  const engine = openEngine(t);
  const arrivals: PromiseWithResolvers<Socket>[] = [];
  const sides = {
    tcp: await openFarSide(t, 'tcp', (socket) => arrivals.at(-1)?.resolve(socket), { pauseOnConnect: true }),
    unix: await openFarSide(t, 'unix', (socket) => arrivals.at(-1)?.resolve(socket), { pauseOnConnect: true }),
  };
  const listeners = new Map(
    (['tcp', 'unix'] as const).flatMap((near) =>
      (['tcp', 'unix'] as const).map((kind) => {
        const listener = openListener(t, near, { targets: [{ address: sides[kind].address }] }, engine);
        return [`${near} ${kind}`, listener] as const;
      }),
    ),
  );
  let descriptors = 0;
  await fc.assert(
    fc.asyncProperty(scenario, async ({ near, far, nearKind, farKind }) => {
      const listener = listeners.get(`${nearKind} ${farKind}`);
      assert.ok(listener !== undefined);
      const arrival = Promise.withResolvers<Socket>();
      arrivals.push(arrival);
      const nearSocket = await connectTo(listener.address);
      const farSocket = await arrival.promise;
      const [first, second] = await Promise.all([play(nearSocket, near, 1), play(farSocket, far, 2)]);
      await until('the connection is gone', () => listener.counters().active === 0, 1_000);

      assert.ok(first.received <= second.sent && second.received <= first.sent);
      if (!first.faulty && !second.faulty) {
        assert.deepEqual([first.received, second.received], [second.sent, first.sent]);
        assert.deepEqual([first.ended, second.ended, first.broke, second.broke], [true, true, false, false]);
      }
      // Only TCP can say reset, and only TCP can be told: a unix peer that leaves with everything read looks like an end.
      if (first.reset && farKind === 'tcp') assert.equal(second.ended, false);
      if (second.reset && nearKind === 'tcp') assert.equal(first.ended, false);
      if (descriptors === 0) await until('the first run has settled', () => nearSocket.closed && farSocket.closed);
      descriptors ||= countDescriptors();
    }),
    { seed: 20_261_120, numRuns: runs },
  );
  // Pipes for splicing are kept for the next connection; nothing else grows.
  await until('no descriptor is left', () => countDescriptors() <= descriptors + 32);
});

/** Plays one side's script, then ends; resolves when the socket has closed. Throws when bytes differ from what was sent. */
async function play(socket: Socket, steps: readonly Step[], own: number): Promise<Played> {
  const played: Played = { sent: 0, received: 0, ended: false, broke: false, faulty: false, reset: false };
  const closed = new Promise<void>((settle) => socket.once('close', () => settle()));
  let wrong: Error | undefined;
  socket.on('data', (part) => {
    if (!isStream(part, played.received, 3 - own)) wrong = new Error(`bytes differ after ${played.received}`);
    played.received += part.length;
  });
  socket.on('error', () => {
    played.broke = true;
  });
  socket.once('end', () => {
    played.ended = true;
  });
  socket.resume();
  for (const one of steps) {
    if (socket.destroyed) break;
    if (one.do === 'write') {
      socket.write(stream(played.sent, one.bytes, own));
      played.sent += one.bytes;
    } else if (one.do === 'pause') {
      socket.pause();
      await new Promise((settle) => setTimeout(settle, 1));
      socket.resume();
    } else if (one.do === 'yield') {
      await new Promise(setImmediate);
    } else {
      // A close with bytes under way is a break as well.
      played.faulty = true;
      played.reset = one.do === 'reset' && socket.remoteFamily !== undefined;
      if (played.reset) socket.resetAndDestroy();
      else socket.destroy();
      break;
    }
  }
  if (!socket.destroyed) socket.end();
  await closed;
  if (wrong !== undefined) throw wrong;
  return played;
}

/** The bytes at `offset` of side `own`'s endless stream: the pool, over and over, from a place of its own. */
function stream(offset: number, bytes: number, own: number): Buffer {
  const start = (offset + own * 1_000) % pool.length;
  const head = pool.subarray(start, start + bytes);
  return head.length === bytes ? head : Buffer.concat([head, pool.subarray(0, bytes - head.length)]);
}

function isStream(part: Buffer, offset: number, own: number): boolean {
  return part.equals(stream(offset, part.length, own));
}
