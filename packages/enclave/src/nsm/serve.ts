// /run/nsm.sock: the NSM for everybody in the enclave but the supervisor, who owns the device (wire.md 8).
import { chmod } from 'node:fs/promises';
import type { Socket } from 'node:net';
import { CaissonError } from '@caisson/core/errors';
import { createNsmClient, FIRST_OWN_PCR } from '@caisson/core/nitro';
import { type NsmSocketServer, serveNsmSocket } from '@caisson/link/nsm';
import type { Kernel, NsmDevice } from '@caisson/sys';
import type { NsmCaller, NsmRefusal, PeerCredentials } from './caller.ts';
import { createGuardedNsm } from './guard.ts';
import { createNsmRate, type NsmRate } from './rate.ts';

export interface SupervisorNsmOptions {
  /** The supervisor's own; not closed with the server. */
  readonly device: NsmDevice;
  /** Default /run/nsm.sock. */
  readonly path?: string;
  /** SO_PEERCRED of a connected unix socket; undefined cuts the caller off. */
  peerOf(socket: Socket): PeerCredentials | undefined;
  /** `createCallerFinder` of this room. */
  callerOf(peer: PeerCredentials): Promise<NsmCaller>;
  readonly rate?: NsmRate;
  /** Of one user id at a time. Default 16 of the 64 that the socket has in all. */
  readonly maxConnectionsPerUid?: number;
  /** A log line's worth; never an answer's content. */
  readonly onRefusal?: (refusal: NsmRefusal) => void;
}

export const SUPERVISOR_NSM_ERROR_CODES = ['NSM_SERVED_TOO_EARLY'] as const;
export type SupervisorNsmErrorCode = (typeof SUPERVISOR_NSM_ERROR_CODES)[number];

// Given: wire.md 8.
const defaultPath = '/run/nsm.sock';
const devicePath = '/dev/nsm';
// Chosen: whoever may connect is not the file's mode to say, for services run under many users; the kernel says who they are.
const socketMode = 0o666;
const defaultMaxConnectionsPerUid = 16;

/** The device for the supervisor alone: its mode is taken from everybody else before it is opened. */
export async function openOwnNsm(kernel: Pick<Kernel, 'openNsm'>, path = devicePath): Promise<NsmDevice> {
  // devtmpfs makes it 0666 (drivers/misc/nsm.c), and any service could then ask for documents with our own prefix.
  await chmod(path, 0o600);
  return await kernel.openNsm(path);
}

/**
 * Rejects with CaissonError NSM_SERVED_TOO_EARLY while PCR16 is free: until then no document may leave the supervisor. And with what
 * serveNsmSocket rejects.
 */
export async function serveSupervisorNsm(options: SupervisorNsmOptions): Promise<NsmSocketServer> {
  const { device, path = defaultPath, peerOf, callerOf, onRefusal } = options;
  const { rate = createNsmRate(), maxConnectionsPerUid = defaultMaxConnectionsPerUid } = options;
  const { lock } = await createNsmClient(device).describePcr(FIRST_OWN_PCR);
  if (!lock) {
    const message = `nsm socket ${path} must be opened when PCR${FIRST_OWN_PCR} is locked, got it free`;
    throw new CaissonError<SupervisorNsmErrorCode>('NSM_SERVED_TOO_EARLY', message);
  }
  const connections = new Map<number, number>();

  function admit(socket: Socket): NsmDevice | undefined {
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
    return createGuardedNsm({ device, caller, rate, onRefusal });
  }

  return await serveNsmSocket({ path, device: admit, mode: socketMode });
}
