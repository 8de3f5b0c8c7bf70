// What a channel promises its user, over an in-memory pair of streams.
import assert from 'node:assert/strict';
import { duplexPair } from 'node:stream';
import { test } from 'node:test';
import { createChannel } from './index.ts';

test('smoke', async () => {
  const [a, b] = duplexPair();
  const client = createChannel(a, { role: 'dialler' });
  const server = createChannel(b, { role: 'listener' });
  server.serve({
    32: (payload) => payload,
    33: async (payload) => Buffer.from(payload).reverse(),
    34: () => {
      throw new Error('secret');
    },
    35: {
      async stream(stream) {
        stream.reply(Buffer.from('head'));
        for await (const chunk of stream) await stream.write(chunk);
      },
    },
  });
  assert.equal(Buffer.from(await client.request(32, Buffer.from('hello'))).toString(), 'hello');
  assert.equal(Buffer.from(await client.request(33, Buffer.from('hello'))).toString(), 'olleh');
  await assert.rejects(client.request(34, Buffer.from('hello')), {
    code: 'CHANNEL_REMOTE',
    remoteCode: 'CHANNEL_HANDLER',
  });
  const big = Buffer.alloc(1_000_000, 7);
  assert.equal(Buffer.compare(await client.request(33, big), big), 0);
  const stream = client.open(35);
  const seen: Uint8Array[] = [];
  const reading = (async () => {
    for await (const chunk of stream) seen.push(chunk);
  })();
  for (let i = 0; i < 100; i += 1) await stream.write(Buffer.alloc(20_000, i));
  await stream.end();
  await reading;
  assert.equal(Buffer.concat(seen).length, 2_000_000);
  console.log(await client.ping(), client.stats());
  assert.equal(await client.close(), undefined);
  assert.equal(await server.closed, undefined);
});
