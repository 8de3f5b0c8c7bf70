// Whoever has a port is named so that he can be ended.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { test } from 'node:test';
import { freePort } from '@caisson/testkit/loopback';
import { findPortHolder } from './port-holder.ts';

const listen = `const s = require('net').createServer().listen(0, '127.0.0.1', () => console.log(s.address().port))`;

test('a port of an enclave is its enclave’s, not that of a process that nobody knows', async (context) => {
  const shim = spawn(process.execPath, ['-e', listen, 'caisson', 'shim', 'web', '--tell', '3']);
  context.after(() => shim.kill('SIGKILL'));
  const [port] = await once(shim.stdout.setEncoding('utf8'), 'data');
  assert.equal(await findPortHolder(Number(port)), `enclave web (process ${shim.pid})`);
  const own = await freePort();
  const server = createServer().listen(own, '127.0.0.1');
  await once(server, 'listening');
  assert.match((await findPortHolder(own)) ?? '', new RegExp(`^process ${process.pid} \\(`));
  server.close();
  await once(server, 'close');
  assert.equal(await findPortHolder(own), undefined);
});
