// What a session says to the kernel, at the one place where it can be seen: strace. A write above 32 KiB to a vsock can arrive corrupted
// (docs/wire/addresses.md), and TLS writes past the bound that sys/vsock sets.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { createChannel } from '../channel/index.ts';
import { createControlIdentity } from './identity.ts';
import { secureStream } from './secure.ts';

const why =
  spawnSync('strace', ['-o', '/dev/null', 'true']).status === 0 ? false : 'strace may not look at a process here';

/** One end of a session over the unix socket `path`, which sends two and a half megabytes: small and great frames, alone and at once. */
const client = (path: string): string => `
  import { connect } from 'node:net';
  import { once } from 'node:events';
  import { createChannel } from '@caisson/link/channel';
  import { createControlIdentity } from '@caisson/link/control';
  import { secureStream } from ${JSON.stringify(join(import.meta.dirname, 'secure.ts'))};
  const socket = connect(${JSON.stringify(path)});
  await once(socket, 'connect');
  const { tls } = await secureStream(socket, 'client', await createControlIdentity(), 30_000);
  const channel = createChannel(tls, { role: 'dialler' });
  await Promise.all([200, 20_000, 200_000, 1_000_000].map((bytes) => channel.request(32, new Uint8Array(bytes))));
  const stream = channel.open(33);
  await Promise.all(Array.from({ length: 40 }, () => stream.write(new Uint8Array(32_768))));
  await stream.end();
  await channel.close();
`;

test('no write of a session to its socket has more than 32,768 bytes, in the kernel’s own count', {
  skip: why,
}, async (context) => {
  const folder = mkdtempSync(join(tmpdir(), 'caisson-write-'));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  const [path, log] = [join(folder, 'socket'), join(folder, 'calls')];
  let taken = 0;
  const server = createServer(async (socket) => {
    const { tls } = await secureStream(socket, 'server', await createControlIdentity(), 30_000);
    createChannel(tls, { role: 'listener' }).serve({
      32: () => undefined,
      33: {
        async stream(stream) {
          for await (const chunk of stream) taken += chunk.length;
        },
      },
    });
  }).listen(path);
  await once(server, 'listening');
  const calls = ['-e', 'trace=write,writev,sendto,sendmsg', '-e', 'signal=none', '-yy', '-o', log];
  const script = ['--conditions=caisson-source', '--input-type=module-typescript', '-e', client(path)];
  const child = spawn('strace', ['-f', ...calls, process.execPath, ...script], {
    stdio: ['ignore', 'ignore', 'inherit'],
    cwd: import.meta.dirname,
  });
  const [code] = await once(child, 'exit');
  server.close();
  assert.equal(code, 0);
  assert.equal(taken, 40 * 32_768);
  // `writev(20<UNIX-STREAM:[1->2]>, [...], 2) = 31788`
  const sizes = [...readFileSync(log, 'utf8').matchAll(/\(\d+<UNIX(?:-STREAM)?:.*= (\d+)$/gm)].map(([, bytes]) =>
    Number(bytes),
  );
  assert.ok(sizes.reduce((sum, bytes) => sum + bytes, 0) > 2_500_000, `${sizes.length} writes were seen`);
  assert.ok(Math.max(...sizes) <= 32_768, `${Math.max(...sizes)} bytes`);
});
