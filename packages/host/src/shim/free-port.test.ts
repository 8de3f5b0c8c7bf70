// A port that somebody has is told with who that is, and one that nobody has is left as it was.
import { equal, match, rejects } from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { test } from 'node:test';
import { freePort } from '@caisson/testkit/loopback';
import { requireFreePort } from './free-port.ts';

test('a port is free or somebody is named who has it, and looking at it takes nothing', async () => {
  const place = { hostAddress: '127.0.0.1', hostPort: await freePort() };
  const server = createServer().listen(place.hostPort, place.hostAddress);
  await once(server, 'listening');
  await rejects(requireFreePort('web', place), (error: Error & { code?: string; hint?: string }) => {
    equal(error.code, 'SHIM_PORT');
    match(
      error.message,
      new RegExp(`^port ${place.hostPort} of 127\\.0\\.0\\.1 must be free for enclave web: process \\d+ `),
    );
    return true;
  });
  server.close();
  await once(server, 'close');
  await requireFreePort('web', place);
  await requireFreePort('web', place);
  await rejects(requireFreePort('web', { ...place, hostAddress: '192.0.2.1' }), {
    code: 'SHIM_PORT',
    message: /192\.0\.2\.1/,
  });
});
