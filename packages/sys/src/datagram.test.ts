// Datagrams from programs that speak systemd's notify protocol: whole, in order, from whom the file lets.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { createLinuxKernel } from './index.ts';

const kernel = createLinuxKernel();
const skip = !kernel.hasAddon && 'the addon is not built';
const folder = mkdtempSync(join(tmpdir(), 'caisson-dgram-'));
after(() => rmSync(folder, { recursive: true, force: true }));
const own = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };

/** Sends from another process: Node has no unix datagrams of its own. */
async function send(path: string, ...texts: readonly string[]): Promise<void> {
  const code =
    'import socket,sys\ns=socket.socket(socket.AF_UNIX,socket.SOCK_DGRAM)\nfor t in sys.argv[2:]: s.sendto(t.encode(),sys.argv[1])';
  const child = spawn('python3', ['-c', code, path, ...texts], { stdio: ['ignore', 'ignore', 'inherit'] });
  const [status] = await once(child, 'exit');
  assert.equal(status, 0);
}

/** Resolves when `count` have come. */
function listen(path: string, count: number) {
  const seen: string[] = [];
  const all = Promise.withResolvers<void>();
  const listener = kernel.listenDatagram({ path, ...own }, (bytes) => {
    seen.push(Buffer.from(bytes).toString());
    if (seen.length === count) all.resolve();
  });
  return { seen, all: all.promise, listener };
}

test('gives each datagram whole and alone, in order', { skip }, async () => {
  const path = join(folder, 'whole');
  const texts = ['READY=1', 'STATUS=x\nREADY=1', 'y'.repeat(4_000), 'z'];
  const { seen, all, listener } = listen(path, texts.length);
  await send(path, ...texts);
  await all;
  assert.deepEqual(seen, texts);
  listener.close();
});

test('the file is its owner’s alone, replaces what was there, and goes with the listener', { skip }, () => {
  const path = join(folder, 'owner');
  writeFileSync(path, 'left by somebody');
  const { listener } = listen(path, 1);
  const found = statSync(path);
  assert.equal(found.mode & 0o777, 0o600);
  assert.equal(found.isSocket(), true);
  listener.close();
  assert.throws(() => statSync(path), { code: 'ENOENT' });
});

test('an empty datagram, which reads as an end, ends nothing', { skip }, async () => {
  const path = join(folder, 'empty');
  const { seen, all, listener } = listen(path, 2);
  await send(path, 'before', '');
  while (seen.length < 2) {
    // The socket is made anew after a moment; a sender meets it or not.
    await send(path, 'after').catch(() => {});
  }
  await all;
  assert.deepEqual(seen.slice(0, 2), ['before', 'after']);
  listener.close();
});

test('refuses a path that a socket cannot have, and a folder that is not there', { skip }, () => {
  const long = join(folder, 'x'.repeat(108));
  assert.throws(() => kernel.listenDatagram({ path: long, ...own }, () => {}), { code: 'ENAMETOOLONG' });
  const lost = join(folder, 'none', 'x');
  assert.throws(() => kernel.listenDatagram({ path: lost, ...own }, () => {}), { code: 'ENOENT' });
});

test('what this kernel sends arrives whole, and a socket that nobody has is an error with its name', {
  skip,
}, async () => {
  const path = join(folder, 'sent');
  const { seen, all, listener } = listen(path, 2);
  kernel.sendDatagram(path, 'READY=1');
  kernel.sendDatagram(path, 'é'.repeat(2_000));
  await all;
  assert.deepEqual(seen, ['READY=1', 'é'.repeat(2_000)]);
  listener.close();
  assert.throws(() => kernel.sendDatagram(path, 'x'), { code: 'ENOENT', syscall: 'sendto' });
  assert.throws(() => kernel.sendDatagram('x'.repeat(108), 'x'), { code: 'ENAMETOOLONG' });
  assert.throws(() => kernel.sendDatagram(path, 'x'.repeat(4_096)), { code: 'EMSGSIZE' });
});
