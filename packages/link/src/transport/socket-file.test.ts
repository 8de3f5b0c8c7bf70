// The file of a unix listener: whose it is, when it appears, when it goes.
import { deepEqual, equal, rejects } from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  lstatSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { toCid, toVsockPort } from '@caisson/core/address';
import { connectFile } from './dial-file.ts';
import { clearStaleFile, listenOnFile } from './socket-file.ts';

const local = { cid: toCid(16), port: toVsockPort(8080) };
const ignore = (): void => {};
let directory: string;
let path: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'caisson-'));
  path = join(directory, '8080');
});
afterEach(() => rmSync(directory, { recursive: true }));

/** A listener in another process, which its killer leaves a dead file of. */
async function listenElsewhere(): Promise<ChildProcess> {
  const code = `require('net').createServer().listen(${JSON.stringify(path)}, () => console.log('up'))`;
  const child = spawn(process.execPath, ['-e', code], { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(child.stdout!, 'data');
  return child;
}

async function kill(child: ChildProcess): Promise<void> {
  const gone = once(child, 'exit');
  child.kill('SIGKILL');
  await gone;
}

test('leaves nothing beside the file while it listens and nothing at all afterwards', async () => {
  const file = await listenOnFile({ path, local, backlog: 8 }, ignore);
  deepEqual(readdirSync(directory), ['8080']);
  file.close();
  deepEqual(readdirSync(directory), []);
});

test('replaces the file of a listener that was killed', async () => {
  await kill(await listenElsewhere());
  await rejects(connectFile(path), { code: 'ECONNREFUSED' });
  const file = await listenOnFile({ path, local, backlog: 8 }, (socket) => socket.destroy());
  (await connectFile(path)).destroy();
  file.close();
  equal(existsSync(path), false);
});

test('refuses the file of a living listener of another process and leaves it there', async () => {
  const child = await listenElsewhere();
  const inode = lstatSync(path).ino;
  await rejects(listenOnFile({ path, local, backlog: 8 }, ignore), {
    code: 'EADDRINUSE',
    syscall: 'listen',
    message: `listen EADDRINUSE vsock:16:8080: another listener answers on ${path}`,
  });
  await rejects(clearStaleFile({ path, local }), { code: 'EADDRINUSE' });
  equal(lstatSync(path).ino, inode);
  deepEqual(readdirSync(directory), ['8080']);
  await kill(child);
});

test('refuses a second listener of this process without dialling the first', async () => {
  let dials = 0;
  const file = await listenOnFile({ path, local, backlog: 8 }, () => {
    dials += 1;
  });
  await rejects(listenOnFile({ path, local, backlog: 8 }, ignore), {
    message: 'listen EADDRINUSE vsock:16:8080: this process listens there',
  });
  file.close();
  equal(dials, 0);
});

test('refuses to replace a file or a link that is no socket', async () => {
  writeFileSync(path, 'precious');
  await rejects(listenOnFile({ path, local, backlog: 8 }, ignore), { code: 'EADDRINUSE' });
  rmSync(path);
  symlinkSync('/nowhere', path);
  await rejects(listenOnFile({ path, local, backlog: 8 }, ignore), { message: /exists and is no socket$/ });
  deepEqual(readdirSync(directory), ['8080']);
});

test('removes on close only the file it made, and only once', async () => {
  const first = await listenOnFile({ path, local, backlog: 8 }, ignore);
  renameSync(path, join(directory, 'moved'));
  const child = await listenElsewhere();
  first.close();
  equal(existsSync(path), true);
  await kill(child);
  const second = await listenOnFile({ path, local, backlog: 8 }, ignore);
  first.close();
  const message = 'listen EADDRINUSE vsock:16:8080: this process listens there';
  await rejects(listenOnFile({ path, local, backlog: 8 }, ignore), { message });
  second.close();
});

test('lets one of eight listeners that start together have the dead file', async () => {
  await kill(await listenElsewhere());
  const outcomes = await Promise.allSettled(
    Array.from({ length: 8 }, () => listenOnFile({ path, local, backlog: 8 }, ignore)),
  );
  const winners = outcomes.filter((outcome) => outcome.status === 'fulfilled');
  equal(winners.length, 1);
  for (const winner of winners) winner.value.close();
  deepEqual(readdirSync(directory), []);
});
