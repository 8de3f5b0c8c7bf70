// The same handlers against a transport that costs nothing: requests come from memory and replies are thrown away. What is left is the
// price of the channel and of the handlers themselves, which no hardware takes away.
import { Duplex } from 'node:stream';
import { concatBytes } from '@caisson/core/bytes';
import { encodeMessageFrame } from '@caisson/core/frame';
import { createChannel } from '@caisson/link/channel';
import { createBenchHandlers } from './handlers.ts';
import { benchType } from './messages.ts';
import { Meter, type Sample } from './sample.ts';

// Given: docs/wire/channel.md.
const helloOfPage = Buffer.from('a4018101021a00100000031a0010000004f4', 'hex');
const types = { hello: 1, request: 2 } as const;
// What a socket's read gives.
const chunkBytes = 65_536;

export async function runNull(messageBytes: number, windowMs: number): Promise<Sample> {
  const discarding = new Duplex({ read: () => {}, write: (_chunk, _encoding, done) => done() });
  const channel = createChannel(discarding, { role: 'listener' });
  channel.serve(createBenchHandlers());
  const payload = new Uint8Array(1 + messageBytes);
  payload[0] = benchType.echo;
  const request = encodeMessageFrame({ type: types.request, last: true, id: 1, payload });
  const perChunk = Math.max(1, Math.floor(chunkBytes / request.length));
  const chunk = concatBytes(...Array.from({ length: perChunk }, () => request));
  discarding.push(encodeMessageFrame({ type: types.hello, id: 0, payload: helloOfPage }));
  await channel.opened;
  const meter = new Meter([channel.stats()]);
  const endMs = performance.now() + windowMs;
  while (performance.now() < endMs) {
    discarding.push(chunk);
    meter.messages += perChunk;
    meter.bytes += 2 * perChunk * messageBytes;
    await new Promise((resolve) => setImmediate(resolve));
  }
  const sample = meter.finish([channel.stats()]);
  channel.destroy();
  return sample;
}
