// Every transport keeps the one contract. Real AF_VSOCK needs two kernels: the VM suite runs the same list there.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { toCid } from '@caisson/core/address';
import { createFabricTransport, createHybridTransport, createKernelTransport } from '@caisson/link/transport';
import { describeTransportContract } from '@caisson/testkit/contract';
import { createFakeKernel, createFakeVsockNetwork, createHybridMuxer } from '@caisson/testkit/fake';

const [parent, enclave, other] = [toCid(3), toCid(16), toCid(17)];

describeTransportContract('fabric', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'caisson-'));
  return {
    a: createFabricTransport({ directory, localCid: parent, hostWide: true }),
    b: createFabricTransport({ directory, localCid: enclave, hostWide: true }),
    otherCid: other,
    async close() {
      rmSync(directory, { recursive: true });
    },
  };
});

describeTransportContract('hybrid', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'caisson-'));
  const path = join(directory, 'guest');
  const muxer = await createHybridMuxer({ path, cid: enclave, hostCid: parent });
  const peers = new Map([
    [enclave, path],
    [other, join(directory, 'other')],
  ]);
  return {
    a: createHybridTransport({ localCid: parent, peers, hostWide: true }),
    b: muxer.guest,
    otherCid: other,
    async close() {
      await muxer.close();
      rmSync(directory, { recursive: true });
    },
  };
});

describeTransportContract('kernel (over the fake)', async () => {
  const network = createFakeVsockNetwork();
  return {
    a: createKernelTransport(createFakeKernel({ cid: parent, network })),
    b: createKernelTransport(createFakeKernel({ cid: enclave, network })),
    otherCid: other,
    async close() {},
  };
});
