// What the channel is held to over real AF_VSOCK on an emulated processor, and what a guest reports of it.
import type { Goal, Judged } from '../goal.ts';

export interface ChannelReport {
  readonly contract: readonly { readonly title: string; readonly error?: string; readonly tookMs: number }[];
  readonly judged: readonly Judged[];
}

export const vmGoals: readonly Goal[] = [
  { name: '256 B over vsock', messageBytes: 256, depths: [256, 1_024], atLeast: 40 },
  { name: '8 KiB over vsock', messageBytes: 8_192, depths: [32, 64], atLeast: 2 },
];
