// What the clients of the examples take from a service that is not trusted.
import { deepEqual, ok, rejects } from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { askService } from '../../examples/client/ask.ts';

test('an answer without end is cut at its bound, and not read first', async () => {
  let sent = 0;
  const server = createServer((request, response) => {
    if (request.url === '/short') return void response.end('short');
    const piece = Buffer.alloc(65_536);
    const more = (): void => {
      while (!response.destroyed) {
        sent += piece.length;
        if (!response.write(piece)) return void response.once('drain', more);
      }
    };
    more();
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  try {
    deepEqual((await askService(`${url}/short`)).toString(), 'short');
    await rejects(askService(`${url}/long`), /must have at most 262144 bytes/);
    ok(sent < 64 << 20, `${sent} bytes`);
  } finally {
    server.closeAllConnections();
    server.close();
  }
});
