// The far side: servers that a data plane dials. Each is closed, with its connections, when the test ends.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import type { NativeAddress } from '@caisson/sys';
import { type Cleaner, makeFolder } from './surroundings.ts';

export interface FarSide {
  readonly address: NativeAddress;
  readonly server: Server;
  readonly sockets: ReadonlySet<Socket>;
  close(): Promise<void>;
}

/** Listens on a port of the kernel's choice, or a socket file of its own. */
export async function openFarSide(
  cleaner: Cleaner,
  kind: 'tcp' | 'unix',
  serve: (socket: Socket) => void,
  options: { readonly backlog?: number; readonly pauseOnConnect?: boolean } = {},
): Promise<FarSide> {
  const sockets = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: options.pauseOnConnect ?? false }, (socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.once('close', () => sockets.delete(socket));
    serve(socket);
  });
  const place = kind === 'tcp' ? { host: '127.0.0.1', port: 0 } : { path: join(makeFolder(cleaner), 'far.sock') };
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once('error', reject);
  server.listen({ ...place, backlog: options.backlog ?? 4096 }, resolve);
  await promise;
  const close = (): Promise<void> => {
    for (const socket of sockets) socket.destroy();
    return new Promise((settle) => server.close(() => settle()));
  };
  cleaner.after(close);
  const bound = server.address();
  const address: NativeAddress =
    typeof bound === 'string'
      ? { kind: 'unix', path: bound }
      : { kind: 'tcp', address: '127.0.0.1', port: bound?.port ?? 0 };
  return { address, server, sockets, close };
}

/** Sends back what comes, and its EOF after it. */
export function openEcho(cleaner: Cleaner, kind: 'tcp' | 'unix'): Promise<FarSide> {
  return openFarSide(cleaner, kind, (socket) => socket.pipe(socket));
}

export interface DeafSide {
  readonly address: NativeAddress;
  /** Starts to accept and to send back. */
  hear(): void;
}

/**
 * A listener that never accepts and whose backlog is full. Over unix a dial meets EAGAIN; over TCP its SYN is dropped, as
 * by a black hole. libuv accepts as soon as it can, so the listener lives in a process that is stopped.
 */
export async function openDeafSide(cleaner: Cleaner, kind: 'tcp' | 'unix'): Promise<DeafSide> {
  const place = kind === 'tcp' ? { host: '127.0.0.1', port: 0 } : { path: join(makeFolder(cleaner), 'deaf.sock') };
  const script = `const server = require('node:net').createServer({ allowHalfOpen: true }, (s) => { s.on('error', () => {}); s.pipe(s); });
    server.listen({ ...${JSON.stringify(place)}, backlog: 1 }, () => console.log(JSON.stringify(server.address())));`;
  const child = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  const bound = JSON.parse(line.toString()) as string | { port: number };
  const address: NativeAddress =
    typeof bound === 'string' ? { kind: 'unix', path: bound } : { kind: 'tcp', address: '127.0.0.1', port: bound.port };
  child.kill('SIGSTOP');
  // A backlog of 1 takes two (Linux compares with `>`).
  const waiting = [1, 2].map(() =>
    connect(typeof bound === 'string' ? { path: bound } : { port: bound.port, host: '127.0.0.1' }),
  );
  await Promise.all(waiting.map((socket) => once(socket, 'connect')));
  for (const socket of waiting) socket.on('error', () => {});
  cleaner.after(async () => {
    for (const socket of waiting) socket.destroy();
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  });
  return { address, hear: () => void child.kill('SIGCONT') };
}
