// The stream under TLS: what it writes at once, and whose end is whose.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { Duplex, duplexPair } from 'node:stream';
import { test } from 'node:test';
import { createWire } from '@caisson/testkit/control';
import { createControlIdentity } from './identity.ts';
import { createNarrowDuplex } from './narrow-duplex.ts';
import { secureStream } from './secure.ts';

test('no single write to the socket has more than 32,768 bytes, and one follows the other', async () => {
  const sizes: number[] = [];
  let open = 0;
  const socket = new Duplex({
    read() {},
    write(chunk: Buffer, _encoding, done) {
      open += 1;
      assert.equal(open, 1, 'the next waits for the one before');
      sizes.push(chunk.length);
      setImmediate(() => {
        open -= 1;
        done();
      });
    },
  });
  const narrow = createNarrowDuplex(socket);
  narrow.end(Buffer.alloc(100_000));
  await once(narrow, 'finish');
  assert.deepEqual(sizes, [32_768, 32_768, 32_768, 1_696]);
  narrow.destroy();
});

test('TLS over it keeps to that, whatever is written into it', async () => {
  const sizes: number[] = [];
  const [near, far] = createWire([
    (bytes, pass) => {
      sizes.push(bytes.length);
      pass(bytes);
    },
  ]);
  const [client, server] = await Promise.all([
    secureStream(near, 'client', await createControlIdentity(), 2_000),
    secureStream(far, 'server', await createControlIdentity(), 2_000),
  ]);
  const sent = Buffer.alloc(1_000_000, 'x');
  client.tls.end(sent);
  let got = 0;
  for await (const chunk of server.tls) got += (chunk as Buffer).length;
  assert.equal(got, sent.length);
  assert.ok(Math.max(...sizes) <= 32_768, `${Math.max(...sizes)}`);
  server.tls.destroy();
});

test('an end, a destruction and an error go through it both ways', async () => {
  const [socket, other] = duplexPair();
  const narrow = createNarrowDuplex(socket);
  narrow.resume();
  const ended = once(narrow, 'end');
  other.end('last');
  await ended;
  assert.equal(narrow.writable, true, 'half of it is still open');
  narrow.destroy();
  assert.equal(socket.destroyed, true);
  const [second] = duplexPair();
  const over = createNarrowDuplex(second);
  const failed = once(over, 'error');
  second.destroy(new Error('reset'));
  assert.match(String((await failed)[0]), /reset/);
});
