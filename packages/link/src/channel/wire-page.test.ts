// The examples of docs/wire/channel.md, held against the code in both directions.
import { deepEqual, equal, ok } from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { duplexPair } from 'node:stream';
import { test } from 'node:test';
import { encodeMessageFrame, MessageReader, readUint32 } from '@caisson/core/frame';
import { createChannel } from './index.ts';
import { encodeHello, frameType, parseHello } from './messages.ts';

const page = readFileSync(new URL('../../../../docs/wire/channel.md', import.meta.url), 'utf8');

function hexOf(name: string): Buffer {
  const [, body = ''] = new RegExp(`^\`\`\`hex ${name}[^\\n]*\\n([^\`]+)^\`\`\``, 'm').exec(page) ?? [];
  ok(body.length > 0, name);
  return Buffer.from(body.replace(/\|.*$/gm, '').replace(/\s/g, ''), 'hex');
}

test('channel.md shows frames as they are written and read', () => {
  const hello = { versions: [1], maxFrameBytes: 1_048_576, windowBytes: 1_048_576, crc: false };
  const expected: [string, Parameters<typeof encodeMessageFrame>[0], boolean][] = [
    ['HELLO', { type: frameType.hello, id: 0, payload: encodeHello(hello) }, false],
    ['REQUEST', { type: frameType.request, last: true, id: 1, payload: Buffer.from('\u0020ping') }, false],
    ['REPLY', { type: frameType.reply, last: true, id: 1, payload: Buffer.from('pong') }, true],
  ];
  for (const [name, frame, crc] of expected) {
    const bytes = hexOf(name);
    equal(bytes.toString('hex'), Buffer.from(encodeMessageFrame(frame, { crc })).toString('hex'), name);
    let seen = 0;
    new MessageReader(
      (type, last, id, payload) => {
        deepEqual({ type, last, id }, { type: frame.type, last: frame.last ?? false, id: frame.id });
        if (type === frameType.hello) deepEqual(parseHello(payload), hello);
        seen += 1;
      },
      { maxFrameBytes: 65_536 },
    ).push(bytes);
    equal(seen, 1);
  }
});

test('channel.md lists every frame type with its number', () => {
  const rows = [...page.matchAll(/^\| ([0-9]+) \| ([A-Z]+) \|/gm)].map(([, number, name]) => [name, Number(number)]);
  deepEqual(
    rows,
    Object.entries(frameType).map(([name, number]) => [name.toUpperCase(), number]),
  );
});

test('a dialler’s first bytes are the HELLO of the page, and a listener waits for five', async () => {
  const [raw, own] = duplexPair();
  const channel = createChannel(own, { role: 'dialler' });
  const first = new Promise<Buffer>((resolve) => raw.once('data', resolve));
  equal((await first).toString('hex'), hexOf('HELLO').toString('hex'));
  channel.destroy();
  const [other, listening] = duplexPair();
  const listener = createChannel(listening, { role: 'listener' });
  const heard: Buffer[] = [];
  other.on('data', (chunk: Buffer) => heard.push(chunk)).on('error', () => {});
  other.write(hexOf('HELLO').subarray(0, 4));
  await new Promise((resolve) => setImmediate(resolve));
  equal(heard.length, 0);
  other.write(hexOf('HELLO').subarray(4));
  await listener.opened;
  await new Promise((resolve) => setImmediate(resolve));
  equal(Buffer.concat(heard).toString('hex'), hexOf('HELLO').toString('hex'));
  equal(readUint32(heard[0]!, 0), 24);
  listener.destroy();
});
