// The receiving process of a run: an enclave's control port, or the floor's writer.
import { createHash } from 'node:crypto';
import { chmodSync, closeSync, fsyncSync, mkdirSync, openSync, renameSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { createServer } from 'node:tls';
import { toCid } from '@caisson/core/address';
import { createControlIdentity } from '@caisson/link/control';
import { createPipelineHandlers } from '@caisson/link/pipeline';
import { createFabricTransport } from '@caisson/link/transport';
import { createControlScene, createLocalStarter } from '@caisson/testkit/control';

const [kind, folder = ''] = process.argv.slice(2);

async function serveOurs(): Promise<void> {
  const fabric = join(folder, 'fabric');
  for (const cid of ['3', '16']) mkdirSync(join(fabric, cid), { recursive: true, mode: 0o700 });
  chmodSync(fabric, 0o700);
  const none = (): never => {
    throw new Error('no jobs here');
  };
  const jobs = { start: none, list: () => [], find: none, read: none, wait: none, signal: none };
  const handlers = createPipelineHandlers({
    starter: createLocalStarter(),
    jobs,
    environment: [],
    roots: [{ path: folder, access: 'both' }],
  });
  const transport = createFabricTransport({ directory: fabric, localCid: toCid(16) });
  const pcr0 = 'ab'.repeat(48);
  const { operator, ca } = await createControlScene({ transport, handlers, pcr0, profile: 'development' });
  const key = operator.privateKey.export({ type: 'pkcs8', format: 'pem' });
  process.send?.({ key, pcr0, root: ca.rootPem });
}

async function serveFloor(): Promise<void> {
  const { key, certificate } = await createControlIdentity();
  const path = join(folder, 'floor');
  const server = createServer({ key, cert: certificate, minVersion: 'TLSv1.3', allowHalfOpen: true }, (socket) => {
    const [temporary, hash] = [join(folder, 'there/part'), createHash('sha256')];
    const fd = openSync(temporary, 'w');
    socket.on('data', (chunk: Buffer) => {
      hash.update(chunk);
      writeSync(fd, chunk);
    });
    socket.once('end', () => {
      fsyncSync(fd);
      closeSync(fd);
      renameSync(temporary, join(folder, 'there/big'));
      socket.end(hash.digest());
    });
    socket.on('error', () => {});
  });
  server.listen(path, () => process.send?.({ path }));
}

await (kind === 'ours' ? serveOurs() : serveFloor());
