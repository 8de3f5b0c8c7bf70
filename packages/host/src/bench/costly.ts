// A stream whose every write costs time on the processor, as an exit of a virtual machine does. It stands for the wall on a machine that
// has none.
import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';

export function createCostly(socket: Socket, writeCostUs: number): Duplex {
  const spend = (): void => {
    const untilMs = performance.now() + writeCostUs / 1_000;
    while (performance.now() < untilMs);
  };
  const costly = new Duplex({
    allowHalfOpen: true,
    read: () => void socket.resume(),
    write(chunk: Uint8Array, _encoding, done) {
      spend();
      socket.write(chunk, done);
    },
    writev(chunks, done) {
      spend();
      socket.cork();
      for (const [index, { chunk }] of chunks.entries()) {
        if (index === chunks.length - 1) socket.write(chunk as Uint8Array, done);
        else socket.write(chunk as Uint8Array);
      }
      socket.uncork();
    },
    final(done) {
      socket.end(done);
    },
    destroy(error, done) {
      socket.destroy();
      done(error);
    },
  });
  socket
    .on('data', (chunk: Uint8Array) => {
      if (!costly.push(chunk)) socket.pause();
    })
    .on('end', () => costly.push(null))
    .on('error', (error) => costly.destroy(error))
    .on('close', () => costly.destroy());
  return costly;
}
