// AF_VSOCK as far as a machine without a peer can show it: sockets, options, addresses, closing. Nothing is dialled here;
// the kernel contract runs over loopback stand-ins (testkit) and over real AF_VSOCK in the VM lane.
import { equal, ok, rejects, throws } from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { test } from 'node:test';
import { CID_ANY, toCid, toVsockPort } from '@caisson/core/address';
import { countSockets } from '@caisson/testkit/fake';
import type { Addon } from './addon.ts';
import { createLinuxKernel } from './linux-kernel.ts';
import { loadAddon } from './load.ts';

const loaded = loadAddon();
const { addon } = loaded;
const isThere = existsSync('/dev/vsock');
const skip = addon === undefined ? 'the addon is not built' : !isThere && 'this kernel has no vsock';
const port = () => toVsockPort(0x3000_0000 + randomInt(0x0fff_ffff));

test('a listener is an AF_VSOCK socket with the window asked for, raised above the kernel’s own maximum', {
  skip,
}, async () => {
  const before = countSockets();
  const windowBytes = 8 * 1024 * 1024;
  const fd = addon!.listenVsock(CID_ANY, port(), windowBytes, 16);
  ok(fd >= 0, `listen gave ${fd}`);
  equal(addon!.vsockWindow(fd), windowBytes);
  addon!.discard(fd);
  equal(countSockets(), before);
});

test('listen takes the port, refuses a second listener, and close frees it', { skip }, async () => {
  const before = countSockets();
  const kernel = createLinuxKernel();
  const local = { cid: CID_ANY, port: port() };
  for (let round = 0; round < 3; round += 1) {
    const server = await kernel.vsockListen(local);
    equal(server.listening, true);
    equal(countSockets(), before + 1, 'the placeholder is gone');
    await rejects(kernel.vsockListen(local), {
      code: 'EADDRINUSE',
      message: `listen EADDRINUSE vsock:any:${local.port}`,
    });
    const closed = once(server, 'close');
    server.close();
    await closed;
  }
  equal(countSockets(), before);
});

test('a CID of another machine cannot be listened on', { skip }, async () => {
  await rejects(createLinuxKernel().vsockListen({ cid: toCid(77_777), port: port() }), { code: 'EADDRNOTAVAIL' });
});

test('a backlog out of range is the caller’s own mistake', { skip }, async () => {
  const kernel = createLinuxKernel();
  for (const backlog of [0, -1, 1.5, 65_536, Number.NaN]) {
    await rejects(kernel.vsockListen({ cid: CID_ANY, port: port() }, { backlog }), TypeError);
  }
});

test('localCid is that of /dev/vsock', { skip }, () => {
  const cid = createLinuxKernel().localCid();
  ok(Number.isInteger(cid) && cid >= 0 && cid < CID_ANY, `${cid}`);
});

test('localCid says why a machine has none', { skip: addon === undefined && 'the addon is not built' }, () => {
  for (const [result, code] of [
    [-2, 'ENOENT'],
    [-19, 'ENODEV'],
    [-13, 'EACCES'],
  ] as const) {
    const stub: Addon = { ...addon!, localCid: () => result };
    const kernel = createLinuxKernel({ loaded: { addon: stub, path: '' } });
    throws(
      () => kernel.localCid(),
      (error: NodeJS.ErrnoException & { hint?: string }) => {
        equal(error.message, `ioctl ${code} /dev/vsock`);
        return (error.hint ?? '') !== '';
      },
    );
  }
});

test('the addon refuses numbers that would wrap into another CID or port', { skip }, () => {
  for (const wrong of [2 ** 32, -1, 1.5, Number.NaN, '5' as unknown as number]) {
    throws(() => addon!.listenVsock(CID_ANY, wrong, 4096, 1), TypeError);
    throws(() => addon!.listenVsock(wrong, 5, 4096, 1), TypeError);
  }
  throws(() => (addon!.listenVsock as () => number)(), TypeError);
});

test('the peer of a socket that has none is the kernel’s own error', { skip }, () => {
  const fd = addon!.listenVsock(CID_ANY, port(), 65_536, 1);
  equal(addon!.peer(fd, new Uint32Array(2)), -107);
  addon!.discard(fd);
  throws(() => addon!.peer(0, new Uint32Array(1)), TypeError);
});
