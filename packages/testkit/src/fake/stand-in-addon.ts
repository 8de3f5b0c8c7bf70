// The real addon with TCP within 127.0.0.0/8 in the place of AF_VSOCK: the connect thread, deadlines, the descriptor swap
// and closing are proven with it where the kernel has no vsock loopback. Only socket() itself is another family's.
// What it cannot show is a full backlog: TCP answers that with silence, vsock with a reset; so no backlog is below 128.
// CID 16 of network 200 is 127.200.0.16; a vsock port keeps its last digits.
import { constants } from 'node:os';
import { CID_ANY, type Cid } from '@caisson/core/address';
import type { Addon } from '@caisson/sys';

export interface StandInOptions {
  /** Kernels with the same network, 1..254, reach each other. */
  readonly network: number;
  /** <= 65,535. */
  readonly cid: Cid;
}

const { ECONNREFUSED, ECONNRESET, EADDRNOTAVAIL } = constants.errno;
// Chosen: below net.ipv4.ip_local_port_range, so that no dialler's own port is in the way.
const firstPort = 2_000;
const portCount = 30_000;
const leastBacklog = 128;

export function createStandInAddon(addon: Addon, { network, cid: ownCid }: StandInOptions): Addon {
  const hostOf = (cid: number): number => 0x7f000000 + network * 0x10000 + (cid % 0x10000);
  const portOf = (port: number): number => firstPort + (port % portCount);
  return {
    ...addon,
    connectVsock: (cid, port, _windowBytes, timeoutMs, done) =>
      // vsock has one answer for nobody and for a full backlog: a reset.
      addon.connectLoopback(hostOf(cid), portOf(port), hostOf(ownCid), timeoutMs, (result) =>
        done(result === -ECONNREFUSED ? -ECONNRESET : result),
      ),
    listenVsock(cid, port, _windowBytes, backlog) {
      if (cid !== CID_ANY && cid !== ownCid) return -EADDRNOTAVAIL;
      return addon.listenLoopback(hostOf(ownCid), portOf(port), Math.max(backlog, leastBacklog));
    },
    peer(fd, out) {
      const result = addon.peer(fd, out);
      if (result === 0) out[0] = (out[0] ?? 0) % 0x10000;
      return result;
    },
    localCid: () => ownCid,
  };
}
