// Makes a real net.Socket or net.Server of a descriptor that Node's public API would refuse for its family.
// Node is given an AF_UNIX placeholder through `{fd}`, and in the same tick the real socket takes over that number
// (addon/vsock_loose.c says why this is safe). Whatever fails, no descriptor stays open.
import { createServer, type Server, Socket } from 'node:net';
import type { VsockAddon } from './addon.ts';
import { createSystemError } from './errno.ts';

type SwapAddon = Pick<VsockAddon, 'placeholder' | 'swap' | 'discard'>;

/** Takes over `fd`, a connected stream from the addon, also when it throws. */
export function adoptSocket(addon: SwapAddon, fd: number, object: string): Socket {
  const placeholder = openPlaceholder(addon, fd, object);
  let socket: Socket;
  try {
    socket = new Socket({ fd: placeholder, allowHalfOpen: true, readable: true, writable: true });
  } catch (error) {
    addon.discard(placeholder);
    addon.discard(fd);
    throw error;
  }
  const swapped = addon.swap(fd, placeholder);
  if (swapped === 0) return socket;
  // Closes the placeholder; what follows only takes its number off the addon's list.
  socket.destroy();
  addon.discard(placeholder);
  addon.discard(fd);
  throw createSystemError(swapped, 'dup3', object);
}

/** Takes over `fd`, a bound and listening stream from the addon, also when it rejects. */
export async function adoptServer(addon: SwapAddon, fd: number, object: string): Promise<Server> {
  const placeholder = openPlaceholder(addon, fd, object);
  const server = createServer({ allowHalfOpen: true });
  const listening = new Promise<void>((resolve, reject) => server.once('listening', resolve).once('error', reject));
  // exclusive: a cluster worker would otherwise ask its primary to bind, which knows nothing of this descriptor. The real
  // backlog was given to the kernel with `fd`.
  server.listen({ fd: placeholder, exclusive: true });
  // listen() works at once and reports later; without a handle the error event is on its way.
  const swapped = server.listening ? addon.swap(fd, placeholder) : 0;
  if (server.listening && swapped === 0) {
    await listening;
    return server;
  }
  if (server.listening) server.close();
  addon.discard(placeholder);
  addon.discard(fd);
  if (swapped < 0) throw createSystemError(swapped, 'dup3', object);
  await listening;
  return server;
}

function openPlaceholder(addon: SwapAddon, fd: number, object: string): number {
  const placeholder = addon.placeholder();
  if (placeholder >= 0) return placeholder;
  addon.discard(fd);
  throw createSystemError(placeholder, 'socket', object, { reason: 'no descriptor for the placeholder' });
}
