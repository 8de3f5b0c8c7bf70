// The transport contract across a real wall: one side is this process on the hybrid form, the other an enclave's AF_VSOCK.
// Nearly every promise runs with both sides as diallers; the second pair has the roles changed, for those that ask one side alone.
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { toCid } from '@caisson/core/address';
import { createHybridTransport, type Transport } from '@caisson/link/transport';
import { describeTransportContract, type TransportPair, transportContract } from '@caisson/testkit/contract';
import { openFarTransport } from './far-transport.ts';
import { buildImage, type Image } from './image.ts';
import { bootEnclave, skip } from './rig.ts';

const [parentCid, otherCid] = [toCid(3), toCid(77)];

if (skip) {
  test('the transport contract holds between a parent and its enclave', { skip }, () => {});
} else {
  let image: Image;
  // Not part of a pair: the bundler keeps descriptors of its own, which the contract would count as left open.
  before(async () => {
    image = await buildImage({ guest: 'far-end' });
  });
  after(() => image.remove());

  describeTransportContract('hybrid (parent) to kernel (enclave)', async () => {
    const { near, far, close } = await openWall(image, 22);
    return { a: near, b: far, otherCid, close };
  });
  const oneSided = transportContract.filter(({ isOneSided }) => isOneSided);
  const swapped = async (): Promise<TransportPair> => {
    const { near, far, close } = await openWall(image, 23);
    return { a: far, b: near, otherCid, close };
  };
  describeTransportContract('kernel (enclave) to hybrid (parent)', swapped, oneSided);
}

async function openWall(
  image: Image,
  cid: number,
): Promise<{ near: Transport; far: Transport; close(): Promise<void> }> {
  const enclave = await bootEnclave({ image: image.file, cid });
  const far = await openFarTransport(enclave);
  // One guest is all that the rig's vsock has: of the other one there is a path, so that a host-wide listener takes its port too.
  const peers = new Map([
    [enclave.cid, enclave.path],
    [otherCid, join(enclave.path, '../other')],
  ]);
  const near = createHybridTransport({ localCid: parentCid, peers, hostWide: true });
  const close = async (): Promise<void> => {
    try {
      await far.close();
    } finally {
      await enclave.close();
    }
  };
  return { near, far, close };
}
