// The socket form of an NSM: a device that another process owns.
export type { NsmSocketOptions } from './client.ts';
export { openNsmSocket } from './client.ts';
export type { NsmSocketServer, NsmSocketServerOptions } from './server.ts';
export { serveNsmSocket } from './server.ts';
export { listenOnPath } from './socket-path.ts';
