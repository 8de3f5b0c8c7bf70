// A swapped server at its descriptor limit: what it cannot hold is turned away, and the listener survives.
import { equal, ok } from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { loadAddon } from './load.ts';

const skip = loadAddon().addon === undefined && 'the addon is not built';
const loopback = 0x7f000001;
const dials = 100;

// Serves echo on a descriptor from the addon; says its port, then how many it holds when asked.
const server = `
  import { adoptServer } from ${JSON.stringify(new URL('adopt.ts', import.meta.url).href)};
  import { loadAddon } from ${JSON.stringify(new URL('load.ts', import.meta.url).href)};
  const { addon } = loadAddon();
  let port, fd = -1;
  while (fd < 0) { port = 2000 + Math.floor(Math.random() * 30000); fd = addon.listenLoopback(${loopback}, port, 4096); }
  const server = await adoptServer(addon, fd, 'vsock:3:1');
  let held = 0;
  server.on('connection', (socket) => {
    held += 1;
    socket.on('error', () => {}).on('close', () => { held -= 1; if (held === 0) console.log('empty'); }).pipe(socket);
  });
  console.log(port);
  process.stdin.on('end', () => process.exit()).resume();
`;

test('at the descriptor limit a server keeps listening, and serves all again when it is left', { skip }, async () => {
  const words = [process.execPath, '--conditions=caisson-source', '--input-type=module', '-e', server];
  const child = spawn('sh', ['-c', 'ulimit -n 64 && exec "$0" "$@"', ...words], { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const port = Number((await lines.next()).value);
  try {
    for (let cycle = 0; cycle < 5; cycle += 1) {
      const sockets = Array.from({ length: dials }, () => connect(port, '127.0.0.1').on('error', () => {}));
      const answered = await Promise.all(sockets.map(isAnswered));
      const count = answered.filter(Boolean).length;
      ok(count > 10 && count < dials, `cycle ${cycle}: ${count} of ${dials} held`);
      for (const socket of sockets) socket.destroy();
      equal((await lines.next()).value, 'empty');
      const again = Array.from({ length: 20 }, () => connect(port, '127.0.0.1').on('error', () => {}));
      equal((await Promise.all(again.map(isAnswered))).filter(Boolean).length, 20);
      for (const socket of again) socket.destroy();
      equal((await lines.next()).value, 'empty');
    }
  } finally {
    const exited = once(child, 'exit');
    child.stdin.end();
    await exited;
  }
});

function isAnswered(socket: Socket): Promise<boolean> {
  return new Promise((resolve) => {
    socket.on('data', () => resolve(true)).on('close', () => resolve(false));
    socket.write('x');
  });
}
