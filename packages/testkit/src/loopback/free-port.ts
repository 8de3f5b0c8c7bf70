// A TCP port of 127.0.0.1 that nobody has, for programs that must be told theirs before anybody listens on it.
import { once } from 'node:events';
import { createServer } from 'node:net';

// Chosen: below the ports that the kernel gives to connections and to listeners on port 0 (ip_local_port_range, ip(7)). One of those can be somebody's
// again between this look and its use, which failed a test of a busy machine now and then.
const firstPort = 10_000;
const ports = 22_000;
// Chosen: test files are processes, and each begins where no other of the last thousand did.
const portsEach = 16;

let next = (process.pid * portsEach) % ports;

export async function freePort(): Promise<number> {
  for (let tries = 0; tries < ports; tries += 1) {
    const port = firstPort + next;
    next = (next + 1) % ports;
    const server = createServer().listen(port, '127.0.0.1');
    const isFree = await once(server, 'listening').then(
      () => true,
      () => false,
    );
    if (!isFree) continue;
    server.close();
    await once(server, 'close');
    return port;
  }
  throw new Error(`no port of 127.0.0.1 is free from ${firstPort} on`);
}
