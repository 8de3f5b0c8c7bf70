// The wall itself: what the parent and an enclave see of each other over real AF_VSOCK. One enclave for all of it.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { test } from 'node:test';
import { toCid, toVsockPort } from '@caisson/core/address';
import { patternOf, wallPort } from './guest/wall-port.ts';
import { buildImage } from './image.ts';
import { bootEnclave, type Enclave, skip, within } from './rig.ts';

const mebibyte = 1024 * 1024;
const patience = { timeoutMs: 60_000, retryRefused: true };

interface Digest {
  readonly sha256: string;
  readonly bytes: number;
  readonly peerCid?: number;
  readonly code?: string;
}

test('the wall between a parent and its enclave', { skip, timeout: 300_000 }, async (context) => {
  const image = await buildImage({ guest: 'wall' });
  const enclave = await bootEnclave({ image: image.file, cid: 20 });
  const dial = (port: keyof typeof wallPort): Promise<Socket> =>
    enclave.parent.connect({ cid: enclave.cid, port: wallPort[port] });
  try {
    // `stop` is what the guest listens on last.
    await within(120_000, 'the first dial', waitUntilListening(enclave));

    await context.test('writes of 8 KiB to 1 MiB arrive in the enclave as they were sent', async () => {
      const pattern = patternOf(8 * mebibyte);
      for (const writeBytes of [8_192, 65_536, 131_072, mebibyte]) {
        const socket = await dial('digest');
        for (let at = 0; at < pattern.length; at += writeBytes) {
          if (!socket.write(pattern.subarray(at, at + writeBytes))) await once(socket, 'drain');
        }
        // The answer comes after our end: half-close, parent first.
        socket.end();
        assert.deepEqual(await answer(socket), { ...digest(pattern), peerCid: 3 }, `writes of ${writeBytes}`);
      }
    });

    await context.test('writes of 8 KiB to 1 MiB leave the enclave as they were sent', async () => {
      const pattern = patternOf(8 * mebibyte);
      for (const writeBytes of [8_192, 65_536, 131_072, mebibyte]) {
        const socket = await dial('source');
        socket.end(JSON.stringify({ bytes: pattern.length, writeBytes }));
        assert.deepEqual(digest(await bytesOf(socket)), digest(pattern), `writes of ${writeBytes}`);
      }
    });

    await context.test('128 connections at once each get their own bytes back', async () => {
      const echoes = Array.from({ length: 128 }, async (_, index) => {
        const socket = await enclave.parent.connect({ cid: enclave.cid, port: wallPort.echo }, patience);
        const sent = Buffer.alloc(16_384, `${index} `);
        socket.end(sent);
        assert.deepEqual(await bytesOf(socket), sent);
      });
      await within(120_000, '128 echoes', Promise.all(echoes));
    });

    await context.test('an enclave that ends first still gets 5 MiB', async () => {
      const pattern = patternOf(5 * mebibyte);
      const port = toVsockPort(8100);
      const listener = await enclave.parent.listen({ cid: toCid(3), port }, {}, (socket, peer) => {
        assert.equal(peer.cid, enclave.cid);
        bytesOf(socket).then((question) => socket.end(question.toString() === 'question' ? pattern : ''));
      });
      const socket = await dial('dial');
      socket.end(String(port));
      assert.deepEqual(await answer(socket), digest(pattern));
      await listener.close();
    });

    await context.test('a port where nobody listens refuses at once, on either side', async () => {
      const target = { cid: enclave.cid, port: toVsockPort(4999) };
      await assert.rejects(enclave.parent.connect(target), { code: 'ECONNREFUSED' });
      const socket = await dial('dial');
      socket.end('8199');
      assert.deepEqual(await answer(socket), { code: 'ECONNREFUSED' });
    });

    await context.test('a peer that destroys its socket reads as an end: no data, no error of its own', async () => {
      const socket = await dial('reset');
      socket.write('x');
      assert.equal((await allOf(socket)).length, 0);
    });

    await context.test('dials beyond the backlog of a listener that does not accept are refused at once', async () => {
      const stall = await dial('stall');
      const stalled = allOf(stall);
      await once(stall, 'data');
      const dials = await Promise.allSettled(Array.from({ length: 20 }, () => dial('narrow')));
      const refused = dials.filter((one) => one.status === 'rejected');
      // A backlog of 5 holds 6 (sk_acceptq_is_full compares with >).
      assert.equal(refused.length, 14, refused.map((one) => String(one.reason)).join('\n'));
      for (const one of refused) assert.equal((one.reason as NodeJS.ErrnoException).code, 'ECONNREFUSED');
      for (const one of dials) if (one.status === 'fulfilled') assert.equal(String(await allOf(one.value)), 'x');
      assert.equal(String(await stalled), 'stalling');
      const later = await enclave.parent.connect({ cid: enclave.cid, port: wallPort.narrow }, patience);
      assert.equal(String(await allOf(later)), 'x');
    });

    const stop = await dial('stop');
    assert.equal((await allOf(stop)).length, 0);
    assert.equal(await within(120_000, 'the end', enclave.exit), 0);
  } finally {
    await enclave.close();
    image.remove();
  }
});

async function waitUntilListening(enclave: Enclave): Promise<void> {
  const socket = await enclave.parent.connect({ cid: enclave.cid, port: wallPort.dial }, patience);
  socket.destroy();
}

async function answer(socket: Socket): Promise<Digest> {
  return JSON.parse((await bytesOf(socket)).toString()) as Digest;
}

/** All bytes until the end; our own side stays open. */
async function bytesOf(socket: Socket): Promise<Buffer> {
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  await within(120_000, 'the end of the stream', once(socket, 'end'));
  return Buffer.concat(chunks);
}

/** The same, and then the socket is gone. */
async function allOf(socket: Socket): Promise<Buffer> {
  const bytes = await bytesOf(socket);
  socket.destroy();
  return bytes;
}

function digest(bytes: Uint8Array): Digest {
  return { sha256: createHash('sha256').update(bytes).digest('hex'), bytes: bytes.length };
}
