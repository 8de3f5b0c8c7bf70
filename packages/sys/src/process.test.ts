// Peers as the kernel knows them, not as they say; terminals that are real ones.
import { deepEqual, equal, match, throws } from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, constants, lstatSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { isatty, ReadStream } from 'node:tty';
import { createLinuxKernel } from './linux-kernel.ts';
import { loadAddon } from './load.ts';

const skip = loadAddon().addon === undefined && 'the addon is not built';
const kernel = createLinuxKernel();

test('the peer of a unix socket is the process that connected, by pid, uid and gid', { skip }, async (context) => {
  const folder = mkdtempSync(join(tmpdir(), 'caisson-'));
  context.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'socket');
  const server = createServer().listen(path);
  await once(server, 'listening');
  context.after(() => server.close());
  const accept = async (): Promise<Socket> => ((await once(server, 'connection')) as [Socket])[0];
  const dialled = connect(path).on('error', () => {});
  const accepted = await accept();
  const own = { pid: process.pid, uid: process.getuid!(), gid: process.getgid!() };
  deepEqual(kernel.peerCredentials(accepted), own);
  deepEqual(kernel.peerCredentials(dialled), own);
  dialled.destroy();
  accepted.destroy();
  throws(() => kernel.peerCredentials(accepted), { code: 'ENOTCONN' });

  const words = ['--conditions=caisson-source', '-e', `require('node:net').connect(${JSON.stringify(path)}).resume()`];
  const child = spawn(process.execPath, words, own.uid === 0 ? { uid: 61_234, gid: 61_235 } : {});
  context.after(() => child.kill('SIGKILL'));
  if (own.uid === 0) spawnSync('chmod', ['-R', '777', folder]);
  const other = await accept();
  const expected = own.uid === 0 ? { uid: 61_234, gid: 61_235 } : { uid: own.uid, gid: own.gid };
  deepEqual(kernel.peerCredentials(other), { pid: child.pid, ...expected });
  other.destroy();
});

test('a socket of another family has no peer’s credentials', { skip }, async (context) => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  context.after(() => server.close());
  const socket = connect((server.address() as { port: number }).port, '127.0.0.1');
  await once(socket, 'connect');
  context.after(() => socket.destroy());
  throws(() => kernel.peerCredentials(socket), { code: 'ENODATA', syscall: 'getsockopt' });
});

test('a terminal has the size it was given, later another, and carries what is typed', { skip }, async (context) => {
  const { fd, path } = kernel.openTerminal({ columns: 80, rows: 24 });
  match(path, /^\/dev\/pts\/\d+$/);
  const other = openSync(path, constants.O_RDWR | constants.O_NOCTTY);
  context.after(() => closeSync(other));
  equal(isatty(other), true);
  const size = (): string => spawnSync('stty', ['size'], { stdio: [other, 'pipe', 'pipe'], encoding: 'utf8' }).stdout;
  equal(size(), '24 80\n');
  kernel.resizeTerminal(fd, { columns: 132, rows: 50 });
  equal(size(), '50 132\n');
  const master = new ReadStream(fd);
  context.after(() => master.destroy());
  spawnSync('echo', ['hello'], { stdio: ['ignore', other, 'ignore'] });
  const [bytes] = (await once(master, 'data')) as [Buffer];
  equal(bytes.toString(), 'hello\r\n');
  throws(() => kernel.resizeTerminal(other + 1000, { columns: 1, rows: 1 }), { code: 'EBADF' });
  throws(() => kernel.openTerminal({ columns: 65_536, rows: 1 }), TypeError);
});

test('a FIFO is made for its owner only, and never over what is there', { skip }, (context) => {
  const folder = mkdtempSync(join(tmpdir(), 'caisson-'));
  context.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'fifo');
  kernel.makeFifo(path);
  const stat = lstatSync(path);
  equal(stat.isFIFO(), true);
  equal(stat.mode & 0o777, 0o600);
  throws(() => kernel.makeFifo(path), { code: 'EEXIST', syscall: 'mkfifo' });
  throws(() => kernel.makeFifo(join(folder, 'no/where')), { code: 'ENOENT' });
  for (const wrong of ['', 'a\0b', 'x'.repeat(5000), 5 as unknown as string])
    throws(() => kernel.makeFifo(wrong), TypeError);
});
