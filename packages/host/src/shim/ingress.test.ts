// Ports of this machine are bound all or none.
import { rejects } from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { test } from 'node:test';
import { createLinuxKernel } from '@caisson/sys';
import { freePort } from '@caisson/testkit/loopback';
import type { EventLog } from './event-log.ts';
import { requireFreePort } from './free-port.ts';
import type { Gate } from './gate.ts';
import { openIngress } from './ingress.ts';

test('where one of its ports is taken, an enclave holds none of the others', async (context) => {
  const server = createServer().listen(0, '127.0.0.1');
  context.after(() => server.close());
  await once(server, 'listening');
  const { port: taken } = server.address() as AddressInfo;
  const free = await freePort();
  const rule = { hostAddress: '127.0.0.1', port: 80, vsockPort: 80, holdMs: 0 };
  const opening = openIngress({
    enclave: 'web',
    rules: [free, taken].map((hostPort) => ({ ...rule, hostPort })),
    gate: {} as Gate,
    // Without the engine, whose own end would free the port as well.
    kernel: { ...createLinuxKernel(), hasAddon: false },
    engine: undefined,
    events: { add() {} } as unknown as EventLog,
  });
  await rejects(opening, { code: 'SHIM_PORT' });
  await requireFreePort('other', { hostAddress: '127.0.0.1', hostPort: free });
});
