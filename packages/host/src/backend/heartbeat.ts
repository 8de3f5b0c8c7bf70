// The parent's part of the heartbeat: port 9000 answers the byte 0xB7 of one CID with itself (docs/wire/addresses.md). One boot at a time has the port.
import { CID_PARENT, type Cid, HEARTBEAT_PORT } from '@caisson/core/address';
import type { Transport } from '@caisson/link/transport';

// Given: docs/wire/addresses.md.
const heartbeatByte = 0xb7;
// Chosen: PID 1 waits 5 s for the answer.
const connectionMs = 5_000;

export interface Heartbeat {
  /** Resolves when the byte has come and its answer has gone. Never rejects. */
  readonly heard: Promise<void>;
  close(): Promise<void>;
}

/** Rejects EADDRINUSE where somebody else has the port. */
export async function awaitHeartbeat(transport: Transport, cid: Cid): Promise<Heartbeat> {
  const { promise: heard, resolve } = Promise.withResolvers<void>();
  const listener = await transport.listen({ cid: CID_PARENT, port: HEARTBEAT_PORT }, { peerCid: cid }, (socket) => {
    socket.setTimeout(connectionMs, () => socket.destroy());
    socket.on('error', () => {});
    socket.once('data', (bytes: Buffer) => {
      // Anything else is not a heartbeat.
      if (bytes.length !== 1 || bytes[0] !== heartbeatByte) return socket.destroy();
      socket.end(bytes, resolve);
      return socket.resume();
    });
  });
  return { heard, close: () => listener.close() };
}
