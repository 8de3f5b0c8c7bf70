// The stage of the transport contract: two ends of a wall, ports nobody else uses, and sockets watched to their end.
// Every wait has a deadline, so that a promise that is broken fails and does not hang.
import { createHash, randomInt } from 'node:crypto';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import type { Cid, VsockPort } from '@caisson/core/address';
import { toVsockPort } from '@caisson/core/address';
import type { Transport, TransportListener, TransportListenOptions, TransportPeer } from '@caisson/link/transport';

/** Two transports that reach each other, opened host-wide where they can be. */
export interface TransportPair {
  /** The parent's side. */
  readonly a: Transport;
  /** The enclave's side. */
  readonly b: Transport;
  /** How each reaches the other and is seen by it, where that is not `localCid` (a kernel's own loopback). */
  readonly aCid?: Cid;
  readonly bCid?: Cid;
  /** A CID that `a` may be told to serve and that is not `b`. */
  readonly otherCid: Cid;
  /** Frees all that was opened for the pair. */
  close(): Promise<void>;
}

/** One promise: `run` resolves when it holds and rejects with an AssertionError when not. */
export interface TransportPromise {
  /** A sentence whose subject is the transport. */
  readonly title: string;
  /** Asks `a` alone, or `b` alone; any other asks both, in either role. */
  readonly isOneSided?: true;
  run(pair: TransportPair): Promise<void>;
}

/** One end, and the address by which the other end knows it. */
export interface End {
  readonly transport: Transport;
  readonly cid: Cid;
}

export interface Meeting {
  readonly dialled: Socket;
  readonly accepted: Socket;
  readonly peer: TransportPeer;
}

// Chosen.
const patienceMs = 120_000;
const firstPort = 0x20000000;

let nextPort = firstPort + randomInt(0x0fffffff);

export function makePort(): VsockPort {
  nextPort += 1;
  return toVsockPort(nextPort);
}

/** Both directions: the parent dials the enclave, the enclave dials the parent. */
export function directions(pair: TransportPair): readonly { readonly from: End; readonly to: End }[] {
  const parent = { transport: pair.a, cid: pair.aCid ?? pair.a.localCid };
  const enclave = { transport: pair.b, cid: pair.bCid ?? pair.b.localCid };
  return [
    { from: parent, to: enclave },
    { from: enclave, to: parent },
  ];
}

/** Those directions in which something else may happen: one, where both ends are one transport. */
export function everyWay(pair: TransportPair): readonly { readonly from: End; readonly to: End }[] {
  return pair.a === pair.b ? directions(pair).slice(0, 1) : directions(pair);
}

export async function inTime<Value>(wait: Promise<Value>, what: string): Promise<Value> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} did not happen within ${patienceMs} ms`)), patienceMs);
  });
  try {
    return await Promise.race([wait, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Listens for the length of `body`; whatever was accepted is destroyed afterwards. */
export async function whileListening(
  at: End,
  port: VsockPort,
  options: TransportListenOptions,
  onConnection: (socket: Socket, peer: TransportPeer) => void,
  body: (listener: TransportListener) => Promise<void>,
): Promise<void> {
  const accepted = new Set<Socket>();
  const listener = await at.transport.listen({ cid: at.transport.localCid, port }, options, (socket, peer) => {
    accepted.add(socket);
    onConnection(socket, peer);
  });
  try {
    await body(listener);
  } finally {
    await listener.close();
    await Promise.all([...accepted].map(discard));
  }
}

/** One connection from end to end, for the length of `body`. */
export async function meet(from: End, to: End, body: (meeting: Meeting) => Promise<void>): Promise<void> {
  const port = makePort();
  let arrive: (value: { accepted: Socket; peer: TransportPeer }) => void;
  const arrival = new Promise<{ accepted: Socket; peer: TransportPeer }>((resolve) => {
    arrive = resolve;
  });
  await whileListening(
    to,
    port,
    {},
    (accepted, peer) => arrive({ accepted, peer }),
    async () => {
      const dialled = await from.transport.connect({ cid: to.cid, port });
      try {
        const { accepted, peer } = await inTime(arrival, 'the accept');
        await inTime(body({ dialled, accepted, peer }), 'the exchange');
      } finally {
        await discard(dialled);
      }
    },
  );
}

/** Ends a socket that may already be gone, and waits until its descriptor is. */
export async function discard(socket: Socket): Promise<void> {
  if (socket.closed) return;
  socket.on('error', () => {});
  const closed = inTime(once(socket, 'close'), 'the close of a socket');
  socket.destroy();
  await closed;
}

/** Digest and length of all that comes until the end of the stream. */
export async function digestAll(socket: Socket): Promise<{ sha256: string; bytes: number }> {
  const hash = createHash('sha256');
  let bytes = 0;
  socket.on('data', (chunk: Buffer) => {
    hash.update(chunk);
    bytes += chunk.length;
  });
  await once(socket, 'end');
  return { sha256: hash.digest('hex'), bytes };
}

export function sha256Of(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
