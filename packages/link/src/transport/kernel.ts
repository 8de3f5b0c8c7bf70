// AF_VSOCK itself, through the Kernel that is handed in. The only transport of the production bundles, so it imports none of
// the others: @caisson/link/transport/kernel.
// On vsock a reset reads as a clean end of stream, so an abort cannot be told from EOF: whoever speaks over this (or over
// anything that may be this) ends his messages with a mark of their own (docs/wire/addresses.md).
import type { Kernel, VsockConnectOptions } from '@caisson/sys';
import type { Transport, TransportListener } from './transport.ts';

/** `localCid` is asked of the kernel when it is read; without the addon every use throws SYS_ADDON_MISSING. */
export function createKernelTransport(kernel: Kernel): Transport {
  return {
    kind: 'kernel',

    get localCid() {
      return kernel.localCid();
    },

    async connect(target, options: VsockConnectOptions = {}) {
      return await kernel.vsockConnect(target, options);
    },

    async listen(local, options, onConnection): Promise<TransportListener> {
      const { backlog, peerCid } = options;
      const server = await kernel.vsockListen(local, backlog === undefined ? {} : { backlog });
      server.on('connection', (socket) => {
        const peer = kernel.vsockPeer(socket);
        // No peer: gone between the accept and this call. Another CID than the one served: whatever runs in the neighbour
        // enclave may dial every port of its parent.
        if (peer === undefined || (peerCid !== undefined && peer.cid !== peerCid)) socket.destroy();
        else onConnection(socket, { cid: peer.cid, port: peer.port });
      });
      // A failed accept is one connection that never came to be; without a listener it would end the process.
      server.on('error', () => {});
      return {
        port: local.port,
        async close() {
          // The descriptor closes at once; the callback would wait for accepted sockets, which live on.
          server.close();
        },
      };
    },

    async planListen(local) {
      if (!kernel.hasAddon) return undefined;
      return { address: { kind: 'vsock', ...local }, async release() {} };
    },

    planDial(target) {
      return kernel.hasAddon ? { address: { kind: 'vsock', ...target } } : undefined;
    },
  };
}
