// The server's end of a shim's socket. It answers only this user and root: whoever may end an enclave could also kill its shim.
import { chmod, rm } from 'node:fs/promises';
import { createServer, type Socket } from 'node:net';
import { CaissonError } from '@caisson/core/errors';
import { type Channel, createChannel, type IncomingStream, Refusal } from '@caisson/link/channel';
import type { Kernel } from '@caisson/sys';
import type { RecordedState } from '../record/index.ts';
import type { ShimEvent, ShimStats } from './client-interface.ts';
import {
  ASK_VERBS,
  type AskVerb,
  encodeMessage,
  FOLLOW_VERBS,
  parseAsk,
  type ShimAsk,
  type ShimHello,
  shimType,
  unknownVerb,
} from './messages.ts';

export interface FollowOptions {
  readonly sinceMs: number;
  readonly follow: boolean;
  readonly signal: AbortSignal;
}

export interface ShimDesk {
  readonly hello: ShimHello;
  status(): RecordedState;
  stats(): Promise<ShimStats>;
  stop(graceMs?: number): Promise<RecordedState>;
  kill(): Promise<RecordedState>;
  restart(graceMs?: number): Promise<RecordedState>;
  events(options: FollowOptions): AsyncIterable<ShimEvent>;
  console(options: FollowOptions): AsyncIterable<Uint8Array>;
}

export interface ShimServer {
  /** Resolves when somebody has asked for the first time. */
  readonly asked: Promise<void>;
  /** Waits for answers under way, then removes the socket. */
  close(): Promise<void>;
}

// Chosen.
const maxConnections = 32;
const closeMs = 2_000;

/** The caller holds the enclave's lock, so whatever lies at `path` was left by a dead shim. */
export async function serveShim(path: string, desk: ShimDesk, kernel: Kernel): Promise<ShimServer> {
  const channels = new Set<Channel>();
  const { promise: asked, resolve: onAsked } = Promise.withResolvers<void>();
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    if (!isOurs(socket, kernel) || channels.size >= maxConnections) return void socket.on('error', () => {}).destroy();
    const channel = createChannel(socket, { role: 'listener' });
    channels.add(channel);
    void channel.closed.then(() => channels.delete(channel));
    channel.serve({
      [shimType.hello]: () => {
        onAsked();
        return encodeMessage(desk.hello);
      },
      [shimType.ask]: (payload) => refusing(() => answer(desk, parseAsk(payload))),
      [shimType.follow]: { stream: (stream) => refusing(() => follow(desk, stream)) },
    });
  });
  await rm(path, { force: true });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(path, () => {
      server.off('error', reject).on('error', () => {});
      resolve();
    });
  });
  await chmod(path, 0o600);
  return {
    asked,
    async close() {
      // Node unlinks the path itself.
      server.close();
      await Promise.all([...channels].map((channel) => channel.close({ deadlineMs: closeMs })));
    },
  };
}

/** Asks the kernel who the peer is. Without the addon that is not possible, and the modes of folder (0700) and socket (0600) decide alone. */
function isOurs(socket: Socket, kernel: Kernel): boolean {
  if (!kernel.hasAddon) return true;
  try {
    const { uid } = kernel.peerCredentials(socket);
    return uid === 0 || uid === process.getuid?.();
  } catch {
    return false;
  }
}

async function answer(desk: ShimDesk, { verb, graceMs }: ShimAsk): Promise<Uint8Array> {
  const verbs: Record<AskVerb, () => RecordedState | Promise<RecordedState | ShimStats>> = {
    status: () => desk.status(),
    stats: () => desk.stats(),
    stop: () => desk.stop(graceMs),
    kill: () => desk.kill(),
    restart: () => desk.restart(graceMs),
  };
  if (!Object.hasOwn(verbs, verb)) throw unknownVerb(verb, ASK_VERBS);
  return encodeMessage(await verbs[verb as AskVerb]());
}

async function follow(desk: ShimDesk, stream: IncomingStream): Promise<void> {
  const { verb, follow = false, sinceMs = 0 } = parseAsk(stream.payload);
  const options: FollowOptions = { follow, sinceMs, signal: stream.signal };
  if (verb === 'events') {
    stream.reply(new Uint8Array());
    for await (const event of desk.events(options)) await stream.write(Buffer.from(`${JSON.stringify(event)}\n`));
  } else if (verb === 'console') {
    const pieces = desk.console(options);
    stream.reply(new Uint8Array());
    for await (const piece of pieces) await stream.write(piece);
  } else throw unknownVerb(verb, FOLLOW_VERBS);
  await stream.end();
}

/** Errors go to the caller with their full text: the other end is the same user. */
async function refusing<Result>(run: () => Promise<Result>): Promise<Result> {
  try {
    return await run();
  } catch (error) {
    if (error instanceof CaissonError) throw new Refusal(error.code, error.message);
    throw error;
  }
}
