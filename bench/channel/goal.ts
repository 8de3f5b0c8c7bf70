// The ratios that the channel is held to against the naive way, each from windows that alternate with it within a round.
import type { Duplex } from 'node:stream';
import { openNaive, runNaive, runPattern, type Sample } from '@caisson/host/bench';
import { createChannel } from '@caisson/link/channel';

export interface Goal {
  readonly name: string;
  readonly messageBytes: number;
  /** Tried in turn; the best counts, as a user would choose. */
  readonly depths: readonly number[];
  readonly atLeast: number;
}

export interface Judged {
  readonly goal: Goal;
  readonly ratios: readonly number[];
  readonly naivePerSecond: readonly number[];
  /** Of the asking process, microseconds a message. */
  readonly naiveCpuUs: readonly number[];
  readonly best: readonly { readonly depth: number; readonly sample: Sample }[];
}

/** One round of one goal, on new connections. */
export async function measureGoal(
  dial: () => Promise<Duplex>,
  goal: Goal,
  options: { readonly windowMs: number; readonly rounds: number },
): Promise<Judged> {
  const { windowMs, rounds } = options;
  const naive = openNaive(await dial());
  const channel = createChannel(await dial(), { role: 'dialler' });
  const judged = {
    ratios: [] as number[],
    naivePerSecond: [] as number[],
    naiveCpuUs: [] as number[],
    best: [] as Judged['best'][number][],
  };
  try {
    for (let round = -1; round < rounds; round += 1) {
      const first = await runNaive(naive, goal.messageBytes, windowMs);
      const tried: Judged['best'][number][] = [];
      for (const depth of goal.depths) {
        const pattern = { name: goal.name, messageBytes: goal.messageBytes, depth };
        tried.push({ depth, sample: await runPattern([channel], pattern, windowMs) });
      }
      const second = await runNaive(naive, goal.messageBytes, windowMs);
      // Both sides warm up in a round that does not count.
      if (round < 0) continue;
      const base = (first.perSecond + second.perSecond) / 2;
      const best = tried.reduce((left, right) => (right.sample.perSecond > left.sample.perSecond ? right : left));
      judged.naivePerSecond.push(base);
      judged.naiveCpuUs.push((first.cpuUsPerMessage + second.cpuUsPerMessage) / 2);
      judged.best.push(best);
      judged.ratios.push(best.sample.perSecond / base);
    }
  } finally {
    naive.close();
    channel.destroy();
  }
  return { goal, ...judged };
}

export const median = (values: readonly number[]): number =>
  [...values].sort((left, right) => left - right)[values.length >> 1] ?? Number.NaN;

/** One line of the table of goals. */
export function renderGoal({ goal, ratios, naivePerSecond, naiveCpuUs, best }: Judged): readonly string[] {
  const rate = median(best.map(({ sample }) => sample.perSecond));
  const depth = median(best.map((one) => one.depth));
  const cpuUs = median(best.map(({ sample }) => sample.cpuUsPerMessage));
  const span = `${Math.min(...ratios).toFixed(1)}..${Math.max(...ratios).toFixed(1)}`;
  return [
    goal.name,
    Math.round(median(naivePerSecond)).toString(),
    `${Math.round(rate)} (${depth} at once)`,
    `${median(naiveCpuUs).toFixed(1)} and ${cpuUs.toFixed(2)}`,
    `${median(ratios).toFixed(1)} (${span})`,
    `>= ${goal.atLeast}`,
    median(ratios) >= goal.atLeast ? 'yes' : '**no**',
  ];
}

export const goalHead = [
  'goal',
  'naive, messages/s',
  'channel, messages/s',
  'CPU of the asker, us a message',
  'ratio (least..most)',
  'wanted',
  'met',
];
