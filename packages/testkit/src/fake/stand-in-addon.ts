// The real addon with abstract unix names in the place of AF_VSOCK: the connect thread, the descriptor swap, deadlines and
// closing are proven with it where the kernel has no vsock loopback. Only socket() itself is another family's.
import { randomInt } from 'node:crypto';
import { constants } from 'node:os';
import { CID_ANY, type Cid } from '@caisson/core/address';
import type { Addon } from '@caisson/sys';

export interface StandInOptions {
  /** Kernels with the same network reach each other; any short name that no other test uses. */
  readonly network: string;
  readonly cid: Cid;
}

const { ECONNREFUSED, EAGAIN, ECONNRESET, EADDRNOTAVAIL } = constants.errno;

export function createStandInAddon(addon: Addon, { network, cid: ownCid }: StandInOptions): Addon {
  let source = randomInt(0x40000000);
  return {
    ...addon,
    connectVsock(cid, port, _windowBytes, timeoutMs, done) {
      source += 1;
      return addon.connectUnix(
        `${network}:${cid}:${port}`,
        `${network}:${ownCid}:from:${source}`,
        timeoutMs,
        (result) => done(asVsock(result)),
      );
    },
    listenVsock(cid, port, _windowBytes, backlog) {
      if (cid !== CID_ANY && cid !== ownCid) return -EADDRNOTAVAIL;
      return addon.listenUnix(`${network}:${ownCid}:${port}`, backlog);
    },
    vsockPeer(fd, out) {
      const name = addon.unixPeer(fd);
      if (typeof name === 'number') return name;
      const [, cid, , port] = name.split(':');
      out.set([Number(cid), Number(port)]);
      return 0;
    },
    localCid: () => ownCid,
  };
}

/** vsock has one answer for nobody and for a full backlog: a reset. */
function asVsock(result: number): number {
  return result === -ECONNREFUSED || result === -EAGAIN ? -ECONNRESET : result;
}
