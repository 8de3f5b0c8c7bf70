// A Kernel for tests of the rooms above: what a test gives it works, and every other call fails the test by name, so that
// no room reaches for the kernel unnoticed. `calls` tells what was asked.
import { setTimeout as delay } from 'node:timers/promises';
import type { Cid } from '@caisson/core/address';
import type { Kernel, NativeEngine, NativeEngineOptions, NsmDevice, VsockConnectOptions } from '@caisson/sys';
import type { FakeVsock, FakeVsockNetwork } from './vsock-network.ts';

export interface FakeKernelOptions {
  /** This machine's own CID; without it localCid() is refused. */
  readonly cid?: Cid;
  /** The vsock it is attached to; needs `cid`. */
  readonly network?: FakeVsockNetwork;
  /** One request's bytes in, one response's out; `absent` is a machine without the device (ENOENT). */
  readonly nsm?: 'absent' | ((request: Uint8Array) => Uint8Array | Promise<Uint8Array>);
  readonly listenDatagram?: Kernel['listenDatagram'];
  readonly sendDatagram?: Kernel['sendDatagram'];
  readonly peerCredentials?: Kernel['peerCredentials'];
  readonly openTerminal?: Kernel['openTerminal'];
  readonly resizeTerminal?: Kernel['resizeTerminal'];
  readonly makeFifo?: Kernel['makeFifo'];
  /** Called for bringUpLoopback(). */
  readonly loopback?: () => void | Promise<void>;
  /** Makes engines; its presence is what `hasAddon` says, since rooms read it as "the native plane is there". */
  readonly engine?: (options: NativeEngineOptions) => NativeEngine;
}

export interface FakeKernel extends Kernel {
  /** In order, in short: `vsockConnect 3:5000`, `openNsm /dev/nsm`. */
  readonly calls: readonly string[];
}

export function createFakeKernel(options: FakeKernelOptions = {}): FakeKernel {
  const { cid, network, nsm, loopback, engine, listenDatagram, sendDatagram } = options;
  const calls: string[] = [];
  const vsock = cid === undefined ? undefined : network?.attach(cid);
  const expect = <Part>(part: Part | undefined, call: string, need: string): Part => {
    calls.push(call);
    if (part !== undefined) return part;
    throw new Error(`fake kernel did not expect ${call}: give createFakeKernel ${need}`);
  };
  return {
    calls,
    hasAddon: engine !== undefined,
    async vsockConnect(target, connectOptions) {
      const face = expect(vsock, `vsockConnect ${target.cid}:${target.port}`, 'a cid and a network');
      return await connectFake(face, target, connectOptions);
    },
    async vsockListen(local, { backlog = 4_096 } = {}) {
      return await expect(vsock, `vsockListen ${local.cid}:${local.port}`, 'a cid and a network').listen(
        local,
        backlog,
      );
    },
    vsockPeer: (socket) => vsock?.peerOf(socket),
    localCid: () => expect(cid, 'localCid', 'a cid'),
    async openNsm(path = '/dev/nsm') {
      const answer = expect(nsm, `openNsm ${path}`, 'an nsm');
      if (answer !== 'absent') return openFakeNsm(answer);
      throw Object.assign(new Error(`open ENOENT ${path}`), { code: 'ENOENT', errno: -2, syscall: 'open', path });
    },
    listenDatagram(datagram, onDatagram) {
      return expect(listenDatagram, `listenDatagram ${datagram.path}`, 'a listenDatagram')(datagram, onDatagram);
    },
    sendDatagram: (path, text) => expect(sendDatagram, `sendDatagram ${path}`, 'a sendDatagram')(path, text),
    peerCredentials: (socket) => expect(options.peerCredentials, 'peerCredentials', 'a peerCredentials')(socket),
    openTerminal: (size) => expect(options.openTerminal, 'openTerminal', 'an openTerminal')(size),
    resizeTerminal: (fd, size) => expect(options.resizeTerminal, 'resizeTerminal', 'a resizeTerminal')(fd, size),
    makeFifo: (path) => expect(options.makeFifo, 'makeFifo', 'a makeFifo')(path),
    async bringUpLoopback() {
      await expect(loopback, 'bringUpLoopback', 'a loopback')();
    },
    createEngine: (engineOptions = {}) => expect(engine, 'createEngine', 'an engine')(engineOptions),
  };
}

async function connectFake(
  vsock: FakeVsock,
  target: Parameters<Kernel['vsockConnect']>[0],
  { timeoutMs = 5_000, retryRefused = false, signal }: VsockConnectOptions = {},
): ReturnType<Kernel['vsockConnect']> {
  if (!Number.isInteger(timeoutMs) || timeoutMs < 1)
    throw new TypeError(`timeoutMs must be an integer >= 1, got ${timeoutMs}`);
  const deadlineMs = performance.now() + timeoutMs;
  for (;;) {
    signal?.throwIfAborted();
    try {
      return await vsock.connect(target);
    } catch (error) {
      if (!retryRefused) throw error;
      if (performance.now() + 5 < deadlineMs) {
        await delay(5);
        continue;
      }
      const late = new Error(`connect ETIMEDOUT vsock:${target.cid}:${target.port}`, { cause: error });
      throw Object.assign(late, { code: 'ETIMEDOUT', errno: -110, syscall: 'connect' });
    }
  }
}

/** One request at a time, in order, as the device. */
function openFakeNsm(answer: (request: Uint8Array) => Uint8Array | Promise<Uint8Array>): NsmDevice {
  let last: Promise<unknown> = Promise.resolve();
  let closed = false;
  const refuse = (code: string, errno: number): never => {
    throw Object.assign(new Error(`ioctl ${code} fake nsm`), { code, errno, syscall: 'ioctl' });
  };
  return {
    async request(request) {
      if (request.length > 0x1000) refuse('EMSGSIZE', -90);
      if (closed) refuse('EBADF', -9);
      const bytes = request.slice();
      const reply = last.then(() => (closed ? refuse('ECANCELED', -125) : answer(bytes)));
      last = reply.catch(() => undefined);
      return await reply;
    },
    async close() {
      closed = true;
      await last;
    },
  };
}
