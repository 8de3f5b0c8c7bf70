// Either side of a fabric killed without warning, as the row R-B8 of the test plan does it: the other side is not left
// hanging, and the address is free for the successor.
import { deepEqual, equal, ok } from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { toCid, toVsockPort } from '@caisson/core/address';
import { laneBoundMs, laneFigure } from '@caisson/testkit/contract';
import type { Transport } from '../transport.ts';
import { createFabricTransport } from './fabric.ts';

const target = { cid: toCid(16), port: toVsockPort(5000) };
const connections = 8;
let directory: string;
let parent: Transport;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'caisson-'));
  parent = createFabricTransport({ directory, localCid: toCid(3) });
});
afterEach(() => rmSync(directory, { recursive: true }));

/** The enclave's side in a process of its own, once it has said so. */
async function start(body: string): Promise<ChildProcess> {
  const code = `
    const { createFabricTransport } = await import(${JSON.stringify(new URL('./fabric.ts', import.meta.url).href)});
    const enclave = createFabricTransport({ directory: ${JSON.stringify(directory)}, localCid: 16 });
    ${body}
    console.log('up');`;
  const args = ['--conditions=caisson-source', '--input-type=module', '-e', code];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(child.stdout!, 'data');
  return child;
}

async function kill(child: ChildProcess): Promise<void> {
  const gone = once(child, 'exit');
  child.kill('SIGKILL');
  await gone;
}

/** Resolves when the peer's death is seen, as an error or as an end. */
function death(socket: Socket): Promise<unknown> {
  return new Promise((resolve) => socket.on('error', resolve).resume().once('end', resolve));
}

test('a killed listener hangs no dialler, and its successor is reached within 1 s', { timeout: 300_000 }, async () => {
  const listen = `await enclave.listen({ cid: 16, port: 5000 }, {}, (socket) => socket.on('error', () => {}).pipe(socket));`;
  let listener = await start(listen);
  for (let round = 0; round < laneFigure('R-B8'); round += 1) {
    const sockets = await Promise.all(Array.from({ length: connections }, () => parent.connect(target)));
    const deaths = sockets.map(death);
    // In the middle of traffic: what is on the way is lost, the loss must be seen.
    for (const socket of sockets) socket.write(Buffer.alloc(65_536));
    await kill(listener);
    equal((await Promise.all(deaths)).length, connections);
    for (const socket of sockets) socket.destroy();

    listener = await start(listen);
    const returnedAtMs = performance.now();
    const dialled = await parent.connect(target, { timeoutMs: 5_000, retryRefused: true });
    dialled.write('back');
    deepEqual(await once(dialled, 'data'), [Buffer.from('back')]);
    ok(performance.now() - returnedAtMs <= laneBoundMs(1_000));
    dialled.destroy();
  }
  await kill(listener);
});

test('a killed dialler hangs no listener, and the listener serves on', { timeout: 300_000 }, async () => {
  const accepted: Socket[] = [];
  const listener = await parent.listen({ cid: toCid(3), port: target.port }, {}, (socket) => accepted.push(socket));
  const dial = `for (let n = 0; n < ${connections}; n += 1) await enclave.connect({ cid: 3, port: 5000 });`;
  for (let round = 1; round <= laneFigure('R-B8'); round += 1) {
    const dialler = await start(dial);
    while (accepted.length < connections) await new Promise((resolve) => setTimeout(resolve, 1));
    const deaths = accepted.map(death);
    await kill(dialler);
    equal((await Promise.all(deaths)).length, connections);
    for (const socket of accepted.splice(0)) socket.destroy();
  }
  await listener.close();
});
