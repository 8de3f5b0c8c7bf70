// The world outside: a small HTTP server that the enclave may reach through its one egress endpoint. Counts its calls.
import { createServer, type Server } from 'node:http';

export interface Upstream {
  readonly port: number;
  readonly calls: () => number;
  close(): Promise<void>;
}

/** Listens on a port of the kernel's choice on loopback. */
export async function openUpstream(): Promise<Upstream> {
  let calls = 0;
  const server: Server = createServer((request, response) => {
    calls += 1;
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify({ call: calls, host: request.headers.host }));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('upstream has no port');
  return {
    port: address.port,
    calls: () => calls,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
