// The enclave's kernel transport as this process sees it: a Transport whose every call is carried out by guest/far-end.ts over
// AF_VSOCK, and whose sockets are taps of the sockets there. So a contract that was written for two transports in one process
// holds or fails across a real wall.
import type { Socket } from 'node:net';
import { toCid } from '@caisson/core/address';
import type { Transport, TransportPeer } from '@caisson/link/transport';
import { type Answer, type Arrival, type Order, orderPort, readMessage, tapPort, writeMessage } from './guest/order.ts';
import { type Enclave, within } from './rig.ts';

export interface FarTransport extends Transport {
  /** Ends the far end's program; rejects unless the enclave ended with 0. */
  close(): Promise<void>;
}

// Chosen.
const orderMs = 120_000;
const patience = { timeoutMs: orderMs, retryRefused: true };

/** Resolves when the far end takes orders. */
export async function openFarTransport(enclave: Enclave): Promise<FarTransport> {
  const wall = enclave.parent;
  const arrivals = new Map<number, (socket: Socket, peer: TransportPeer) => void>();
  let listeners = 0;

  const taps = await wall.listen({ cid: toCid(3), port: tapPort }, {}, async (tap) => {
    try {
      const { id, peer } = await readMessage<Arrival>(tap, orderMs);
      // Accepted there before its listener closed, told of afterwards: nobody waits for it.
      const onConnection = arrivals.get(id) ?? (() => tap.on('error', () => {}).destroy());
      onConnection(tap, peer);
    } catch {
      tap.on('error', () => {}).destroy();
    }
  });

  async function command(order: Order): Promise<Socket> {
    const line = await wall.connect({ cid: enclave.cid, port: orderPort }, patience);
    writeMessage(line, order);
    return line;
  }

  const first = await wall.connect({ cid: enclave.cid, port: orderPort }, patience);
  first.destroy();

  return {
    kind: 'kernel',
    localCid: enclave.cid,

    async connect({ cid, port }, { signal, ...options } = {}) {
      const aborted = signal?.aborted ?? false;
      const line = await command({ kind: 'dial', cid, port, ...options, aborted });
      const abort = (): void => writeMessage(line, { kind: 'abort' });
      if (signal?.aborted && !aborted) abort();
      signal?.addEventListener('abort', abort, { once: true });
      const answer = await readMessage<Answer>(line, (options.timeoutMs ?? 5_000) + orderMs);
      signal?.removeEventListener('abort', abort);
      if (answer.ok && !signal?.aborted) return line;
      line.on('error', () => {}).destroy();
      throw answer.ok || answer.aborted ? signal?.reason : toError(answer);
    },

    async listen({ cid, port }, options, onConnection) {
      listeners += 1;
      const id = listeners;
      arrivals.set(id, onConnection);
      const line = await command({ kind: 'listen', id, cid, port, ...options });
      const answer = await readMessage<Answer>(line, orderMs);
      const leave = (): void => {
        arrivals.delete(id);
        line.on('error', () => {}).destroy();
      };
      if (!answer.ok) {
        leave();
        throw toError(answer);
      }
      let closed: Promise<void> | undefined;
      const close = async (): Promise<void> => {
        writeMessage(line, { kind: 'close' });
        try {
          const last = await readMessage<Answer>(line, orderMs);
          if (!last.ok) throw toError(last);
        } finally {
          leave();
        }
      };
      return { port, close: () => (closed ??= close()) };
    },

    // Its sockets are elsewhere, so no engine of this process can hold them.
    planListen: async () => undefined,
    planDial: () => undefined,

    async close() {
      const line = await command({ kind: 'stop' });
      line.on('error', () => {}).resume();
      const code = await within(orderMs, 'the end of the enclave', enclave.exit);
      line.destroy();
      await taps.close();
      if (code !== 0) throw new Error(`the far end must end with 0, got ${code}; console:\n${enclave.console()}`);
    },
  };
}

function toError({ message, code, syscall }: Answer & { ok: false }): Error {
  return Object.assign(new Error(message), { code, syscall });
}
