// The socket form of an NSM: a device that another process owns.
export type { NsmSocketOptions } from './client.ts';
export { openNsmSocket } from './client.ts';
export type { PathServer, PathServerOptions } from './serve-on-path.ts';
export { serveOnPath } from './serve-on-path.ts';
export type { NsmSocketServerOptions } from './server.ts';
export { serveNsmSocket } from './server.ts';
