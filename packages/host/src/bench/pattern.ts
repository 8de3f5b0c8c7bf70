// One way of using a channel, kept up for a window: how great, how many at once, who answers how much.
import { writeUint32 } from '@caisson/core/frame';
import type { Channel } from '@caisson/link/channel';
import { benchType, maxReplyBytes } from './messages.ts';
import { encodeProtobuf, parseProtobuf } from './protobuf.ts';
import { Meter, type Sample } from './sample.ts';

export interface Pattern {
  readonly name: string;
  /** Of a request. */
  readonly messageBytes: number;
  /** Of a reply: as many, from..to in turn, or the request itself (undefined). */
  readonly replyBytes?: number | { readonly from: number; readonly to: number };
  /** Requests on their way at once, over all connections. */
  readonly depth: number;
  readonly protobuf?: boolean;
  /** Bytes go up and come down at once by streams of their own: half of the requests ask for a reply, half bring a body. */
  readonly bothWays?: boolean;
}

// Only every 32nd latency is measured: reading the clock for each would be what is measured.
const latencyEvery = 32;

/** Rejects with what a request rejects with. */
export async function runPattern(channels: readonly Channel[], pattern: Pattern, windowMs: number): Promise<Sample> {
  const meter = new Meter(channels.map((channel) => channel.stats()));
  const endMs = performance.now() + windowMs;
  let over = false;
  const timer = setTimeout(() => {
    over = true;
  }, windowMs);
  const makers = channels.map(() => createMaker(pattern));
  try {
    await new Promise<void>((resolve, reject) => {
      let open = pattern.depth;
      const start = (lane: number): void => {
        const channel = channels[lane % channels.length]!;
        const { type, payload, check } = makers[lane % channels.length]!();
        const startMs = meter.messages % latencyEvery === 0 ? performance.now() : 0;
        channel.call(type, payload, (error, reply) => {
          if (error !== undefined) {
            reject(error as Error);
            return;
          }
          check?.(reply);
          meter.messages += 1;
          meter.bytes += payload.length + reply.length;
          if (startMs > 0) meter.latency(performance.now() - startMs);
          if (!over && (startMs === 0 || performance.now() < endMs)) start(lane);
          else if (--open === 0) resolve();
        });
      };
      for (let lane = 0; lane < pattern.depth; lane += 1) start(lane);
    });
  } finally {
    clearTimeout(timer);
  }
  return meter.finish(channels.map((channel) => channel.stats()));
}

interface Request {
  readonly type: number;
  readonly payload: Uint8Array;
  readonly check?: (reply: Uint8Array) => void;
}

function createMaker({ messageBytes, replyBytes, protobuf, bothWays }: Pattern): () => Request {
  if (protobuf === true) {
    const body = new Uint8Array(messageBytes);
    let id = 0;
    return () => {
      id += 1;
      return { type: benchType.protobuf, payload: encodeProtobuf({ id, name: 'bench', body }), check: parseProtobuf };
    };
  }
  const asking = (bytes: number, size: number): Uint8Array => {
    const payload = new Uint8Array(Math.max(4, size));
    writeUint32(payload, 0, bytes);
    return payload;
  };
  if (bothWays === true) {
    const [up, down] = [asking(0, messageBytes), asking(messageBytes, 4)];
    let turn = 0;
    return () => {
      turn += 1;
      return { type: benchType.reply, payload: turn % 2 === 0 ? up : down };
    };
  }
  if (replyBytes === undefined) {
    const payload = new Uint8Array(messageBytes);
    return () => ({ type: benchType.echo, payload });
  }
  const sizes = typeof replyBytes === 'number' ? [replyBytes] : steps(replyBytes.from, replyBytes.to);
  const payloads = sizes.map((bytes) => asking(Math.min(bytes, maxReplyBytes), messageBytes));
  let turn = 0;
  return () => {
    turn += 1;
    return { type: benchType.reply, payload: payloads[turn % payloads.length]! };
  };
}

/** Doubling, and not in order: neighbours differ. */
function steps(from: number, to: number): number[] {
  const sizes: number[] = [];
  for (let size = Math.max(1, from); size <= to; size *= 2) sizes.push(size);
  return sizes.map((_, index) => sizes[(index * 7) % sizes.length]!);
}
