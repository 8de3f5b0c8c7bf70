// What a parent orders of guest/far-end.ts, and the form of it: u32 BE length, then JSON of at most 4 KiB. An order has a
// connection to itself; a dial that succeeded turns that connection into the tap of the dialled socket.
import type { Socket } from 'node:net';
import { type Cid, toVsockPort, type VsockPort } from '@caisson/core/address';
import type { TransportPeer } from '@caisson/link/transport';

/** Where the far end takes orders. */
export const orderPort = toVsockPort(9200);
/** Where the parent takes the taps of accepted sockets; each begins with an Arrival. */
export const tapPort = toVsockPort(9201);

export type Order =
  | {
      readonly kind: 'dial';
      readonly cid: Cid;
      readonly port: VsockPort;
      readonly timeoutMs?: number;
      readonly retryRefused?: boolean;
      /** The signal was aborted before the call. One that aborts later is an AbortOrder on the same connection. */
      readonly aborted: boolean;
    }
  | {
      readonly kind: 'listen';
      /** Chosen by the parent, for Arrival. */
      readonly id: number;
      readonly cid: Cid;
      readonly port: VsockPort;
      readonly backlog?: number;
      readonly peerCid?: Cid;
    }
  | { readonly kind: 'stop' };

/** Ends a dial, or a listener, which answers once more when it is closed. */
export type LaterOrder = { readonly kind: 'abort' } | { readonly kind: 'close' };

export type Answer =
  | { readonly ok: true }
  | { readonly ok: false; readonly aborted: boolean; readonly message: string; code?: string; syscall?: string };

export interface Arrival {
  readonly id: number;
  readonly peer: TransportPeer;
}

// Chosen.
const maxMessageBytes = 4_096;

export function writeMessage(socket: Socket, message: Order | LaterOrder | Answer | Arrival): void {
  const body = Buffer.from(JSON.stringify(message));
  const head = Buffer.alloc(4);
  head.writeUInt32BE(body.length);
  socket.write(Buffer.concat([head, body]));
}

/** Takes not a byte more than the message: what follows, an end included, is for whoever gets the socket in this same tick. */
export function readMessage<Message>(socket: Socket, timeoutMs: number): Promise<Message> {
  return new Promise((resolve, reject) => {
    let bytes: number | undefined;
    const fail = (reason: string): void => {
      leave();
      reject(new Error(`reading a message: ${reason}`));
    };
    const timer = setTimeout(() => fail(`nothing whole within ${timeoutMs} ms`), timeoutMs);
    const onError = (error: Error): void => fail(error.message);
    const onClose = (): void => fail('the connection closed');
    const leave = (): void => {
      clearTimeout(timer);
      socket.off('readable', take).off('error', onError).off('close', onClose).off('end', onClose);
    };
    function take(): void {
      bytes ??= takeLength();
      const body: Buffer | null = bytes === undefined ? null : socket.read(bytes);
      if (body === null || bytes === undefined) return;
      leave();
      if (body.length === bytes) resolve(JSON.parse(body.toString()) as Message);
      else fail(`the connection ended after ${body.length} of ${bytes} bytes`);
    }
    function takeLength(): number | undefined {
      const head: Buffer | null = socket.read(4);
      if (head === null) return undefined;
      const length = head.length === 4 ? head.readUInt32BE() : 0;
      if (length > 0 && length <= maxMessageBytes) return length;
      fail(`a message must have 1..${maxMessageBytes} bytes, got ${length}`);
      return undefined;
    }
    socket.on('readable', take).on('error', onError).on('close', onClose).on('end', onClose);
    take();
  });
}
