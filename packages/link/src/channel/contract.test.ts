// One suite over every kind of stream that a channel runs on: memory, a unix socket, the fabric, TLS. Real vsock is in test/vm.
import { createPrivateKey } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { duplexPair } from 'node:stream';
import { connect as connectTls, TLSSocket } from 'node:tls';
import { CID_ANY, toCid, toVsockPort } from '@caisson/core/address';
import { toPem } from '@caisson/core/x509';
import { forgeChain } from '@caisson/testkit/authority';
import { type DuplexSource, describeChannelContract } from '@caisson/testkit/contract';
import { createFabricTransport } from '../transport/index.ts';

describeChannelContract('a pair of streams in memory', async () => ({
  async connect() {
    const [dialler, listener] = duplexPair();
    return { dialler, listener };
  },
  async close() {},
}));

describeChannelContract('a unix socket', unixSource);

describeChannelContract('the fabric', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'csn-'));
  const [parent, enclave] = [toCid(3), toCid(16)].map((localCid) => createFabricTransport({ directory, localCid }));
  const target = { cid: toCid(16), port: toVsockPort(5005) };
  const arrivals: ((socket: Socket) => void)[] = [];
  const server = await enclave!.listen({ ...target, cid: CID_ANY }, {}, (socket) => arrivals.shift()?.(socket));
  return {
    async connect() {
      const arrived = new Promise<Socket>((resolve) => arrivals.push(resolve));
      return { dialler: await parent!.connect(target), listener: await arrived };
    },
    async close() {
      await server.close();
      rmSync(directory, { recursive: true });
    },
  };
});

describeChannelContract('TLS 1.3', async () => {
  const inner = await unixSource();
  const chain = await forgeChain({ at: Math.floor(Date.now() / 1_000), levels: 2 });
  const pkcs8 = Buffer.from(await crypto.subtle.exportKey('pkcs8', chain.leafKey));
  const key = createPrivateKey({ key: pkcs8, format: 'der', type: 'pkcs8' }).export({ type: 'pkcs8', format: 'pem' });
  const cert = toPem('CERTIFICATE', chain.certificate);
  return {
    async connect() {
      const below = await inner.connect();
      const listener = new TLSSocket(below.listener as Socket, {
        isServer: true,
        cert,
        key,
        minVersion: 'TLSv1.3',
      });
      const dialler = connectTls({ socket: below.dialler as Socket, rejectUnauthorized: false });
      await once(dialler, 'secureConnect');
      return { dialler, listener };
    },
    close: () => inner.close(),
  };
});

async function unixSource(): Promise<DuplexSource> {
  const folder = mkdtempSync(join(tmpdir(), 'csn-'));
  const path = join(folder, 'socket');
  const server = createServer({ allowHalfOpen: true });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  return {
    async connect() {
      const arrived = once(server, 'connection');
      const dialler = connect({ path, allowHalfOpen: true });
      const [listener] = (await arrived) as [Socket];
      return { dialler, listener };
    },
    async close() {
      server.close();
      rmSync(folder, { recursive: true });
    },
  };
}
