// Everything that a bench of one address looks at, in one run: the floor, the sweep, the patterns that differ, the naive way beside it.
import type { Duplex } from 'node:stream';
import { type Channel, createChannel } from '@caisson/link/channel';
import { benchType } from './messages.ts';
import { openNaive } from './naive.ts';
import { pipelined, queued, runAtRate, runNaive } from './naive-pattern.ts';
import { type Pattern, runPattern } from './pattern.ts';
import type { Sample } from './sample.ts';

export interface SurveyOptions {
  readonly windowMs: number;
  readonly crc?: boolean;
  readonly sizes?: readonly number[];
  readonly depths?: readonly number[];
  /** Of the user; run as well and judged in words. */
  readonly own?: Pattern;
  onStep?(name: string): void;
}

export interface Survey {
  readonly roundTripUs: { readonly p50: number; readonly p99: number };
  /** From before the dial to the first reply, in microseconds; the median of a few. */
  readonly firstReplyUs: { readonly channel: number; readonly naive: number };
  /** At one rate of 256-byte messages that the naive way can keep. */
  readonly atRate: { readonly perSecond: number; readonly channelP99Us: number; readonly naiveP99Us: number };
  readonly naive: readonly { readonly messageBytes: number; readonly sample: Sample }[];
  readonly cells: readonly { readonly pattern: Pattern; readonly sample: Sample }[];
  readonly own: { readonly pattern: Pattern; readonly sample: Sample } | null;
}

export const sweepSizes: readonly number[] = [64, 256, 1_024, 8_192, 32_768, 131_072];
export const sweepDepths: readonly number[] = [1, 16, 64, 256, 1_024];
// A window of 1 MiB holds no more at once; what is above waits at the asker.
const windowBytes = 1_048_576;

export const otherPatterns: readonly Pattern[] = [
  { name: 'both directions at once, 8 KiB', messageBytes: 8_192, depth: 64, bothWays: true },
  { name: 'replies of 64 B to 64 KiB', messageBytes: 64, replyBytes: { from: 64, to: 65_536 }, depth: 64 },
  { name: 'protobuf, 256 B', messageBytes: 256, depth: 256, protobuf: true },
];
const writers = 4;
const firstReplies = 9;

/** `dial` gives a new connection each time. Rejects with what a dial or a request rejects with. */
export async function survey(dial: () => Promise<Duplex>, options: SurveyOptions): Promise<Survey> {
  const { windowMs, crc = false, onStep } = options;
  const open = async (): Promise<Channel> => {
    const channel = createChannel(await dial(), { role: 'dialler', crc });
    await channel.opened;
    return channel;
  };
  const channel = await open();
  const naive = openNaive(await dial());
  const several = await Promise.all(Array.from({ length: writers }, open));
  try {
    const run = async (pattern: Pattern, over: readonly Channel[] = [channel]) => {
      onStep?.(pattern.name);
      return { pattern, sample: await runPattern(over, pattern, windowMs) };
    };
    await run({ name: 'warm up', messageBytes: 1_024, depth: 64 });
    await runNaive(naive, 1_024, windowMs / 2);
    const floor = await run({ name: 'round trip', messageBytes: 16, depth: 1 });
    const sizes = options.sizes ?? sweepSizes;
    const naives: Survey['naive'][number][] = [];
    const cells: Survey['cells'][number][] = [];
    for (const messageBytes of sizes) {
      onStep?.(`naive, ${messageBytes} B`);
      naives.push({ messageBytes, sample: await runNaive(naive, messageBytes, windowMs) });
      for (const depth of options.depths ?? sweepDepths) {
        if (depth > 1 && (depth * messageBytes) / 2 > windowBytes) continue;
        cells.push(await run({ name: `${messageBytes} B, ${depth} at once`, messageBytes, depth }));
      }
    }
    for (const pattern of otherPatterns) cells.push(await run(pattern));
    cells.push(await run({ name: `${writers} connections, 8 KiB`, messageBytes: 8_192, depth: 64 }, several));
    onStep?.('first replies');
    const firstReplyUs = await firstReply(dial, crc);
    const slowest = Math.min(...naives.map(({ sample }) => sample.perSecond));
    const perSecond = Math.max(50, Math.floor(slowest / 4));
    const rate = { messageBytes: 256, perSecond, windowMs };
    onStep?.(`${perSecond} a second`);
    const naiveAtRate = await runAtRate(queued(naive), rate);
    const channelAtRate = await runAtRate(pipelined(channel), rate);
    return {
      roundTripUs: { p50: floor.sample.p50Us ?? 0, p99: floor.sample.p99Us ?? 0 },
      firstReplyUs,
      atRate: { perSecond, channelP99Us: channelAtRate.p99Us ?? 0, naiveP99Us: naiveAtRate.p99Us ?? 0 },
      naive: naives,
      cells,
      own: options.own === undefined ? null : await run(options.own),
    };
  } finally {
    naive.close();
    for (const one of [channel, ...several]) one.destroy();
  }
}

async function firstReply(dial: () => Promise<Duplex>, crc: boolean): Promise<Survey['firstReplyUs']> {
  const times = { channel: [] as number[], naive: [] as number[] };
  const body = new Uint8Array(256).fill(0x4e);
  for (let round = 0; round < firstReplies; round += 1) {
    const channelMs = performance.now();
    const channel = createChannel(await dial(), { role: 'dialler', crc });
    await channel.request(benchType.echo, body);
    times.channel.push((performance.now() - channelMs) * 1_000);
    channel.destroy();
    const naiveMs = performance.now();
    const naive = openNaive(await dial());
    await naive.request(body);
    times.naive.push((performance.now() - naiveMs) * 1_000);
    naive.close();
  }
  const median = (values: number[]): number => values.sort((left, right) => left - right)[values.length >> 1]!;
  return { channel: median(times.channel), naive: median(times.naive) };
}
