// What this kernel does with vsock addresses: who hears whom, by which CID, and what is refused with which errno. These are the
// rows of docs/wire/addresses.md, "What the kernel does", as they come out in a real enclave.
import { once } from 'node:events';
import { CID_ANY, type Cid, toCid, toVsockPort, type VsockPort } from '@caisson/core/address';
import { type Bound, boundPort, gatePort } from './address-port.ts';
import { report } from './report.ts';

export interface AddressAnswers {
  /** By what a listener is bound to: what a dial from within hears, and what else may be bound to its port. */
  readonly listeners: Readonly<
    Record<Bound, { readonly loopback: string; readonly own: string; readonly free: string }>
  >;
  /** By CID: errno names of a dial where nobody listens, `ECONNREFUSED from ECONNRESET` where one was mapped. */
  readonly dials: Readonly<Record<string, string>>;
  /** By CID: errno names of a listener. */
  readonly binds: Readonly<Record<string, string>>;
}

await report(async (_kernel, transport): Promise<AddressAnswers> => {
  const cids: Readonly<Record<Bound, Cid>> = {
    'any CID': CID_ANY,
    'CID 1': toCid(1),
    'its own CID': transport.localCid,
  };
  const bounds = Object.keys(cids) as Bound[];
  const listen = (cid: Cid, port: VsockPort) =>
    transport.listen({ cid, port }, {}, (socket, peer) => socket.on('error', () => {}).end(`as CID ${peer.cid}`));
  const gate = Promise.withResolvers<void>();

  for (const bound of bounds) await listen(cids[bound], boundPort[bound]);
  await transport.listen({ cid: CID_ANY, port: gatePort }, {}, (socket) => {
    socket.destroy();
    gate.resolve();
  });

  async function hear(cid: Cid, port: VsockPort): Promise<string> {
    try {
      const socket = await transport.connect({ cid, port }, { timeoutMs: 5_000 });
      const [answer] = await once(socket, 'data');
      socket.destroy();
      return String(answer);
    } catch (error) {
      return nameOf(error);
    }
  }
  async function bind(cid: Cid, port: VsockPort): Promise<string> {
    try {
      await (await listen(cid, port)).close();
      return 'bound';
    } catch (error) {
      return nameOf(error);
    }
  }

  const listeners: Partial<Record<Bound, AddressAnswers['listeners'][Bound]>> = {};
  for (const bound of bounds) {
    const port = boundPort[bound];
    const free: string[] = [];
    for (const other of bounds) {
      const answer = await bind(cids[other], port);
      if (answer === 'bound') free.push(other);
      else if (answer !== 'EADDRINUSE') throw new Error(`bound to ${bound}, then to ${other}: ${answer}`);
    }
    const [loopback, own] = [await hear(toCid(1), port), await hear(transport.localCid, port)];
    listeners[bound] = { loopback, own, free: free.join(', ') || 'nobody' };
  }

  const [dials, binds]: Record<string, string>[] = [{}, {}];
  const unused = toVsockPort(4199);
  for (const cid of [...[0, 1, 2, 3, 77].map(toCid), transport.localCid, CID_ANY])
    dials![cid] = await hear(cid, unused);
  for (const cid of [0, 2, 3, 77]) binds![cid] = await bind(toCid(cid), unused);
  await gate.promise;
  return { listeners: listeners as AddressAnswers['listeners'], dials: dials!, binds: binds! };
});

function nameOf(error: unknown): string {
  const { code, cause } = error as NodeJS.ErrnoException & { cause?: NodeJS.ErrnoException };
  return cause === undefined ? String(code) : `${code} from ${cause.code}`;
}
