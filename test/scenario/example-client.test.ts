// What the examples take from whoever is not trusted: their clients from a service, a service from its clients.
import { deepEqual, equal, ok, rejects } from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { laneBoundMs } from '@caisson/testkit/contract';
import { maskRecords } from '../../examples/agent/src/mask.ts';
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

test('masking takes the time of the text and not of its square, whatever the text', () => {
  equal(maskRecords('jane.doe@example.org, 4111 1111 1111 1111'), 'j***.***@*******.org, **** **** **** 1111');
  const pieces = ['a.', 'a%', '1-', 'a@a.', 'b-', 'x@a.1'];
  const fromMs = performance.now();
  for (const piece of pieces) {
    const text = piece.repeat(65_536 / piece.length);
    for (const whole of [text, `x@${text}`]) equal(maskRecords(whole).length, whole.length);
  }
  const tookMs = performance.now() - fromMs;
  ok(tookMs < laneBoundMs(1_000), `${tookMs} ms`);
});
