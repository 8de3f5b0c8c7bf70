// Outside: makes records, has them masked through the channel and the naive way, checks every one of them, and prints what each way carried.
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { FrameReader } from '@caisson/core/frame';
import { createChannel } from '@caisson/link/channel';
import { createRecords, verifyMasked } from './records.ts';
import { MASK, maxNaiveBytes, naiveFrame } from './src/protocol.ts';

export interface AgentPorts {
  readonly channel: number;
  readonly naive: number;
}

export interface Throughput {
  readonly messages: number;
  readonly records: number;
  readonly seconds: number;
  readonly mebibytesPerSecond: number;
}

// Given: the size of a message that this example is about.
export const messageBytes = 8_192;

/** All messages are on their way at once; the channel's window says how many. Rejects at the first record that is not masked right. */
export async function maskByChannel(port: number, messages: number): Promise<Throughput> {
  const channel = createChannel(await open(port), { role: 'dialler' });
  try {
    return await measure(messages, (bodies) => Promise.all(bodies.map((body) => channel.request(MASK, body))));
  } finally {
    await channel.close();
  }
}

/** One after the other: a length, a body, and a wait. */
export async function maskNaively(port: number, messages: number): Promise<Throughput> {
  const socket = await open(port);
  const reader = new FrameReader({ maxBytes: maxNaiveBytes, name: 'masked records' });
  const chunks = socket[Symbol.asyncIterator]();
  const ask = async (body: Buffer): Promise<Uint8Array> => {
    socket.write(naiveFrame(body));
    for (;;) {
      const answer = reader.next();
      if (answer !== undefined) return answer;
      const { value, done } = await chunks.next();
      if (done === true) throw new Error('the connection ended before an answer');
      reader.push(value as Uint8Array);
    }
  };
  try {
    return await measure(messages, async (bodies) => {
      const answers: Uint8Array[] = [];
      for (const body of bodies) answers.push(await ask(body));
      return answers;
    });
  } finally {
    socket.destroy();
  }
}

/** Records are made before the clock starts and checked after it has stopped. */
async function measure(
  messages: number,
  carry: (bodies: readonly Buffer[]) => Promise<readonly Uint8Array[]>,
): Promise<Throughput> {
  const batches = Array.from({ length: messages }, (_, index) => createRecords(index + 1, messageBytes));
  const bodies = batches.map(({ text }) => Buffer.from(text, 'latin1'));
  const startedAt = performance.now();
  const answers = await carry(bodies);
  const seconds = (performance.now() - startedAt) / 1_000;
  for (const [index, batch] of batches.entries()) verifyMasked(batch, answers[index]!);
  const bytes = batches.reduce((sum, { text }) => sum + text.length, 0);
  const records = batches.reduce((sum, { secrets }) => sum + secrets.length / 3, 0);
  return { messages, records, seconds, mebibytesPerSecond: bytes / seconds / 1_048_576 };
}

async function open(port: number): Promise<Socket> {
  const socket = connect({ host: '127.0.0.1', port, noDelay: true });
  await once(socket, 'connect');
  return socket;
}

if (import.meta.main) {
  const [channel = 8094, naive = 8095] = process.argv.slice(2).map(Number);
  // Both ways once for the compiler, then for the clock.
  await maskByChannel(channel, 200);
  await maskNaively(naive, 200);
  for (const [name, carried] of [
    ['naive', await maskNaively(naive, 2_000)],
    ['channel', await maskByChannel(channel, 5_000)],
  ] as const) {
    const rate = Math.round(carried.messages / carried.seconds);
    console.log(
      `${name.padEnd(8)} ${carried.mebibytesPerSecond.toFixed(1)} MiB/s, ${rate} messages of ${messageBytes} bytes a second, ${carried.records} records, each of them checked`,
    );
  }
}
