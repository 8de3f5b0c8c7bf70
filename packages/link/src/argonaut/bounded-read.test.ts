// Inputs of bounded size: files, pipes, streams that end late or never.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { test } from 'node:test';
import { readBoundedFile, readBoundedStream } from './index.ts';

const options = { maxBytes: 10, what: 'config file x' };
const tooLarge = { code: 'ARGONAUT_INPUT_SIZE', message: 'config file x must have at most 10 bytes, got more' };

test('reads a file of maxBytes whole and refuses one byte more', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'caisson-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'file');
  writeFileSync(path, '0123456789');
  assert.equal(Buffer.from(await readBoundedFile(path, options)).toString(), '0123456789');
  writeFileSync(path, '0123456789a');
  await assert.rejects(readBoundedFile(path, options), tooLarge);
  await assert.rejects(readBoundedFile(join(folder, 'none'), options), {
    code: 'ARGONAUT_INPUT',
    message: 'cannot read config file x: ENOENT',
  });
  await assert.rejects(readBoundedFile(folder, options), {
    code: 'ARGONAUT_INPUT',
    message: 'cannot read config file x: EISDIR',
  });
});

test('stops reading an endless stream at its bound', async () => {
  let given = 0;
  const endless = Readable.from(
    (function* () {
      for (;;) {
        given += 1;
        yield Buffer.alloc(1);
      }
    })(),
  );
  await assert.rejects(readBoundedStream(endless, options), tooLarge);
  assert.ok(given < 100);
  assert.ok(endless.destroyed);
});

test('joins what comes in pieces, and an empty stream is an empty input', async () => {
  assert.equal(
    Buffer.from(await readBoundedStream(Readable.from([Buffer.from('ab'), Buffer.from('cd')]), options)).toString(),
    'abcd',
  );
  assert.equal((await readBoundedStream(Readable.from([]), options)).length, 0);
});

test('ends with the reason of the signal when it is told to stop, before or while it waits', async () => {
  const stop = new AbortController();
  const waiting = readBoundedStream(new PassThrough(), options, stop.signal);
  stop.abort('SIGTERM');
  await assert.rejects(waiting, (reason) => reason === 'SIGTERM');
  await assert.rejects(readBoundedStream(new PassThrough(), options, stop.signal), (reason) => reason === 'SIGTERM');
});

test('names a stream that failed', async () => {
  const broken = new PassThrough();
  broken.destroy(Object.assign(new Error('read EIO'), { code: 'EIO' }));
  await assert.rejects(readBoundedStream(broken, options), {
    code: 'ARGONAUT_INPUT',
    message: 'cannot read config file x: EIO',
  });
});
