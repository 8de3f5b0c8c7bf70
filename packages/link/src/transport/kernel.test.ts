// What the kernel transport adds to the Kernel it is given; the rest is in contract.test.ts.
import { deepEqual, equal } from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { toCid, toVsockPort } from '@caisson/core/address';
import { createKernelTransport } from '@caisson/link/transport/kernel';
import { createFakeKernel, createFakeVsockNetwork } from '@caisson/testkit/fake';

const address = { cid: toCid(16), port: toVsockPort(5000) };

test('asks the kernel for its own CID only when somebody wants to know', () => {
  const kernel = createFakeKernel({ cid: toCid(16), network: createFakeVsockNetwork() });
  const transport = createKernelTransport(kernel);
  deepEqual(kernel.calls, []);
  equal(transport.localCid, 16);
});

test('plans the vsock address itself with the addon, and nothing without it', async () => {
  const without = createKernelTransport(createFakeKernel());
  equal(await without.planListen(address), undefined);
  equal(without.planDial(address), undefined);
  const engine = (): never => {
    throw new Error('a plan starts no engine');
  };
  const transport = createKernelTransport(createFakeKernel({ engine }));
  const plan = await transport.planListen(address);
  deepEqual(plan?.address, { kind: 'vsock', ...address });
  equal(plan.acceptLine, undefined);
  await plan.release();
  deepEqual(transport.planDial(address), { address: { kind: 'vsock', ...address } });
});

test('resets a connection whose peer the kernel no longer knows', async () => {
  const network = createFakeVsockNetwork();
  const kernel = createFakeKernel({ cid: address.cid, network });
  const nameless = createKernelTransport({ ...kernel, vsockPeer: () => undefined });
  let handedOut = 0;
  const listener = await nameless.listen(address, {}, () => {
    handedOut += 1;
  });
  const dialled = await createKernelTransport(createFakeKernel({ cid: toCid(3), network })).connect(address);
  await new Promise((resolve) => dialled.on('error', resolve).resume().once('end', resolve));
  dialled.destroy();
  await listener.close();
  equal(handedOut, 0);
});

test('imports no other transport, so that a production bundle has no simulated wall', () => {
  const seen = new Set<string>();
  const follow = (file: string): void => {
    if (seen.has(file)) return;
    seen.add(file);
    const imports = readFileSync(file, 'utf8').matchAll(/^import (?!type).*?from '(\.[^']+)'/gms);
    for (const [, path = ''] of imports) follow(join(dirname(file), path));
  };
  follow(fileURLToPath(new URL('./kernel.ts', import.meta.url)));
  deepEqual(
    [...seen].map((file) => file.split('/').at(-1)),
    ['kernel.ts'],
  );
});
