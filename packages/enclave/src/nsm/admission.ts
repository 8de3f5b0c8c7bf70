// Who is at the other end of a unix socket of the supervisor, and how many connections he holds: one door for all of its sockets.
import type { Socket } from 'node:net';
import type { NsmCaller, NsmRefusal, PeerCredentials } from './caller.ts';

export interface AdmissionOptions {
  /** SO_PEERCRED of a connected unix socket; undefined cuts the caller off. */
  peerOf(socket: Socket): PeerCredentials | undefined;
  /** `createCallerFinder` of this room. */
  callerOf(peer: PeerCredentials): Promise<NsmCaller>;
  /** Of one user id at a time. Default 16. */
  readonly maxConnectionsPerUid?: number;
  /** A log line's worth; never an answer's content. */
  readonly onRefusal?: ((refusal: NsmRefusal) => void) | undefined;
}

// Chosen.
const defaultMaxConnectionsPerUid = 16;

/** For each new connection: who it is, or undefined for one that must be cut off before a byte is read. */
export function createAdmission(options: AdmissionOptions): (socket: Socket) => Promise<NsmCaller> | undefined {
  const { peerOf, callerOf, onRefusal, maxConnectionsPerUid = defaultMaxConnectionsPerUid } = options;
  const connections = new Map<number, number>();
  return (socket) => {
    const peer = peerOf(socket);
    if (peer === undefined) {
      onRefusal?.({ kind: 'unknown_peer' });
      return undefined;
    }
    const count = connections.get(peer.uid) ?? 0;
    if (count >= maxConnectionsPerUid) {
      onRefusal?.({ kind: 'too_many_connections', caller: peer });
      return undefined;
    }
    connections.set(peer.uid, count + 1);
    socket.once('close', () => {
      const left = (connections.get(peer.uid) ?? 1) - 1;
      if (left === 0) connections.delete(peer.uid);
      else connections.set(peer.uid, left);
    });
    // Asked at once: later the process id may be another's.
    const caller = callerOf(peer);
    caller.catch(() => {});
    return caller;
  };
}
