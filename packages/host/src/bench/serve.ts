// The far end of a bench: one port that speaks the channel, the JSON form of health, and the naive way that both are compared with.
import type { Duplex } from 'node:stream';
import type { Address } from '@caisson/core/address';
import { createChannel } from '@caisson/link/channel';
import type { Transport } from '@caisson/link/transport';
import { type Listening, listenOn } from './address.ts';
import { createCostly } from './costly.ts';
import { createBenchHandlers } from './handlers.ts';
import { NAIVE_MARK } from './messages.ts';
import { serveNaive } from './naive.ts';

export interface BenchServerOptions {
  readonly transport: Transport;
  /** Microseconds that each write is made to cost, for a machine without a wall. Default 0. */
  readonly writeCostUs?: number;
}

// Given: docs/wire/channel.md, the byte that tells the forms apart.
const markAt = 4;

/** Rejects as listening does: EADDRINUSE, EACCES ... Closing it cuts every connection. */
export async function serveBench(address: Address, options: BenchServerOptions): Promise<Listening> {
  const { transport, writeCostUs = 0 } = options;
  const handlers = createBenchHandlers();
  const open = new Set<Duplex>();
  const listening = await listenOn(address, transport, (socket) => {
    open.add(socket);
    socket.once('close', () => open.delete(socket));
    socket.on('error', () => {});
    const duplex = writeCostUs > 0 ? createCostly(socket, writeCostUs) : socket;
    readMark(duplex, (mark) => {
      if (mark === undefined) {
        duplex.destroy();
        return;
      }
      if (mark[markAt] === NAIVE_MARK) {
        serveNaive(duplex, mark);
        return;
      }
      duplex.unshift(mark);
      createChannel(duplex, { role: 'listener', json: () => ({ status: 'ok' }) }).serve(handlers);
    });
  });
  return {
    async close() {
      const closed = listening.close();
      for (const socket of open) socket.destroy();
      await closed;
    },
  };
}

/** The first bytes, at least five; undefined if the connection ends before. */
function readMark(duplex: Duplex, take: (mark: Uint8Array | undefined) => void): void {
  let held: Uint8Array = new Uint8Array();
  const onData = (chunk: Uint8Array): void => {
    held = held.length === 0 ? chunk : Buffer.concat([held, chunk]);
    if (held.length <= markAt) return;
    duplex.off('data', onData).off('end', onEnd).off('error', onEnd);
    take(held);
  };
  const onEnd = (): void => take(undefined);
  duplex.on('data', onData).on('end', onEnd).on('error', onEnd);
}
