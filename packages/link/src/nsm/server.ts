// The answering end of NSM sockets: one device, many callers, each served in order. A caller's fault ends that caller's
// connection and nothing else. Who may call is the file's mode; this file adds no rule of its own about what may be asked.
import type { Socket } from 'node:net';
import type { NsmDevice } from '@caisson/sys';
import { type ConnectionLimits, serveConnection } from './connection.ts';
import { type PathServer, serveOnPath } from './serve-on-path.ts';

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

// Chosen. A caller may hold its socket as long as it likes between requests: a service asks once an hour, and the cap
// bounds what that costs.
const defaultIdleTimeoutMs = 0;
const defaultFrameTimeoutMs = 5_000;
const defaultMaxConnections = 64;
const defaultMode = 0o600;

/** Rejects EADDRINUSE (somebody listens there; its name is in the message), ENAMETOOLONG, EACCES ... */
export async function serveNsmSocket(options: NsmSocketServerOptions): Promise<PathServer> {
  const { path, device, onConnection, onDisconnect } = options;
  const limits: ConnectionLimits = {
    idleTimeoutMs: options.idleTimeoutMs ?? defaultIdleTimeoutMs,
    frameTimeoutMs: options.frameTimeoutMs ?? defaultFrameTimeoutMs,
  };
  const { mode = defaultMode, maxConnections = defaultMaxConnections } = options;
  let lastId = 0;
  return await serveOnPath({ path, mode, maxConnections }, (socket) => {
    lastId += 1;
    const id = lastId;
    const own = typeof device === 'function' ? device(socket, id) : device;
    if (own === undefined) {
      socket.on('error', () => {}).destroy();
      return;
    }
    onConnection?.(id);
    serveConnection(socket, path, own, limits).then(
      () => onDisconnect?.(id, undefined),
      (fault: Error) => onDisconnect?.(id, fault),
    );
  });
}
