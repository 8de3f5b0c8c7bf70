// The answering end of NSM sockets: one device, many callers, each served in order. A caller's fault ends that caller's
// connection and nothing else. Who may call is the file's mode; this file adds no rule of its own about what may be asked.
import { createServer, type Socket } from 'node:net';
import type { NsmDevice } from '@caisson/sys';
import { type ConnectionLimits, serveConnection } from './connection.ts';
import { listenOnPath } from './socket-path.ts';

export interface NsmSocketServerOptions extends Partial<ConnectionLimits> {
  readonly path: string;
  /** Not closed with the server. A function gives each caller his own; undefined cuts him off before a byte is read. */
  readonly device: NsmDevice | ((socket: Socket, id: number) => NsmDevice | undefined);
  /** Of the socket's file. Default 0o600. */
  readonly mode?: number;
  /** One more is closed at once. Default 64. */
  readonly maxConnections?: number;
  /** A caller has come. `id` counts from 1. */
  readonly onConnection?: (id: number) => void;
  /** It has gone; `fault` says why it was cut off, undefined when it ended by itself. */
  readonly onDisconnect?: (id: number, fault: Error | undefined) => void;
}

export interface NsmSocketServer {
  readonly path: string;
  /** Frees the path, cuts every caller off, resolves when none is left. Idempotent. */
  close(): Promise<void>;
}

// Chosen. A caller may hold its socket as long as it likes between requests: a service asks once an hour, and the cap
// bounds what that costs.
const defaultIdleTimeoutMs = 0;
const defaultFrameTimeoutMs = 5_000;
const defaultMaxConnections = 64;
const defaultMode = 0o600;

/** Rejects EADDRINUSE (somebody listens there; its name is in the message), ENAMETOOLONG, EACCES ... */
export async function serveNsmSocket(options: NsmSocketServerOptions): Promise<NsmSocketServer> {
  const { path, device, onConnection, onDisconnect } = options;
  const limits: ConnectionLimits = {
    idleTimeoutMs: options.idleTimeoutMs ?? defaultIdleTimeoutMs,
    frameTimeoutMs: options.frameTimeoutMs ?? defaultFrameTimeoutMs,
  };
  const sockets = new Set<Socket>();
  let lastId = 0;

  // Half-open, so that a caller may end its side first and still get every answer.
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    lastId += 1;
    const id = lastId;
    const own = typeof device === 'function' ? device(socket, id) : device;
    if (own === undefined) {
      socket.on('error', () => {}).destroy();
      return;
    }
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    onConnection?.(id);
    serveConnection(socket, path, own, limits).then(
      () => onDisconnect?.(id, undefined),
      (fault: Error) => onDisconnect?.(id, fault),
    );
  });
  server.maxConnections = options.maxConnections ?? defaultMaxConnections;

  const freePath = await listenOnPath(server, path, options.mode ?? defaultMode);
  // A failed accept (EMFILE) is one caller who never came to be; without a listener it would end the process.
  server.on('error', () => {});

  let closed: Promise<void> | undefined;
  return {
    path,
    close() {
      closed ??= new Promise((resolve) => {
        freePath();
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      });
      return closed;
    },
  };
}
