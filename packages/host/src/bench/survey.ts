// Everything that a bench of one address looks at, in one run: the floor, the sweep, the patterns that differ, the naive way beside it.
import type { Duplex } from 'node:stream';
import { type Channel, createChannel } from '@caisson/link/channel';
import { benchType } from './messages.ts';
import { naiveBody, openNaive } from './naive.ts';
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
  /** Of one request on an open connection on which nothing else is, and of one from before the dial; medians in microseconds. */
  readonly firstReplyUs: { readonly channel: number; readonly naive: number };
  readonly dialToReplyUs: { readonly channel: number; readonly naive: number };
  /** At one rate of 256-byte messages that the naive way can keep. */
  readonly atRate: { readonly perSecond: number; readonly channelP99Us: number; readonly naiveP99Us: number };
  readonly naive: readonly { readonly messageBytes: number; readonly sample: Sample }[];
  readonly cells: readonly { readonly pattern: Pattern; readonly sample: Sample }[];
  readonly own: { readonly pattern: Pattern; readonly sample: Sample } | null;
}

const sweepSizes: readonly number[] = [64, 256, 1_024, 8_192, 32_768, 131_072];
const sweepDepths: readonly number[] = [1, 16, 64, 256, 1_024];
// A window of 1 MiB holds no more at once; what is above waits at the asker.
const windowBytes = 1_048_576;

const otherPatterns: readonly Pattern[] = [
  { name: 'both directions at once, 8 KiB', messageBytes: 8_192, depth: 64, bothWays: true },
  { name: 'replies of 64 B to 64 KiB', messageBytes: 64, replyBytes: { from: 64, to: 65_536 }, depth: 64 },
  { name: 'protobuf, 256 B', messageBytes: 256, depth: 256, protobuf: true },
];
const writers = 4;
const firstReplies = 301;
const firstDials = 51;
const rateRounds = 5;

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
    const firstReplyUs = await inTurn(firstReplies, pipelined(channel), queued(naive));
    const dialToReplyUs = await inTurn(
      firstDials,
      async (body) => {
        const fresh = createChannel(await dial(), { role: 'dialler', crc });
        await fresh.request(benchType.echo, body);
        fresh.destroy();
      },
      async (body) => {
        const fresh = openNaive(await dial());
        await fresh.request(body);
        fresh.close();
      },
    );
    const slowest = Math.min(...naives.map(({ sample }) => sample.perSecond));
    const perSecond = Math.max(50, Math.floor(slowest / 4));
    const rate = { messageBytes: 256, perSecond, windowMs };
    onStep?.(`${perSecond} a second`);
    const p99s = { channel: [] as number[], naive: [] as number[] };
    for (let round = 0; round < rateRounds; round += 1) {
      p99s.naive.push((await runAtRate(queued(naive), rate)).p99Us ?? 0);
      p99s.channel.push((await runAtRate(pipelined(channel), rate)).p99Us ?? 0);
    }
    return {
      roundTripUs: { p50: floor.sample.p50Us ?? 0, p99: floor.sample.p99Us ?? 0 },
      firstReplyUs,
      dialToReplyUs,
      atRate: { perSecond, channelP99Us: median(p99s.channel), naiveP99Us: median(p99s.naive) },
      naive: naives,
      cells,
      own: options.own === undefined ? null : await run(options.own),
    };
  } finally {
    naive.close();
    for (const one of [channel, ...several]) one.destroy();
  }
}

/** Medians of both, one of each in turn. */
async function inTurn(
  rounds: number,
  channel: (body: Uint8Array) => Promise<unknown>,
  naive: (body: Uint8Array) => Promise<unknown>,
): Promise<Survey['firstReplyUs']> {
  const body = naiveBody(256);
  const timed = async (ask: (body: Uint8Array) => Promise<unknown>): Promise<number> => {
    const startMs = performance.now();
    await ask(body);
    return (performance.now() - startMs) * 1_000;
  };
  const times = { channel: [] as number[], naive: [] as number[] };
  for (let round = 0; round < rounds; round += 1) {
    times.channel.push(await timed(channel));
    times.naive.push(await timed(naive));
  }
  return { channel: median(times.channel), naive: median(times.naive) };
}

function median(values: readonly number[]): number {
  return [...values].sort((left, right) => left - right)[values.length >> 1] ?? Number.NaN;
}
