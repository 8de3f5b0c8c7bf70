// The examples of docs/wire/boot-config.md, held against what a sender puts on the wire and a receiver takes off it.
import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import type { Socket } from 'node:net';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { toCid, toVsockPort } from '@caisson/core/address';
import { NO_CONFIG, parseSignedConfig, verifySignedConfig } from '@caisson/core/config';
import { encodeFrame } from '@caisson/core/frame';
import {
  encodeConfigReply,
  encodeFramedConfig,
  parseConfigReply,
  receiveConfig,
  sendConfig,
} from '@caisson/link/config';
import { createFabricTransport } from '@caisson/link/transport';
import { testSigner } from '@caisson/testkit/boot';

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

/** The bytes of the block of that title. */
function block(name: string): Buffer {
  const [, hex] = new RegExp(`^\`\`\`hex ${name}[^\n]*\n([^\`]+)^\`\`\``, 'm').exec(page) ?? [];
  ok(hex !== undefined, name);
  return Buffer.from(hex.replace(/\|.*$/gm, '').replace(/\s/g, ''), 'hex');
}

test('boot-config.md shows what a framed sender writes, and both replies as they are read', () => {
  deepEqual(Buffer.from(encodeFramedConfig(Buffer.from(title))), block('framed'));
  const sha384 = createHash('sha384').update(title).digest('hex');
  deepEqual(parseConfigReply(block('taken').subarray(4)), { ok: true, sha384 });
  const faults = [{ path: 'mode', message: 'mode must be there, got nothing' }];
  deepEqual(parseConfigReply(block('refused').subarray(4)), { ok: false, faults });
  deepEqual(Buffer.from(encodeFrame(encodeConfigReply({ ok: true, sha384 }))), block('taken'));
  deepEqual(Buffer.from(encodeFrame(encodeConfigReply({ ok: false, faults }))), block('refused'));
});

test('boot-config.md shows a signed config that verifies, byte for byte as it is made', async () => {
  const { sign, spki } = await testSigner(0);
  const content = {
    version: 7,
    notAfter: 1_900_000_000,
    target: { kind: 'pcr0', values: [new Uint8Array(48).fill(0xa5)] },
    config: Uint8Array.from(Buffer.from(title)),
    operators: null,
  } as const;
  deepEqual(Buffer.from(await sign(content)), block('signed'));
  const { cose, keyId, ...read } = parseSignedConfig(Uint8Array.from(block('signed')));
  deepEqual(read, content);
  deepEqual(await verifySignedConfig({ cose, keyId, ...read }, [spki]), spki);
});

test('boot-config.md shows the values of PCR16', () => {
  const sha384 = (...parts: Uint8Array[]): Buffer => createHash('sha384').update(Buffer.concat(parts)).digest();
  for (const bytes of [Buffer.from(title), block('signed'), NO_CONFIG]) {
    const pcr16 = sha384(new Uint8Array(48), sha384(bytes)).toString('hex');
    ok(page.includes(`| \`${pcr16}\` |`), pcr16);
  }
});
