// A socket for TLS to write through. node:tls over a net.Socket hands its records to the handle in C++ and so passes by the bound that
// sys/vsock sets on a single write; over a Duplex of JavaScript it cannot. Writes above 32 KiB to a vsock can arrive corrupted
// (docs/wire/addresses.md), which TLS would turn into a session that breaks under load.
import { Duplex } from 'node:stream';

// Given: docs/wire/addresses.md.
const maxWriteBytes = 32_768;

/** Destroying one end destroys the other. */
export function createNarrowDuplex(socket: Duplex): Duplex {
  const duplex = new Duplex({
    allowHalfOpen: true,
    read: () => void socket.resume(),
    write: (chunk: Uint8Array, _encoding, done) => writePieces(socket, chunk, done),
    final: (done) => void socket.end(done),
    destroy(error, done) {
      socket.destroy();
      done(error);
    },
  });
  socket.on('data', (chunk: Uint8Array) => {
    if (!duplex.push(chunk)) socket.pause();
  });
  socket.once('end', () => duplex.push(null));
  socket.once('error', (error) => duplex.destroy(error));
  socket.once('close', () => duplex.destroy());
  return duplex;
}

function writePieces(socket: Duplex, bytes: Uint8Array, done: (error?: Error | null) => void): void {
  const piece = bytes.subarray(0, maxWriteBytes);
  const rest = bytes.subarray(piece.length);
  // One piece at a time: a reader who does not read holds the writer up here, not in a queue.
  socket.write(piece, (error) => {
    if (error || rest.length === 0) done(error);
    else writePieces(socket, rest, done);
  });
}
