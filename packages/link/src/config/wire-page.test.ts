// The example of docs/wire/boot-config.md, held against what a sender puts on the wire and a receiver takes off it.
import { deepEqual, equal, match } from 'node:assert/strict';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import type { Socket } from 'node:net';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { toCid, toVsockPort } from '@caisson/core/address';
import { receiveConfig, sendConfig } from '@caisson/link/config';
import { createFabricTransport } from '@caisson/link/transport';

const page = readFileSync(new URL('../../../../docs/wire/boot-config.md', import.meta.url), 'utf8');
const [, title = '', body = ''] = /^```hex (.+)\n([^`]+)^```/m.exec(page) ?? [];
const stream = Buffer.from(body.replace(/\|.*$/gm, '').replace(/\s/g, ''), 'hex');
const [cid, port] = [toCid(16), toVsockPort(7777)];

test('boot-config.md shows the stream that a sender writes: the config and nothing else', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'caisson-'));
  mkdirSync(join(directory, '16'), { mode: 0o700 });
  const server = createServer({ allowHalfOpen: true }).listen(join(directory, '16', '7777'));
  await once(server, 'listening');
  const accepted = once(server, 'connection');
  const transport = createFabricTransport({ directory, localCid: toCid(3) });
  const sent = sendConfig({ transport, cid, port, bytes: Buffer.from(title), timeoutMs: 1_000 });
  const [socket] = (await accepted) as [Socket];
  const parts: Buffer[] = [];
  for await (const part of socket) parts.push(part);
  socket.end();
  await sent;
  server.close();
  rmSync(directory, { recursive: true });
  const seen = Buffer.concat(parts);
  const end = seen.indexOf('\n') + 1;
  match(seen.subarray(0, end).toString(), /^CAISSON-FABRIC\/1 3 [0-9]+\n$/);
  equal(seen.subarray(end).toString('hex'), stream.toString('hex'));
});

test('boot-config.md shows the stream that a receiver takes, and it is one complete JSON value', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'caisson-'));
  const transport = createFabricTransport({ directory, localCid: cid });
  const { promise: listening, resolve } = Promise.withResolvers<void>();
  const received = receiveConfig({ transport, port, onListening: resolve });
  await listening;
  const sender = connect(join(directory, '16', '7777'));
  sender.end(Buffer.concat([Buffer.from('CAISSON-FABRIC/1 3 1024\n'), stream]));
  const bytes = Buffer.from(await received);
  rmSync(directory, { recursive: true });
  equal(bytes.toString(), title);
  deepEqual(JSON.parse(bytes.toString()), { schemaVersion: 'v0.1' });
});
