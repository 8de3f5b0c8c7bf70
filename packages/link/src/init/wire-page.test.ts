// The examples of docs/wire/init-control.md, held against what a caller and the socket put on the wire.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { createFakeControl } from '@caisson/testkit/fake';
import { INIT_VERBS, serveInitSocket } from './index.ts';

const page = readFileSync(new URL('../../../../docs/wire/init-control.md', import.meta.url), 'utf8');
const hex = [...page.matchAll(/^```hex .+\n([^`]+)^```/gm)].map(([, body = '']) =>
  Buffer.from(body.replace(/\|.*$/gm, '').replace(/\s/g, ''), 'hex'),
);

async function exchange(context: TestContext, bytes: string | Buffer): Promise<Buffer> {
  const folder = mkdtempSync(join(tmpdir(), 'caisson-page-'));
  context.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'init.sock');
  const peerCredentials = () => ({ pid: 1, uid: 0, gid: 0 });
  const server = await serveInitSocket({ path, control: createFakeControl(), peerCredentials, ownerUid: 0 });
  context.after(() => server.close());
  const socket = connect({ path, allowHalfOpen: true });
  socket.end(bytes);
  const parts: Buffer[] = [];
  for await (const part of socket) parts.push(part as Buffer);
  return Buffer.concat(parts);
}

test('init-control.md shows a request and its answer to the byte', async (context) => {
  const [request, answer] = hex;
  assert.ok(request !== undefined && answer !== undefined);
  assert.equal((await exchange(context, request)).toString('hex'), answer.toString('hex'));
});

test('init-control.md shows JSON-RPC as it is answered', async (context) => {
  const [, block = ''] = /^```\n(\{"jsonrpc"[^`]+)```/m.exec(page) ?? [];
  const lines = block.trimEnd().split('\n');
  const requests = lines.filter((line) => line.includes('"method"'));
  const answers = lines.filter((line) => !line.includes('"method"'));
  assert.equal(requests.length, 2);
  assert.equal((await exchange(context, requests.join('\n'))).toString(), `${answers.join('\n')}\n`);
});

test('init-control.md names every verb that there is', () => {
  for (const verb of INIT_VERBS) assert.ok(page.includes(verb), verb);
});
