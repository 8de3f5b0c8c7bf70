// One socket file of a fabric and everybody who listens through it. Reads each dialler's preamble, then hands the socket to
// the listener for that CID, or resets it.
// Several listeners share one file only when each is made for one CID of its own and the fabric is not host-wide: so two
// simulated enclaves can use equal ports on one parent, which real hardware refuses (docs/wire/fabric.md).
import type { Socket } from 'node:net';
import type { Cid, VsockPort } from '@caisson/core/address';
import { readFirstLine } from '../first-line.ts';
import { createSocketError } from '../socket-error.ts';
import type { SocketFile } from '../socket-file.ts';
import type { TransportPeer } from '../transport.ts';
import { parsePreamble, preambleMaxBytes, preambleTimeoutMs } from './preamble.ts';

export interface EarListener {
  /** Undefined hears every peer. */
  readonly peerCid: Cid | undefined;
  onConnection(socket: Socket, peer: TransportPeer): void;
}

export class Ear {
  readonly #local: { readonly cid: Cid; readonly port: VsockPort };
  readonly #listeners = new Set<EarListener>();
  readonly #unread = new Set<Socket>();
  /** Resolves when the file stands. */
  file: Promise<SocketFile> | undefined;

  constructor(local: { readonly cid: Cid; readonly port: VsockPort }) {
    this.#local = local;
  }

  /** Throws EADDRINUSE, naming who listens already. */
  add(listener: EarListener, hostWide: boolean): void {
    for (const present of this.#listeners) {
      const apart = present.peerCid !== undefined && listener.peerCid !== undefined && !hostWide;
      if (apart && present.peerCid !== listener.peerCid) continue;
      const whom = present.peerCid === undefined ? 'every peer' : `peer cid ${present.peerCid}`;
      throw createSocketError('EADDRINUSE', 'listen', this.#local, `this process listens there for ${whom}`);
    }
    this.#listeners.add(listener);
  }

  /** True when nobody listens any more; whoever has not said his preamble by then is reset. */
  remove(listener: EarListener): boolean {
    this.#listeners.delete(listener);
    if (this.#listeners.size > 0) return false;
    for (const socket of this.#unread) socket.destroy();
    return true;
  }

  accept(socket: Socket): void {
    this.#unread.add(socket);
    const refuse = (): void => {
      this.#unread.delete(socket);
      socket.destroy();
    };
    const limits = { maxBytes: preambleMaxBytes, timeoutMs: preambleTimeoutMs };
    readFirstLine(socket, limits, (line) => this.#serve(socket, line, refuse), refuse);
  }

  #serve(socket: Socket, line: string, refuse: () => void): void {
    const peer = parseOrNothing(line);
    const listener = peer && this.#find(peer.cid);
    if (peer === undefined || listener === undefined) {
      refuse();
      return;
    }
    this.#unread.delete(socket);
    listener.onConnection(socket, peer);
  }

  #find(cid: Cid): EarListener | undefined {
    for (const listener of this.#listeners) {
      if (listener.peerCid === undefined || listener.peerCid === cid) return listener;
    }
    return undefined;
  }
}

function parseOrNothing(line: string): TransportPeer | undefined {
  try {
    return parsePreamble(line);
  } catch {
    // A dialler who cannot say his preamble has no peer to report the fault to: he is reset, as a late one is.
    return undefined;
  }
}
