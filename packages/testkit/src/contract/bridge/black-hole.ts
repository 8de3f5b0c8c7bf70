// A TCP address that swallows every SYN: a listener whose backlog is full and whose owner never accepts. Needs no network
// and no rights. The owner is a worker that sleeps, because net.Server accepts whenever its loop turns.
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { Worker } from 'node:worker_threads';

export interface BlackHole {
  readonly port: number;
  close(): Promise<void>;
}

const owner = `
  const { parentPort, workerData } = require('node:worker_threads');
  const server = require('node:net').createServer();
  server.listen({ host: workerData.host, port: workerData.port, backlog: 1 }, () => {
    parentPort.postMessage(server.address().port);
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
  });`;
// Chosen: a backlog of 1 takes two; a dial that has not connected after this long shows that it is full.
const mostFillers = 8;
const fullAfterMs = 200;

export async function openBlackHole(host = '127.0.0.1', port = 0): Promise<BlackHole> {
  const worker = new Worker(owner, { eval: true, workerData: { host, port } });
  const [bound] = (await once(worker, 'message')) as [number];
  const fillers: Socket[] = [];
  for (let full = false; !full; ) {
    if (fillers.length === mostFillers)
      throw new Error(`the backlog of ${host}:${bound} is not full after ${mostFillers}`);
    const filler = connect({ host, port: bound });
    filler.on('error', () => {});
    fillers.push(filler);
    full = await new Promise<boolean>((settle) => {
      const timer = setTimeout(() => settle(true), fullAfterMs);
      filler.once('connect', () => {
        clearTimeout(timer);
        settle(false);
      });
    });
  }
  return {
    port: bound,
    async close() {
      for (const filler of fillers) filler.destroy();
      await worker.terminate();
    },
  };
}
