// The socket form of an NSM: order under every split, deadlines, bounds, and what is left when either end dies.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { concatBytes, parseHex, toHex } from '@caisson/core/bytes';
import { encodeFrame, FrameReader } from '@caisson/core/frame';
import { createNsmClient, encodeNsmRequest, encodeNsmResponse, parseNsmRequest } from '@caisson/core/nitro';
import type { NsmDevice } from '@caisson/sys';
import { laneBoundMs } from '@caisson/testkit/contract';
import { type NsmSocketServerOptions, openNsmSocket, type PathServer, serveNsmSocket } from './index.ts';

function folderOf(context: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'csn-'));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** An ExtendPCR's data comes back in its answer; a LockPCR waits until `release` is called. */
function echoDevice(): NsmDevice & { readonly asked: () => number; release: () => void } {
  let asked = 0;
  const held: (() => void)[] = [];
  return {
    asked: () => asked,
    release: () => held.shift()?.(),
    async request(bytes) {
      asked += 1;
      const request = parseNsmRequest(bytes);
      if (request.type === 'LockPCR') await new Promise<void>((resolve) => held.push(resolve));
      if (request.type === 'ExtendPCR') return encodeNsmResponse({ type: 'ExtendPCR', data: request.data });
      return encodeNsmResponse({ type: 'LockPCR' });
    },
    close: () => Promise.resolve(),
  };
}

async function serve(
  context: TestContext,
  options: Partial<NsmSocketServerOptions> = {},
): Promise<PathServer & { readonly faults: Promise<Error | undefined>[] }> {
  const gone: ((fault: Error | undefined) => void)[] = [];
  const faults: Promise<Error | undefined>[] = [];
  const server = await serveNsmSocket({
    path: join(options.path ?? folderOf(context), 'nsm.sock'),
    device: echoDevice(),
    ...withoutPath(options),
    onConnection: (id) => {
      faults[id - 1] = new Promise((resolve) => {
        gone[id - 1] = resolve;
      });
    },
    onDisconnect: (id, fault) => gone[id - 1]?.(fault),
  });
  context.after(() => server.close());
  return Object.assign(server, { faults });
}

function withoutPath({ path: _, ...rest }: Partial<NsmSocketServerOptions>): Partial<NsmSocketServerOptions> {
  return rest;
}

function extend(data: Uint8Array): Uint8Array {
  return encodeNsmRequest({ type: 'ExtendPCR', index: 16, data });
}

function numbered(number: number): Uint8Array {
  return extend(Uint8Array.of(number >> 16, number >> 8, number));
}

async function dial(context: TestContext, path: string): Promise<Socket> {
  const socket = connect({ path, allowHalfOpen: true });
  context.after(() => socket.destroy());
  socket.on('error', () => {});
  await once(socket, 'connect');
  return socket;
}

/** The next `count` answers of a raw socket, as hex; fewer when it ends. */
async function answers(socket: Socket, count: number): Promise<string[]> {
  const reader = new FrameReader({ maxBytes: 12_288 });
  const seen: string[] = [];
  for await (const chunk of socket.iterator({ destroyOnReturn: false })) {
    reader.push(chunk as Uint8Array);
    for (let one = reader.next(); one !== undefined; one = reader.next()) seen.push(toHex(one));
    if (seen.length >= count) break;
  }
  return seen;
}

test('an NSM client speaks through the socket as through a device', async (context) => {
  const { path } = await serve(context);
  const device = await openNsmSocket(path);
  const client = createNsmClient(device);
  assert.deepEqual(await client.extendPcr(16, Uint8Array.of(1, 2, 3)), Uint8Array.of(1, 2, 3));
  await device.close();
});

test('the frames are those of docs/wire/nsm.md', async (context) => {
  const page = readFileSync(join(import.meta.dirname, '../../../../docs/wire/nsm.md'), 'utf8');
  const [request = '', response = ''] = [...page.matchAll(/^\| frame \| .+ \| `([0-9a-f]+)` \|$/gm)].map(
    ([, hex = '']) => hex,
  );
  const { path } = await serve(context);
  const socket = await dial(context, path);
  socket.end(parseHex(request));
  assert.deepEqual(await answers(socket, 2), [response.slice(8)]);
  assert.equal(toHex(encodeFrame(parseHex(response.slice(8)))), response);
});

test('answers come whole and in order, split at every byte', async (context) => {
  const { path } = await serve(context);
  const stream = concatBytes(encodeFrame(numbered(1)), encodeFrame(numbered(2)));
  const expected = [1, 2].map((number) =>
    toHex(encodeNsmResponse({ type: 'ExtendPCR', data: Uint8Array.of(0, 0, number) })),
  );
  for (let cut = 1; cut < stream.length; cut += 1) {
    const socket = await dial(context, path);
    socket.write(stream.subarray(0, cut));
    await turn();
    socket.end(stream.subarray(cut));
    assert.deepEqual(await answers(socket, 3), expected, `cut at ${cut}`);
  }
  const socket = await dial(context, path);
  for (const byte of stream) {
    socket.write(Uint8Array.of(byte));
    await turn();
  }
  socket.end();
  assert.deepEqual(await answers(socket, 3), expected);
});

test('the client takes answers split at every byte', async (context) => {
  const path = join(folderOf(context), 'nsm.sock');
  const frame = encodeFrame(encodeNsmResponse({ type: 'LockPCR' }));
  const server = createServer((socket) => {
    socket.once('data', async () => {
      for (const byte of frame) {
        socket.write(Uint8Array.of(byte));
        await turn();
      }
    });
  });
  await listening(context, server, path);
  const device = await openNsmSocket(path);
  assert.equal(toHex(await device.request(encodeNsmRequest({ type: 'LockPCR', index: 16 }))), toHex(frame.subarray(4)));
  await device.close();
});

test('10,000 pipelined requests get 10,000 answers in order', async (context) => {
  const { path } = await serve(context);
  const device = await openNsmSocket(path);
  const results = await Promise.all(
    Array.from({ length: 10_000 }, async (_, number) => {
      const response = await device.request(numbered(number));
      const { length } = response;
      return (response[length - 3]! << 16) | (response[length - 2]! << 8) | response[length - 1]!;
    }),
  );
  assert.deepEqual(
    results,
    Array.from({ length: 10_000 }, (_, number) => number),
  );
  await device.close();
});

test('one connection has one request at the device at a time, and another does not wait for it', async (context) => {
  const device = echoDevice();
  const { path } = await serve(context, { device });
  const [slow, quick] = await Promise.all([openNsmSocket(path), openNsmSocket(path)]);
  const held = slow.request(encodeNsmRequest({ type: 'LockPCR', index: 16 }));
  const behind = slow.request(numbered(1));
  await quick.request(numbered(2));
  await quick.request(numbered(3));
  assert.equal(device.asked(), 3);
  device.release();
  await Promise.all([held, behind]);
  assert.equal(device.asked(), 4);
  await Promise.all([slow.close(), quick.close()]);
});

test('a caller who ends its side first still gets every answer, also the greatest', async (context) => {
  const { path, faults } = await serve(context);
  const socket = await dial(context, path);
  const request = extend(new Uint8Array(4069));
  assert.equal(request.length, 4096);
  socket.end(concatBytes(...Array.from({ length: 50 }, () => encodeFrame(request))));
  assert.equal((await answers(socket, 51)).length, 50);
  assert.equal(await faults[0], undefined);
});

for (const [what, bytes, code] of [
  ['a frame of 4,097 bytes', Uint8Array.of(0, 0, 0x10, 0x01), 'FRAME_TOO_LARGE'],
  ['a frame of 2^32 - 1 bytes', Uint8Array.of(255, 255, 255, 255), 'FRAME_TOO_LARGE'],
  ['an end inside a frame', concatBytes(encodeFrame(numbered(1)), Uint8Array.of(0, 0, 0, 9, 1)), 'FRAME_TRUNCATED'],
] as const) {
  test(`${what} ends that connection and no other`, async (context) => {
    const { path, faults } = await serve(context);
    const other = await openNsmSocket(path);
    await other.request(numbered(7));
    const socket = await dial(context, path);
    socket.end(bytes);
    await once(socket.resume(), 'close');
    const fault = await faults[1];
    assert.ok(fault !== undefined);
    assert.equal((fault.cause as NodeJS.ErrnoException).code, code);
    await other.request(numbered(8));
    await other.close();
  });
}

test('a request that is no CBOR reaches the device: the answer is its own', async (context) => {
  const { path } = await serve(context, {
    device: { request: (bytes) => Promise.resolve(bytes), close: () => Promise.resolve() },
  });
  const device = await openNsmSocket(path);
  assert.deepEqual(await device.request(Uint8Array.of(0xff)), Uint8Array.of(0xff));
  await device.close();
});

test('a device that fails is answered InternalError, or InputTooLarge for EMSGSIZE', async (context) => {
  for (const [code, word] of [
    ['EIO', 'InternalError'],
    ['EMSGSIZE', 'InputTooLarge'],
  ] as const) {
    const request = (): Promise<Uint8Array> => Promise.reject(Object.assign(new Error('no'), { code }));
    const { path } = await serve(context, { device: { request, close: () => Promise.resolve() } });
    const device = await openNsmSocket(path);
    await assert.rejects(createNsmClient(device).getRandom(), { nsmError: word });
    await device.close();
  }
});

test('a request begun and not finished ends that connection at its deadline, even byte by byte', async (context) => {
  const { path, faults } = await serve(context, { frameTimeoutMs: 60 });
  const socket = await dial(context, path);
  const request = encodeFrame(extend(new Uint8Array(2000)));
  const trickle = setInterval(() => socket.write(Uint8Array.of(0)), 10);
  context.after(() => clearInterval(trickle));
  socket.write(request.subarray(0, 5));
  const started = performance.now();
  const fault = (await firstFault(faults)) as NodeJS.ErrnoException;
  clearInterval(trickle);
  assert.equal(fault.code, 'ETIMEDOUT');
  assert.equal(fault.message, `read ETIMEDOUT ${path}: a request was begun and not finished within 60 ms`);
  assert.ok(performance.now() - started < laneBoundMs(2000));
});

test('a whole request before it does not give half a request more time', async (context) => {
  const { path, faults } = await serve(context, { frameTimeoutMs: 60 });
  const socket = await dial(context, path);
  socket.write(concatBytes(encodeFrame(numbered(1)), Uint8Array.of(0, 0)));
  assert.equal(((await firstFault(faults)) as NodeJS.ErrnoException).code, 'ETIMEDOUT');
});

test('silence between requests is allowed, unless idleTimeoutMs says otherwise', async (context) => {
  const patient = await serve(context, { frameTimeoutMs: 20 });
  const device = await openNsmSocket(patient.path);
  const strict = await serve(context, { idleTimeoutMs: 60 });
  await dial(context, strict.path);
  const fault = (await firstFault(strict.faults)) as NodeJS.ErrnoException;
  assert.equal(fault.message, `read ETIMEDOUT ${strict.path}: no request within 60 ms`);
  // By now the patient one has been silent for longer than its frame deadline.
  await device.request(numbered(1));
  await device.close();
});

test('a caller who takes no answers is cut off and holds nobody up', async (context) => {
  const { path, faults } = await serve(context, { frameTimeoutMs: 100 });
  const socket = await dial(context, path);
  const frame = encodeFrame(extend(new Uint8Array(4000)));
  socket.pause();
  for (let count = 0; count < 400; count += 1) socket.write(frame);
  const fault = (await firstFault(faults)) as NodeJS.ErrnoException;
  assert.equal(fault.message, `read ETIMEDOUT ${path}: an answer was not taken within 100 ms`);
  const device = await openNsmSocket(path);
  await device.request(numbered(1));
  await device.close();
});

test('a connection beyond maxConnections is closed at once, and its place is free when another goes', async (context) => {
  const { path, faults } = await serve(context, { maxConnections: 2 });
  const first = await openNsmSocket(path);
  const second = await openNsmSocket(path);
  await Promise.all([first.request(numbered(1)), second.request(numbered(2))]);
  const third = await dial(context, path);
  await once(third.resume(), 'end');
  await first.close();
  await faults[0];
  const fourth = await openNsmSocket(path);
  await fourth.request(numbered(4));
  await Promise.all([second.close(), fourth.close()]);
});

test('the client refuses a request of 4,097 bytes and goes on', async (context) => {
  const { path } = await serve(context);
  const device = await openNsmSocket(path);
  await assert.rejects(device.request(new Uint8Array(4097)), {
    code: 'EMSGSIZE',
    message: /at most 4096 bytes, got 4097$/,
  });
  await device.request(numbered(1));
  await device.close();
});

/** A server that is not ours: what it does with its first data is up to the test. */
async function listening(context: TestContext, server: Server, path: string): Promise<void> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket) => sockets.add(socket.on('error', () => {})));
  server.listen(path);
  context.after(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  await once(server, 'listening');
}

for (const [what, answer, code] of [
  ['silence', undefined, 'ETIMEDOUT'],
  ['half an answer and then silence', Uint8Array.of(0, 0, 0, 9, 1), 'ETIMEDOUT'],
  ['an answer of 12,289 bytes', Uint8Array.of(0, 0, 0x30, 0x01), 'EPROTO'],
  ['an end', 'end', 'ECONNRESET'],
  ['an end inside an answer', 'cut', 'ECONNRESET'],
] as const) {
  test(`after ${what} every waiting and every later request fails with ${code} named`, async (context) => {
    const path = join(folderOf(context), 'nsm.sock');
    const server = createServer((socket) => {
      socket.once('data', () => {
        if (answer === 'end') socket.end();
        else if (answer === 'cut') socket.end(Uint8Array.of(0, 0));
        else if (answer !== undefined) socket.write(answer);
      });
    });
    await listening(context, server, path);
    const device = await openNsmSocket(path, { timeoutMs: 80 });
    const waiting = await Promise.allSettled([device.request(numbered(1)), device.request(numbered(2))]);
    for (const one of waiting) {
      assert.ok(one.status === 'rejected');
      assert.equal((one.reason as NodeJS.ErrnoException).code, code);
      assert.ok((one.reason as Error).message.startsWith(`request ${code} ${path}: `));
    }
    await assert.rejects(device.request(numbered(3)), {
      code: 'EBADF',
      message: new RegExp(`closed before, because of request ${code} `),
    });
    await device.close();
  });
}

test('an answer to no request ends the connection', async (context) => {
  const path = join(folderOf(context), 'nsm.sock');
  const frame = encodeFrame(encodeNsmResponse({ type: 'LockPCR' }));
  const server = createServer((socket) => socket.once('data', () => socket.write(concatBytes(frame, frame))));
  await listening(context, server, path);
  const device = await openNsmSocket(path);
  await device.request(numbered(1));
  await assert.rejects(device.request(numbered(2)), { code: 'EBADF', message: /an answer of 8 bytes to no request/ });
  await device.close();
});

test('close fails what waits, and may be called twice', async (context) => {
  const { path } = await serve(context);
  const device = await openNsmSocket(path);
  const waiting = device.request(encodeNsmRequest({ type: 'LockPCR', index: 16 }));
  const refused = assert.rejects(waiting, { code: 'ECONNRESET', message: /this end closed the connection$/ });
  await Promise.all([device.close(), device.close(), refused]);
  await assert.rejects(device.request(numbered(1)), { code: 'EBADF' });
});

test('closing the server fails its clients and leaves no file', async (context) => {
  const folder = folderOf(context);
  const server = await serve(context, { path: folder });
  const device = await openNsmSocket(server.path);
  const waiting = assert.rejects(device.request(encodeNsmRequest({ type: 'LockPCR', index: 16 })), {
    code: 'ECONNRESET',
  });
  await turn();
  await Promise.all([server.close(), server.close(), waiting]);
  assert.deepEqual(readdirSync(folder), []);
  await device.close();
  await assert.rejects(openNsmSocket(server.path), { code: 'ENOENT' });
});

test('the socket has the mode it was given, 0600 by default', async (context) => {
  assert.equal(lstatSync((await serve(context)).path).mode & 0o777, 0o600);
  assert.equal(lstatSync((await serve(context, { mode: 0o660 })).path).mode & 0o777, 0o660);
});

test('a path beyond 107 bytes is refused on both ends, and so is one that leaves no room to prepare it', async (context) => {
  const folder = folderOf(context);
  const long = join(folder, 'x'.repeat(108 - folder.length - 1));
  const device = echoDevice();
  await assert.rejects(openNsmSocket(long), { code: 'ENAMETOOLONG', message: /at most 107 bytes, got 108$/ });
  await assert.rejects(serveNsmSocket({ path: long, device }), { code: 'ENAMETOOLONG' });
  const deep = join(folder, 'y'.repeat(100 - folder.length - 1));
  mkdirSync(deep);
  await assert.rejects(serveNsmSocket({ path: join(deep, 's'), device }), { code: 'ENAMETOOLONG' });
  assert.deepEqual(readdirSync(deep), []);
  await assert.rejects(openNsmSocket(''), TypeError);
});

test('a second server on a living path is refused with its name, and the first lives on', async (context) => {
  const folder = folderOf(context);
  const { path } = await serve(context, { path: folder });
  await assert.rejects(serveNsmSocket({ path, device: echoDevice() }), {
    code: 'EADDRINUSE',
    message: `listen EADDRINUSE ${path}: another process listens on this name`,
  });
  const device = await openNsmSocket(path);
  await device.request(numbered(1));
  await device.close();
  assert.deepEqual(readdirSync(folder), ['nsm.sock']);
});

test('a file that is no socket is never replaced', async (context) => {
  const path = join(folderOf(context), 'nsm.sock');
  writeFileSync(path, 'precious');
  await assert.rejects(serveNsmSocket({ path, device: echoDevice() }), { code: 'EADDRINUSE', message: /no socket/ });
  assert.equal(readFileSync(path, 'utf8'), 'precious');
});

test('closing does not take the name from a successor', async (context) => {
  const folder = folderOf(context);
  const first = await serve(context, { path: folder });
  rmSync(first.path);
  const second = await serve(context, { path: folder });
  await first.close();
  assert.ok(existsSync(second.path));
  const device = await openNsmSocket(second.path);
  await device.request(numbered(1));
  await device.close();
});

/** Runs `program` in a process of its own; resolves when it has printed a line. */
async function spawned(context: TestContext, program: string): Promise<{ kill: () => Promise<void> }> {
  const child = spawn(
    process.execPath,
    ['--conditions=caisson-source', '--no-warnings', '--input-type=module', '--eval', program],
    { stdio: ['ignore', 'pipe', 'inherit'], cwd: import.meta.dirname },
  );
  const exited = once(child, 'exit');
  const kill = async (): Promise<void> => {
    child.kill('SIGKILL');
    await exited;
  };
  context.after(kill);
  await Promise.race([
    once(child.stdout, 'data'),
    exited.then(([code]) => assert.fail(`the child ended with ${String(code)} before it was ready`)),
  ]);
  return { kill };
}

const room = JSON.stringify(new URL('./index.ts', import.meta.url).href);

test('kill -9 of the server fails what waits, and its stale file is replaced by the next', async (context) => {
  const folder = folderOf(context);
  const path = join(folder, 'nsm.sock');
  const child = await spawned(
    context,
    `const { serveNsmSocket } = await import(${room});
     await serveNsmSocket({
       path: ${JSON.stringify(path)},
       device: { request: () => new Promise(() => {}), close: async () => {} },
       onConnection: () => console.log('connected'),
     });
     console.log('ready');`,
  );
  const device = await openNsmSocket(path);
  const waiting = assert.rejects(Promise.all([device.request(numbered(1)), device.request(numbered(2))]), {
    code: 'ECONNRESET',
  });
  await child.kill();
  await waiting;
  await device.close();

  assert.ok(lstatSync(path).isSocket());
  await assert.rejects(openNsmSocket(path), { code: 'ECONNREFUSED' });
  const next = await serve(context, { path: folder });
  const again = await openNsmSocket(next.path);
  await again.request(numbered(1));
  await again.close();
});

test('kill -9 of a client leaves the server serving', async (context) => {
  const device = echoDevice();
  const { path, faults } = await serve(context, { device });
  const child = await spawned(
    context,
    // One write, so that the server has all of them before it knows of the death.
    `const { connect } = await import('node:net');
     const frame = Buffer.from(${JSON.stringify(toHex(encodeFrame(encodeNsmRequest({ type: 'LockPCR', index: 16 }))))}, 'hex');
     const socket = connect({ path: ${JSON.stringify(path)} });
     socket.write(Buffer.concat(Array.from({ length: 100 }, () => frame)), () => console.log('asked'));`,
  );
  await child.kill();
  const other = await openNsmSocket(path);
  await other.request(numbered(1));
  await other.close();
  // The first answer meets a dead caller: no error of this process, and the device is not asked for the other 99.
  let gone = false;
  void faults[0]?.then(() => {
    gone = true;
  });
  while (!gone) {
    device.release();
    await turn();
  }
  assert.ok(device.asked() < 20, `the device was asked ${device.asked()} times`);
});

async function firstFault(faults: readonly Promise<Error | undefined>[]): Promise<Error | undefined> {
  while (faults[0] === undefined) await turn();
  return faults[0];
}
