// The near side: a socket that may close one direction and keep the other.
import { connect, type Socket } from 'node:net';
import type { NativeAddress } from '@caisson/sys';

/** Resolves when connected. Errors after that are kept for `outcomeOf` and `readAll`. */
export function connectTo(address: NativeAddress): Promise<Socket> {
  const { promise, resolve, reject } = Promise.withResolvers<Socket>();
  const socket = connect(placeOf(address));
  socket.once('connect', () => resolve(socket));
  socket.on('error', reject);
  return promise;
}

function placeOf(address: NativeAddress) {
  if (address.kind === 'unix') return { path: address.path, allowHalfOpen: true };
  if (address.kind === 'vsock') throw new TypeError('a loopback client speaks tcp or unix');
  return { host: address.address, port: address.port, allowHalfOpen: true };
}

/** Everything until EOF; rejects when the socket breaks or closes before. */
export function readAll(socket: Socket): Promise<Buffer> {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  const parts: Buffer[] = [];
  socket.on('data', (part) => parts.push(part));
  socket.once('end', () => resolve(Buffer.concat(parts)));
  socket.once('error', reject);
  socket.once('close', () => reject(new Error(`closed without EOF after ${socket.bytesRead} bytes`)));
  return promise;
}

/** How the peer's direction ends: `end` for a clean EOF, else the error's code. Reads and drops what comes before. */
export function outcomeOf(socket: Socket): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  socket.resume();
  socket.once('end', () => resolve('end'));
  socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
  socket.once('close', () => resolve('closed'));
  return promise;
}

/** Ends this side and waits for the descriptor to be closed. */
export function finish(socket: Socket): Promise<void> {
  if (socket.closed) return Promise.resolve();
  const { promise, resolve } = Promise.withResolvers<void>();
  socket.once('close', () => resolve());
  socket.destroy();
  return promise;
}
