// A mirror on loopback: what it has, what it was asked for.
import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface LoopbackMirror {
  readonly url: string;
  /** Paths as they were asked for, a whole address where the mirror was asked as a proxy. */
  readonly asked: readonly string[];
  close(): Promise<void>;
}

export async function createLoopbackMirror(
  files: ReadonlyMap<string, Buffer>,
  answer?: RequestListener,
): Promise<LoopbackMirror> {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(request.url ?? '');
    if (answer !== undefined) return answer(request, response);
    const content = files.get((request.url ?? '').slice(1));
    response.statusCode = content === undefined ? 404 : 200;
    response.end(content);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
