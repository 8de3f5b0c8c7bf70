// The kernel contract over the fake and over the real addon with TCP stand-ins, the transport contract over the latter,
// and what the fake refuses.
import { deepEqual, equal, rejects, throws } from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { test } from 'node:test';
import { CID_PARENT, toCid, toVsockPort } from '@caisson/core/address';
import { createKernelTransport } from '@caisson/link/transport/kernel';
import { createLinuxKernel, loadAddon } from '@caisson/sys';
import { describeKernelContract, describeTransportContract } from '@caisson/testkit/contract';
import { createFakeKernel, createFakeVsockNetwork, createStandInAddon } from '@caisson/testkit/fake';

const enclaveCid = toCid(16);
let port = 0x1000_0000 + randomInt(0x0fff_ffff);
const freePort = () => toVsockPort(port++);

describeKernelContract('fake', () => {
  const network = createFakeVsockNetwork();
  return {
    near: createFakeKernel({ cid: CID_PARENT, network }),
    far: createFakeKernel({ cid: enclaveCid, network }),
    farCid: enclaveCid,
    nearCid: CID_PARENT,
    freePort,
  };
});

const loaded = loadAddon();
if (loaded.addon === undefined) {
  test('the addon passes the kernel contract over TCP stand-ins', { skip: `no addon: ${loaded.reason}` }, () => {});
} else {
  const { addon, path } = loaded;
  const network = randomInt(1, 255);
  const standIn = (cid: typeof enclaveCid) =>
    createLinuxKernel({ loaded: { addon: createStandInAddon(addon, { network, cid }), path } });

  describeKernelContract('addon (TCP stand-ins)', () => ({
    near: standIn(CID_PARENT),
    far: standIn(enclaveCid),
    farCid: enclaveCid,
    nearCid: CID_PARENT,
    freePort,
  }));

  describeTransportContract('kernel transport over the addon (TCP stand-ins)', async () => ({
    a: createKernelTransport(standIn(CID_PARENT)),
    b: createKernelTransport(standIn(enclaveCid)),
    otherCid: toCid(17),
    async close() {},
  }));
}

test('the fake refuses what the test did not give it, by name', async () => {
  const kernel = createFakeKernel();
  await rejects(kernel.openNsm(), /did not expect openNsm \/dev\/nsm: give createFakeKernel an nsm/);
  await rejects(kernel.vsockConnect({ cid: CID_PARENT, port: toVsockPort(9) }), /did not expect vsockConnect 3:9/);
  throws(() => kernel.localCid(), /did not expect localCid/);
  throws(() => kernel.createEngine(), /did not expect createEngine/);
  deepEqual(kernel.calls, ['openNsm /dev/nsm', 'vsockConnect 3:9', 'localCid', 'createEngine']);
});

test('the fake answers NSM requests in order, one at a time, and has no device when told so', async () => {
  const seen: number[] = [];
  let running = 0;
  const kernel = createFakeKernel({
    nsm: async (request) => {
      equal(++running, 1);
      await Promise.resolve();
      running -= 1;
      seen.push(request[0] ?? -1);
      return request;
    },
  });
  const device = await kernel.openNsm();
  const answers = await Promise.all([1, 2, 3].map((first) => device.request(Uint8Array.of(first))));
  deepEqual(
    answers.map(([first]) => first),
    [1, 2, 3],
  );
  deepEqual(seen, [1, 2, 3]);
  await rejects(device.request(new Uint8Array(4_097)), { code: 'EMSGSIZE' });
  await device.close();
  await rejects(device.request(new Uint8Array(1)), { code: 'EBADF' });
  await rejects(createFakeKernel({ nsm: 'absent' }).openNsm(), { code: 'ENOENT' });
});
