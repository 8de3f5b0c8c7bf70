// The answering end of a unix socket, whatever is said on it: its file, how many may be connected, and its end. Who may ask and what is
// answered is its caller's.
import { createServer, type Socket } from 'node:net';
import { listenOnPath } from './socket-path.ts';

export interface PathServerOptions {
  readonly path: string;
  /** Of the socket's file. */
  readonly mode: number;
  /** One more is closed at once. */
  readonly maxConnections: number;
}

export interface PathServer {
  readonly path: string;
  /** Frees the path, cuts every caller off, resolves when none is left. Idempotent. */
  close(): Promise<void>;
}

/** Rejects EADDRINUSE (somebody listens there; its name is in the message), ENAMETOOLONG, EACCES ... */
export async function serveOnPath(options: PathServerOptions, serve: (socket: Socket) => void): Promise<PathServer> {
  const { path, mode, maxConnections } = options;
  const sockets = new Set<Socket>();
  // Half-open, so that a caller may end its side first and still get every answer.
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    serve(socket);
  });
  server.maxConnections = maxConnections;
  const freePath = await listenOnPath(server, path, mode);
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
