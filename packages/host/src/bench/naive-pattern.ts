// The naive way, kept up for a window, and both ways at one given rate.
import type { Channel } from '@caisson/link/channel';
import { benchType } from './messages.ts';
import { type NaiveClient, naiveBody } from './naive.ts';
import { Meter, type Sample } from './sample.ts';

export async function runNaive(client: NaiveClient, messageBytes: number, windowMs: number): Promise<Sample> {
  const meter = new Meter();
  const body = naiveBody(messageBytes);
  const endMs = performance.now() + windowMs;
  for (let nowMs = performance.now(); nowMs < endMs; ) {
    const reply = await client.request(body);
    meter.messages += 1;
    meter.bytes += body.length + reply.length;
    const doneMs = performance.now();
    meter.latency(doneMs - nowMs);
    nowMs = doneMs;
  }
  return meter.finish();
}

/** Requests come when they come, whoever answers: the time of one counts from when it was due. */
export async function runAtRate(
  ask: (body: Uint8Array) => Promise<unknown>,
  options: { readonly messageBytes: number; readonly perSecond: number; readonly windowMs: number },
): Promise<Sample> {
  const meter = new Meter();
  const body = naiveBody(options.messageBytes);
  const startMs = performance.now();
  const waiting: Promise<void>[] = [];
  const total = Math.floor((options.perSecond * options.windowMs) / 1_000);
  for (let sent = 0; sent < total; ) {
    const dueMs = startMs + (sent * 1_000) / options.perSecond;
    if (performance.now() < dueMs) {
      await new Promise((resolve) => setImmediate(resolve));
      continue;
    }
    sent += 1;
    waiting.push(
      ask(body).then(() => {
        meter.messages += 1;
        meter.latency(performance.now() - dueMs);
      }),
    );
  }
  await Promise.all(waiting);
  return meter.finish();
}

/** One at a time is all that the naive way can: the next waits for the one before. */
export function queued(client: NaiveClient): (body: Uint8Array) => Promise<unknown> {
  let last: Promise<unknown> = Promise.resolve();
  return (body) => {
    last = last.then(() => client.request(body));
    return last;
  };
}

export function pipelined(channel: Channel): (body: Uint8Array) => Promise<unknown> {
  return (body) => channel.request(benchType.echo, body);
}
