// Reading a first line off real sockets: what is taken, what is left, and what is refused.
import { deepEqual, equal, ok } from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import type { Server, Socket } from 'node:net';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import fc from 'fast-check';
import { readFirstLine } from './first-line.ts';

const limits = { maxBytes: 40, timeoutMs: 5_000 };
let directory: string;
let server: Server;

before(async () => {
  directory = mkdtempSync(join(tmpdir(), 'caisson-'));
  server = createServer({ allowHalfOpen: true }).listen(join(directory, 's'));
  await once(server, 'listening');
});
after(() => {
  server.close();
  rmSync(directory, { recursive: true });
});

/** Writes the chunks in segments of their own to one end of a connection and calls `body` with the other end. */
async function withSegments<Value>(
  chunks: readonly Uint8Array[],
  last: 'end' | 'destroy' | 'stay',
  body: (socket: Socket) => Promise<Value>,
  first: (dialler: Socket) => void = () => {},
): Promise<Value> {
  const dialler = connect({ path: join(directory, 's'), allowHalfOpen: true }).on('error', () => {});
  const [accepted] = (await once(server, 'connection')) as [Socket];
  first(dialler);
  const result = body(accepted);
  for (const chunk of chunks) {
    await new Promise((resolve) => dialler.write(chunk, resolve));
    // Two loop turns, so that the other end reads this segment before the next one is there.
    await nextTurn();
    await nextTurn();
  }
  if (last === 'end') dialler.end();
  if (last === 'destroy') dialler.destroy();
  try {
    return await result;
  } finally {
    dialler.destroy();
    accepted.destroy();
  }
}

function readLine(socket: Socket, chosen = limits): Promise<{ line: string } | { fault: unknown }> {
  return new Promise((resolve) => {
    readFirstLine(
      socket,
      chosen,
      (line) => resolve({ line }),
      (error) => resolve({ fault: (error as NodeJS.ErrnoException).code }),
    );
  });
}

async function readLineAndRest(socket: Socket): Promise<{ line: unknown; rest: string }> {
  const outcome = await readLine(socket);
  const parts: Buffer[] = [];
  for await (const part of socket) parts.push(part);
  return { line: outcome, rest: Buffer.concat(parts).toString('latin1') };
}

test('leaves every byte after the line, wherever the stream is split', async () => {
  const stream = Buffer.from('CAISSON-FABRIC/1 16 5000\nGET / HTTP/1.1\n\n');
  for (let split = 0; split <= stream.length; split += 1) {
    const segments = [stream.subarray(0, split), stream.subarray(split)].filter((part) => part.length > 0);
    deepEqual(
      await withSegments(segments, 'end', readLineAndRest),
      { line: { line: 'CAISSON-FABRIC/1 16 5000' }, rest: 'GET / HTTP/1.1\n\n' },
      `split at ${split}`,
    );
  }
});

test('leaves every byte after the line when all bytes come one by one', async () => {
  const stream = Buffer.from('OK 1073741824\n\nrest');
  const segments = Array.from(stream, (byte) => Uint8Array.of(byte));
  deepEqual(await withSegments(segments, 'end', readLineAndRest), { line: { line: 'OK 1073741824' }, rest: '\nrest' });
});

test('leaves any bytes after any line, in any segments', async () => {
  const line = fc.string({ unit: fc.constantFrom('a', ' ', '\r', '\0', 'ÿ'), maxLength: 39 });
  const rest = fc.uint8Array({ maxLength: 200 });
  const cuts = fc.array(fc.nat(240), { maxLength: 6 });
  await fc.assert(
    fc.asyncProperty(line, rest, cuts, async (text, tail, at) => {
      const stream = Buffer.concat([Buffer.from(`${text}\n`, 'latin1'), tail]);
      const edges = [0, ...at.map((cut) => Math.min(cut, stream.length)).sort((x, y) => x - y), stream.length];
      const segments = edges.slice(1).map((edge, index) => stream.subarray(edges[index], edge));
      const seen = await withSegments(
        segments.filter((part) => part.length > 0),
        'end',
        readLineAndRest,
      );
      deepEqual(seen, { line: { line: text }, rest: Buffer.from(tail).toString('latin1') });
    }),
    { seed: 1, numRuns: 150 },
  );
});

test('takes a line of exactly maxBytes and refuses one byte more', async () => {
  const longest = Buffer.from(`${'x'.repeat(39)}\n`);
  deepEqual(await withSegments([longest], 'stay', readLine), { line: 'x'.repeat(39) });
  const tooLong = Buffer.from(`${'x'.repeat(40)}\n`);
  deepEqual(await withSegments([tooLong], 'stay', readLine), { fault: 'TRANSPORT_LINE_LIMIT' });
});

test('refuses a line that is cut at any byte, by an end or by a close', async () => {
  const line = Buffer.from('CAISSON-FABRIC/1 16 5000');
  for (let length = 0; length <= line.length; length += 1) {
    for (const last of ['end', 'destroy'] as const) {
      const segments = length === 0 ? [] : [line.subarray(0, length)];
      deepEqual(await withSegments(segments, last, readLine), { fault: 'TRANSPORT_LINE_CUT' }, `${last} at ${length}`);
    }
  }
});

test('refuses a line that is late, counting from the accept and not from the last byte', async () => {
  const startedAtMs = performance.now();
  const read = (socket: Socket): Promise<unknown> => readLine(socket, { maxBytes: 40, timeoutMs: 100 });
  const slow = Array.from({ length: 3 }, () => Buffer.from('x'));
  deepEqual(await withSegments(slow, 'stay', read), { fault: 'TRANSPORT_LINE_LATE' });
  ok(performance.now() - startedAtMs >= 95);
});

test('takes a line that was there in time although this process was too busy to look', async () => {
  const seen = await withSegments(
    [],
    'stay',
    (socket) => {
      const outcome = readLine(socket, { maxBytes: 40, timeoutMs: 20 });
      // The peer writes, and this process blocks until long after the deadline before its loop turns again.
      const writer = spawnSync('sleep', ['0.06']);
      equal(writer.status, 0);
      return outcome;
    },
    (dialler) => dialler.write('hello\n'),
  );
  deepEqual(seen, { line: 'hello' });
});

test('reports an error of the socket as it is', async () => {
  const seen = await withSegments([], 'stay', (socket) => {
    const outcome = readLine(socket);
    socket.destroy(Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' }));
    return outcome;
  });
  deepEqual(seen, { fault: 'ECONNRESET' });
});

test('says nothing more once cancelled, and leaves no listener of its own', async () => {
  await withSegments([Buffer.from('line\n')], 'stay', async (socket) => {
    const before = socket.eventNames().map((name) => [name, socket.listenerCount(name)]);
    readFirstLine(
      socket,
      limits,
      () => ok(false, 'a line after the cancel'),
      () => ok(false, 'a fault after the cancel'),
    )();
    deepEqual(
      socket.eventNames().map((name) => [name, socket.listenerCount(name)]),
      before,
    );
    equal(String(await new Promise((resolve) => socket.once('data', resolve))), 'line\n');
  });
});
