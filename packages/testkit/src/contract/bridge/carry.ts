// Promises about bytes: all of them, in order, both ways, past an end of file, and held back when the reader is slow.
import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import type { BridgeEvent } from '@caisson/link/bridge';
import { laneFigure } from '../lane.ts';
import type { BridgePromise } from './promise.ts';
import { digestOf, digestToEnd, echo, eventually, madeBytes, roundTrip, within } from './stream.ts';

// Given: reference rows R-B1, R-B4.
const answerBytes = 5 * 1024 * 1024;
const echoBytes = 65_536;
const rounds = 3;
const atOnce = 8;
// Chosen.
const dialledAtOnce = 128;

export const carryPromises: readonly BridgePromise[] = [
  {
    title: 'carries bytes both ways, counts them, and tells of beginning and end',
    async run(water) {
      const far = await water.serve(echo);
      const bridge = await water.open(far.address);
      const sent = madeBytes(200_000, 1);
      const socket = await water.connect(bridge);
      const read = digestToEnd(socket);
      socket.end(sent);
      assert.deepEqual(await within(read, 'the echo', 20_000), digestOf(sent));
      await eventually(
        () => water.events.length === 2,
        () => `two events, got ${JSON.stringify(water.events)}`,
      );
      const [accepted, closed] = water.events;
      assert.equal(accepted?.type, 'accepted');
      assert.ok(closed?.type === 'closed');
      assert.equal(closed.id, accepted?.id);
      assert.deepEqual(
        [closed.dialled, closed.forwardBytes, closed.backwardBytes, closed.forwardError, closed.backwardError],
        [true, sent.length, sent.length, undefined, undefined],
      );
      assert.deepEqual(bridge.counters(), {
        accepted: 1,
        active: 0,
        refused: 0,
        failed: 0,
        forwardBytes: sent.length,
        backwardBytes: sent.length,
      });
    },
  },
  {
    title: 'tells whose connection it was where the family has addresses',
    on: ({ near }) => near !== 'unix',
    async run(water) {
      const far = await water.serve(echo);
      const socket = await water.connect(await water.open(far.address));
      await roundTrip(socket, Buffer.from('x'));
      await eventually(() => water.events.length > 0, 'an accepted event');
      const { peer } = water.events[0]!;
      if (water.options.near === 'fabric') assert.equal(peer?.kind === 'vsock' && peer.cid, 16);
      else assert.deepEqual(peer, { kind: 'tcp', address: '127.0.0.1', port: socket.localPort });
    },
  },
  {
    title: 'R-B4 carries 5 MiB towards a side that has ended, whichever side ended first',
    async run(water) {
      const count = water.options.heavy ? laneFigure('R-B4') : Math.ceil(laneFigure('R-B4') / 4);
      const body = madeBytes(answerBytes, 4);
      const expected = digestOf(body);
      for (const first of ['near', 'far'] as const) {
        const far = await water.serve((socket) => (first === 'near' ? answerAtEnd(socket, body) : endThenRead(socket)));
        const bridge = await water.open(far.address);
        const results: unknown[] = [];
        const endThenRead = (socket: Socket): void => {
          socket.end();
          digestToEnd(socket).then(
            (digest) => results.push(digest),
            (error) => results.push(error),
          );
        };
        await inBatches(count, async () => {
          const socket = await water.connect(bridge);
          const read = digestToEnd(socket);
          if (first === 'near') {
            socket.end('question');
            results.push(await within(read, 'the answer after the end of file', 30_000));
          } else {
            assert.equal((await within(read, 'the far end of file', 30_000)).bytes, 0);
            socket.end(body);
          }
        });
        await eventually(() => results.length === count, 'every transfer to end', 30_000);
        for (const result of results) assert.deepEqual(result, expected, `${first} side ended first`);
        await eventually(() => bridge.counters().active === 0, 'no connection left');
      }
    },
  },
  {
    title: 'R-B1 carries many connections at once without losing, mixing or leaking any',
    async run(water) {
      const count = water.options.heavy ? laneFigure('R-B1') : Math.ceil(laneFigure('R-B1') / 16);
      let served = 0;
      const far = await water.serve((socket) => {
        served += 1;
        echo(socket);
      });
      const bridge = await water.open(far.address, { limits: { maxConnections: count } });
      const body = madeBytes(echoBytes, 2);
      for (let round = 0; round < (water.options.heavy ? 1 : rounds); round += 1) {
        const sockets: Socket[] = [];
        // All are alive before the first byte: what is asked of them here is to be carried at once, not to be dialled so.
        for (let size = 0; size < count; size += dialledAtOnce) {
          const batch = Array.from({ length: Math.min(dialledAtOnce, count - size) }, () => water.connect(bridge));
          sockets.push(...(await Promise.all(batch)));
          await eventually(() => served === round * count + sockets.length, 'the far side of each');
        }
        assert.equal(bridge.counters().active, count);
        await within(
          Promise.all(
            sockets.map(async (socket, index) => {
              const own = Buffer.from(body);
              own.writeUInt32BE(index);
              const read = digestToEnd(socket);
              socket.end(own);
              assert.deepEqual(await read, digestOf(own));
            }),
          ),
          `${count} echoes`,
          60_000,
        ).catch(async (error: Error) => {
          // The bridge's own word on what ended says more than the socket that saw it.
          await eventually(() => water.events.some(isBad), `${error.message}, and the bridge to say why`, 1_000);
          assert.fail(`${error.message}: ${JSON.stringify(water.events.find(isBad))}`);
        });
        await eventually(() => bridge.counters().active === 0, 'no connection left');
      }
      const { accepted, refused, failed } = bridge.counters();
      assert.deepEqual({ refused, failed }, { refused: 0, failed: 0 });
      assert.ok(accepted >= count);
    },
  },
  {
    title: 'holds a fast writer back while the reader is slow, and loses nothing',
    async run(water) {
      let reader: Socket | undefined;
      const far = await water.serve((socket) => {
        reader = socket.pause();
      });
      const bridge = await water.open(far.address);
      const socket = await water.connect(bridge);
      const total = await writeUntilStuck(socket);
      const { forwardBytes } = bridge.counters();
      // What the kernel holds on both legs is the kernel's; what was taken in must stay near it.
      assert.ok(forwardBytes <= total, `took ${forwardBytes} of ${total} bytes`);
      await eventually(() => reader !== undefined, 'the far side');
      const read = digestToEnd(reader!.resume());
      socket.end();
      assert.equal((await within(read, 'all bytes once the reader reads', 20_000)).bytes, total);
      reader!.end();
      await eventually(() => bridge.counters().active === 0, 'no connection left');
      assert.equal(bridge.counters().forwardBytes, total);
    },
  },
];

function isBad(event: BridgeEvent): boolean {
  return (
    event.type === 'refused' || (event.type === 'closed' && (event.forwardError ?? event.backwardError) !== undefined)
  );
}

function answerAtEnd(socket: Socket, body: Buffer): void {
  socket.resume().once('end', () => socket.end(body));
}

/** Writes until nothing has been taken for a while; resolves with the bytes handed over. Fails when that never comes. */
async function writeUntilStuck(socket: Socket): Promise<number> {
  const chunk = madeBytes(65_536, 3);
  const most = 256 * 1024 * 1024;
  let total = 0;
  for (;;) {
    total += chunk.length;
    assert.ok(total < most, `a stuck reader must stop the writer within ${most} bytes`);
    if (socket.write(chunk)) continue;
    const drained = new Promise<boolean>((settle) => {
      const timer = setTimeout(() => settle(false), 300);
      socket.once('drain', () => {
        clearTimeout(timer);
        settle(true);
      });
    });
    if (!(await drained)) return total;
  }
}

async function inBatches(count: number, run: () => Promise<void>): Promise<void> {
  let left = count;
  const worker = async (): Promise<void> => {
    while (left > 0) {
      left -= 1;
      await run();
    }
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, count) }, worker));
}
