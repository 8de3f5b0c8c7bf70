// The answering end of /run/init.sock. Two locks: the file's mode (0600), and the kernel's word on who has connected. Only root and the
// owner of the supervisor may control it; where the kernel does not say who somebody is, it is nobody.
import type { Socket } from 'node:net';
import type { PeerCredentials } from '@caisson/sys';
import { type PathServer, serveOnPath } from '../nsm/serve-on-path.ts';
import { type InitConnectionLimits, refusal, serveInitConnection } from './connection.ts';
import type { Control } from './control.ts';

export interface InitSocketServerOptions extends Partial<InitConnectionLimits> {
  readonly path: string;
  readonly control: Control;
  /** SO_PEERCRED of a connected unix socket (Kernel.peerCredentials); undefined when the kernel has no answer. */
  readonly peerCredentials: (socket: Socket) => PeerCredentials | undefined;
  /** The uid that may ask besides 0. */
  readonly ownerUid: number;
  /** One more is closed at once. Default 64. */
  readonly maxConnections?: number;
  readonly onRefused?: (peer: PeerCredentials | undefined) => void;
}

// Chosen.
const defaultMaxConnections = 64;
const defaultIdleTimeoutMs = 300_000;
const defaultDocumentTimeoutMs = 10_000;
const refusalTimeoutMs = 1_000;
const mode = 0o600;

/** Rejects EADDRINUSE (somebody listens there), ENAMETOOLONG, EACCES ... */
export async function serveInitSocket(options: InitSocketServerOptions): Promise<PathServer> {
  const { path, control, ownerUid } = options;
  const limits: InitConnectionLimits = {
    idleTimeoutMs: options.idleTimeoutMs ?? defaultIdleTimeoutMs,
    documentTimeoutMs: options.documentTimeoutMs ?? defaultDocumentTimeoutMs,
  };
  const { maxConnections = defaultMaxConnections } = options;
  return await serveOnPath({ path, mode, maxConnections }, (socket) => {
    const peer = credentialsOf(socket, options.peerCredentials);
    if (peer?.uid === 0 || peer?.uid === ownerUid) {
      void serveInitConnection(socket, control, limits);
      return;
    }
    options.onRefused?.(peer);
    socket.on('error', () => {});
    const who = peer === undefined ? 'a caller whom the kernel does not name' : `uid ${peer.uid}`;
    socket.end(refusal(`${who} may not control this enclave`));
    // Its bytes are read and discarded: if they were left unread, the close would be a reset, which can drop the refusal.
    socket.resume();
    const deadline = setTimeout(() => socket.destroy(), refusalTimeoutMs);
    socket.once('close', () => clearTimeout(deadline));
  });
}

function credentialsOf(socket: Socket, ask: InitSocketServerOptions['peerCredentials']): PeerCredentials | undefined {
  try {
    return ask(socket);
  } catch {
    // A caller that is gone already has no credentials, and no need of an answer.
    return undefined;
  }
}
