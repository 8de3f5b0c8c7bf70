// The Kernel of production: the addon behind one typed door. Without the addon every call that needs it throws
// SYS_ADDON_MISSING, and TCP, unix and fabric go on through plain Node.
import type { Addon } from './addon.ts';
import { listenDatagram } from './datagram.ts';
import { createNativeEngine } from './engine.ts';
import { createSystemError, errnoNumber } from './errno.ts';
import type { Kernel } from './kernel.ts';
import { createMissingError, type LoadedAddon, loadAddon } from './load.ts';
import { openNsmDevice } from './nsm.ts';
import { createProcessFace } from './process.ts';
import { createVsock } from './vsock.ts';

// Chosen (docs/wire/addresses.md).
const defaultWriteBytes = 32_768;
const defaultWindowBytes = 8 * 1024 * 1024;

export interface LinuxKernelOptions {
  /** Greatest single write to a vsock, bytes; default 32,768. */
  readonly vsockWriteBytes?: number;
  /** Receive window asked for on every vsock, bytes; default 8 MiB. */
  readonly vsockWindowBytes?: number;
  /** Default: loadAddon(). */
  readonly loaded?: LoadedAddon;
}

export function createLinuxKernel(options: LinuxKernelOptions = {}): Kernel {
  const loaded = options.loaded ?? loadAddon();
  return loaded.addon === undefined ? createBareKernel(loaded) : createFullKernel(loaded.addon, options);
}

function createFullKernel(addon: Addon, options: LinuxKernelOptions): Kernel {
  const limits = {
    writeBytes: options.vsockWriteBytes ?? defaultWriteBytes,
    windowBytes: options.vsockWindowBytes ?? defaultWindowBytes,
  };
  return {
    hasAddon: true,
    ...createVsock(addon, limits),
    ...createProcessFace(addon),
    openNsm: (path = '/dev/nsm') => openNsmDevice(addon, path),
    listenDatagram: (datagram, onDatagram) => listenDatagram(addon, datagram, onDatagram),
    sendDatagram(path, text) {
      const result = addon.sendDatagram(path, text);
      if (result < 0) throw createSystemError(result, 'sendto', path);
    },
    async bringUpLoopback() {
      const result = await addon.loopbackUp();
      if (result === 0) return;
      const hint = result === errnoNumber('EPERM') ? 'needs CAP_NET_ADMIN in the network namespace' : undefined;
      throw createSystemError(result, 'ioctl', 'lo', { reason: 'cannot bring the loopback interface up', hint });
    },
    createEngine: (engineOptions) =>
      createNativeEngine(addon, {
        vsockWriteBytes: limits.writeBytes,
        vsockWindowBytes: limits.windowBytes,
        ...engineOptions,
      }),
  };
}

function createBareKernel(loaded: LoadedAddon & { addon: undefined }): Kernel {
  const refuse = (call: string) => (): never => {
    throw createMissingError(call, loaded);
  };
  const reject = (call: string) => async (): Promise<never> => refuse(call)();
  return {
    hasAddon: false,
    vsockConnect: reject('vsockConnect'),
    vsockListen: reject('vsockListen'),
    // No socket can have been made here.
    vsockPeer: () => undefined,
    localCid: refuse('localCid'),
    openNsm: reject('openNsm'),
    listenDatagram: refuse('listenDatagram'),
    sendDatagram: refuse('sendDatagram'),
    peerCredentials: refuse('peerCredentials'),
    openTerminal: refuse('openTerminal'),
    resizeTerminal: refuse('resizeTerminal'),
    makeFifo: refuse('makeFifo'),
    bringUpLoopback: reject('bringUpLoopback'),
    createEngine: refuse('createEngine'),
  };
}
