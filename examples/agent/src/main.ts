// Inside: masks what comes, twice over. Port 7000 is the message channel; port 7001 is a length, a body and a wait for the answer.
import { createServer, type Socket } from 'node:net';
import { FrameReader } from '@caisson/core/frame';
import { createChannel } from '@caisson/link/channel';
import { maskRecords } from './mask.ts';
import { MASK, maxNaiveBytes, naiveFrame } from './protocol.ts';

// Latin-1 here and back: bytes that are none of ASCII stay as they are, whatever they encode.
const mask = (records: Uint8Array): Uint8Array =>
  Buffer.from(
    maskRecords(Buffer.from(records.buffer, records.byteOffset, records.length).toString('latin1')),
    'latin1',
  );

createServer((socket) => {
  socket.setNoDelay(true).on('error', () => {});
  createChannel(socket, { role: 'listener' }).serve({ [MASK]: (records) => mask(records) });
}).listen(7000, '127.0.0.1', () =>
  createServer((socket) => {
    socket.setNoDelay(true).on('error', () => {});
    serveNaive(socket).catch(() => socket.destroy());
  }).listen(7001, '127.0.0.1', () => console.log('listening on 127.0.0.1:7000 and 7001')),
);

async function serveNaive(socket: Socket): Promise<void> {
  const reader = new FrameReader({ maxBytes: maxNaiveBytes, name: 'records' });
  for await (const chunk of socket as AsyncIterable<Buffer>) {
    reader.push(chunk);
    for (let body = reader.next(); body !== undefined; body = reader.next()) socket.write(naiveFrame(mask(body)));
  }
}
