// The client's end of a shim's socket.
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
import { describeUnanswered, patienceForEnd, type ShimPatience, standardPatience } from './patience.ts';

export interface ConnectOptions {
  readonly patience?: ShimPatience;
  /** Finds the pid of a shim that accepts connections and does not say hello, so that an error can name the process. */
  findPid?(): Promise<number | undefined>;
}

// Chosen.
const maxTries = 20;
const tryAfterMs = 10;

/** Undefined where nobody listens at `path`. Throws CaissonError SHIM_LOST where somebody listens and does not answer. */
export async function connectShim(
  path: string,
  name: string,
  { patience = standardPatience, findPid }: ConnectOptions = {},
): Promise<ShimClient | undefined> {
  const { helloMs, silenceMs } = patience;
  for (let tries = 1; ; tries += 1) {
    const socket = await dial(path);
    if (socket === undefined) return undefined;
    const channel = createChannel(socket, { role: 'dialler', helloTimeoutMs: helloMs, keepAliveMs: silenceMs });
    try {
      const hello = parseHello(await channel.request(shimType.hello, new Uint8Array(), { deadlineMs: helloMs }));
      return createClient(channel, hello, patience);
    } catch (cause) {
      channel.destroy();
      // A process that is being killed still has its socket for a moment.
      if (tries >= maxTries || (cause as { code?: unknown }).code !== 'CHANNEL_LOST')
        throw describeUnanswered({ name, deadlineMs: helloMs, pid: await findPid?.(), cause });
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

function createClient(channel: Channel, hello: ShimHello, patience: ShimPatience): ShimClient {
  const { name, protocol, version } = hello;
  const { answerMs } = patience;
  async function ask<Answer>(verb: AskVerb, deadlineMs: number, graceMs?: number): Promise<Answer> {
    const request: ShimAsk = { verb, ...(graceMs === undefined ? {} : { graceMs }) };
    try {
      const reply = await channel.request(shimType.ask, encodeMessage(request), { deadlineMs });
      return parseMessage(reply, `answer of the shim of ${name}`) as Answer;
    } catch (error) {
      throw describe(error, hello, verb, deadlineMs);
    }
  }
  const askForEnd = (verb: AskVerb, graceMs?: number): Promise<RecordedState> =>
    ask(verb, patienceForEnd(patience, graceMs), graceMs);
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
      throw describe(error, hello, request.verb, answerMs);
    } finally {
      stream.cancel();
    }
  }
  return {
    protocol,
    version,
    status: () => ask<RecordedState>('status', answerMs),
    stats: () => ask<ShimStats>('stats', answerMs),
    stop: (graceMs) => askForEnd('stop', graceMs),
    kill: () => ask<RecordedState>('kill', patienceForEnd(patience, 0)),
    restart: (graceMs) => askForEnd('restart', graceMs),
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

/** Events are JSON lines; a chunk may hold several, and may end in the middle of one. */
async function* readEvents(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<ShimEvent> {
  let rest = '';
  const decoder = new TextDecoder();
  for await (const chunk of chunks) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) yield JSON.parse(line) as ShimEvent;
  }
}

function describe(
  error: unknown,
  { name, pid, protocol, version }: ShimHello,
  verb: string,
  deadlineMs: number,
): unknown {
  if (error instanceof RemoteError && error.remoteCode === 'SHIM_VERB') {
    return new CaissonError<ShimErrorCode>('SHIM_VERB', error.remoteText, {
      cause: error,
      hint: `the shim is of version ${version}, protocol ${protocol}; caisson restart ${name} starts one of this version`,
    });
  }
  // An error of the shim keeps its own code and message. An error of the channel itself only means that the shim does not answer.
  if (error instanceof RemoteError && !error.remoteCode.startsWith('CHANNEL_'))
    return new CaissonError(error.remoteCode, error.remoteText, { cause: error });
  return describeUnanswered({ name, verb, deadlineMs, pid, cause: error });
}
