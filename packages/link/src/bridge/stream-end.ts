// One end of a relayed connection for the JS data plane, with what its family can and cannot say.
import type { Socket } from 'node:net';

export interface StreamEnd {
  readonly socket: Socket;
  /** TCP can say "aborted" (RST). A unix socket says it only by what was left unread, a vsock not at all. */
  readonly canReset: boolean;
}

/** Ends it at once; the far side learns of an abort where the family can say so. */
export function abortEnd({ socket, canReset }: StreamEnd): void {
  if (socket.destroyed) return;
  if (canReset && !socket.connecting) socket.resetAndDestroy();
  else socket.destroy();
}
