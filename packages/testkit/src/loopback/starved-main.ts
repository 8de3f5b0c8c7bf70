// A process of its own for tests that take its descriptors away: one native engine from a TCP port to the unix socket named
// on the command line. Prints the port; at the end of stdin drains and prints its counters.
import { createLinuxKernel, type NativeListener } from '@caisson/sys';

const engine = createLinuxKernel().createEngine();
const listener: NativeListener = engine.listen({
  address: { kind: 'tcp', address: '127.0.0.1', port: 0 },
  maxConnections: 4096,
  idleTimeoutMs: 10_000,
  dialTimeoutMs: 2_000,
  targets: [{ address: { kind: 'unix', path: process.argv[2] ?? '' } }],
});
if (listener.address.kind === 'tcp') console.log(listener.address.port);
process.stdin.resume();
process.stdin.once('end', async () => {
  await listener.drain(2_000);
  const { user, system } = process.cpuUsage();
  console.log(JSON.stringify({ ...listener.counters(), cpuMs: (user + system) / 1000 }));
  await engine.close();
});
