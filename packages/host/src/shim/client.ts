// The asking end of a shim's socket.
import { connect, type Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { CaissonError } from '@caisson/core/errors';
import { type Channel, createChannel, RemoteError } from '@caisson/link/channel';
import type { RecordedState } from '../record/index.ts';
import type { ShimClient, ShimEvent, ShimStats } from './client-interface.ts';
import type { ShimErrorCode } from './error-code.ts';
import {
  type AskVerb,
  encodeMessage,
  parseHello,
  parseMessage,
  type ShimAsk,
  type ShimHello,
  shimType,
} from './messages.ts';

// Chosen. Whoever stops waits for the enclave, which is bounded by the shim.
const helloMs = 5_000;
const answerMs = 10_000;
const maxTries = 20;
const tryAfterMs = 10;

/** Undefined where nobody listens at `path`. Throws CaissonError SHIM_LOST where somebody does and does not answer. */
export async function connectShim(path: string, name: string): Promise<ShimClient | undefined> {
  for (let tries = 1; ; tries += 1) {
    const socket = await dial(path);
    if (socket === undefined) return undefined;
    const channel = createChannel(socket, { role: 'dialler', helloTimeoutMs: helloMs });
    try {
      const hello = parseHello(await channel.request(shimType.hello, new Uint8Array(), { deadlineMs: helloMs }));
      return createClient(channel, hello);
    } catch (cause) {
      channel.destroy();
      // One that is just being killed still has its socket, for a moment.
      if (tries >= maxTries || (cause as { code?: unknown }).code !== 'CHANNEL_LOST') throw lost(name, cause);
      await pause(tryAfterMs);
    }
  }
}

function dial(path: string): Promise<Socket | undefined> {
  return new Promise((resolve, reject) => {
    const socket = connect({ path, allowHalfOpen: true });
    socket.once('connect', () => {
      socket.off('error', fail);
      resolve(socket);
    });
    const fail = (error: NodeJS.ErrnoException): void => {
      if (error.code === 'ENOENT' || error.code === 'ECONNREFUSED') resolve(undefined);
      else reject(error);
    };
    socket.once('error', fail);
  });
}

function createClient(channel: Channel, hello: ShimHello): ShimClient {
  const { name, protocol, version } = hello;
  const failed = (error: unknown): unknown => describe(error, hello);
  async function ask<Answer>(verb: AskVerb, deadlineMs: number, graceMs?: number): Promise<Answer> {
    const request: ShimAsk = { verb, ...(graceMs === undefined ? {} : { graceMs }) };
    try {
      const reply = await channel.request(shimType.ask, encodeMessage(request), { deadlineMs });
      return parseMessage(reply, `answer of the shim of ${name}`) as Answer;
    } catch (error) {
      throw failed(error);
    }
  }
  async function* follow(request: ShimAsk, signal: AbortSignal | undefined): AsyncGenerator<Uint8Array> {
    const stream = channel.open(shimType.follow, encodeMessage(request), {
      end: true,
      deadlineMs: answerMs,
      ...(signal === undefined ? {} : { signal }),
    });
    try {
      await stream.reply;
      yield* stream;
    } catch (error) {
      if (signal?.aborted === true) return;
      throw failed(error);
    } finally {
      stream.cancel();
    }
  }
  return {
    protocol,
    version,
    status: () => ask<RecordedState>('status', answerMs),
    stats: () => ask<ShimStats>('stats', answerMs),
    stop: (graceMs) => ask<RecordedState>('stop', 0, graceMs),
    kill: () => ask<RecordedState>('kill', 0),
    restart: (graceMs) => ask<RecordedState>('restart', 0, graceMs),
    events: (options) => readEvents(follow(followOf('events', options), options.signal)),
    console: (options) => follow(followOf('console', options), options.signal),
    async close() {
      await channel.close();
    },
  };
}

function followOf(verb: string, { sinceMs, follow }: { sinceMs?: number; follow: boolean }): ShimAsk {
  return { verb, follow, ...(sinceMs === undefined ? {} : { sinceMs }) };
}

/** One event a line; a chunk may hold several and end within one. */
async function* readEvents(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<ShimEvent> {
  let rest = '';
  const decoder = new TextDecoder();
  for await (const chunk of chunks) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) yield JSON.parse(line) as ShimEvent;
  }
}

function describe(error: unknown, { name, protocol, version }: ShimHello): unknown {
  if (error instanceof RemoteError && error.remoteCode === 'SHIM_VERB') {
    return new CaissonError<ShimErrorCode>('SHIM_VERB', error.remoteText, {
      cause: error,
      hint: `the shim is of version ${version}, protocol ${protocol}; caisson restart ${name} starts one of this version`,
    });
  }
  // What went wrong there, in its own words; what the channel says of itself is that nobody answers.
  if (error instanceof RemoteError && !error.remoteCode.startsWith('CHANNEL_'))
    return new CaissonError(error.remoteCode, error.remoteText, { cause: error });
  return lost(name, error);
}

function lost(name: string, cause: unknown): CaissonError<ShimErrorCode> {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new CaissonError('SHIM_LOST', `the shim of enclave ${name} gave no answer: ${why}`, {
    cause,
    hint: `caisson ps shows whether it still runs; log/shim.log of its folder has what it said last`,
  });
}
