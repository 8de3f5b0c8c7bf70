// A shim that is stopped (SIGSTOP), hangs or says nothing holds nobody: each wait of a client ends, with what is so and what can be done.
import { match, ok, rejects } from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { CaissonError } from '@caisson/core/errors';
import { createChannel } from '@caisson/link/channel';
import { connectShim } from './client.ts';
import type { ShimClient } from './client-interface.ts';
import { encodeMessage, shimType } from './messages.ts';
import { patienceForEnd, standardPatience } from './patience.ts';

const folder = mkdtempSync(join(tmpdir(), 'c-patience-'));
const servers: Server[] = [];
after(() => {
  for (const server of servers) server.close();
  rmSync(folder, { recursive: true });
});

const hello = () => encodeMessage({ v: 1, protocol: 1, version: '0.0.1', name: 'web', pid: 4_321 });
const patience = { helloMs: 2_000, answerMs: 2_000, marginMs: 60, silenceMs: 2_000 };

/** One that hangs says who it is, gives signs of life and answers nothing; one that is stopped falls silent with the first question. */
async function serve(way: 'hangs' | 'stopped' | 'mute'): Promise<string> {
  const path = join(folder, `${servers.length}.sock`);
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => {});
    if (way === 'mute') return void socket.resume();
    const never = (): Promise<never> => {
      if (way === 'stopped') socket.pause();
      return new Promise(() => {});
    };
    createChannel(socket, { role: 'listener' }).serve({
      [shimType.hello]: hello,
      [shimType.ask]: never,
      [shimType.follow]: { stream: never },
    });
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(path, resolve));
  return path;
}

const lost = (message: RegExp, hint: RegExp) => (error: unknown) => {
  const { code, message: text, hint: advice } = error as CaissonError;
  match(String(code), /^SHIM_LOST$/);
  match(text, message);
  match(String(advice), hint);
  return true;
};
async function toEnd(stream: AsyncIterable<unknown>): Promise<void> {
  for await (const _ of stream);
}

const byPid = /^kill -9 4321, then caisson rm -f web, /;

test('an end is waited for as long as its grace and a margin, and then told with the pid of the shim', async () => {
  const client = (await connectShim(await serve('hangs'), 'web', { patience }))!;
  const late = (verb: string, ms: number) =>
    lost(
      new RegExp(`^the shim of enclave web gave no answer to ${verb} within ${ms} ms; the enclave may still`),
      byPid,
    );
  await Promise.all([
    rejects(client.stop(5), late('stop', 65)),
    rejects(client.kill(), late('kill', 60)),
    rejects(client.restart(10), late('restart', 70)),
  ]);
  await client.close();
  ok(patienceForEnd(standardPatience) >= 100_000 && patienceForEnd(standardPatience, Number.MAX_VALUE) < 2 ** 31);
});

test('no question to a shim that is stopped in the middle waits longer than its silence', async () => {
  const asks: readonly ((client: ShimClient) => Promise<unknown>)[] = [
    (client) => client.stop(600_000),
    (client) => client.status(),
    (client) => toEnd(client.events({ follow: true })),
    (client) => toEnd(client.console({ follow: true })),
  ];
  await Promise.all(
    asks.map(async (ask) => {
      const client = (await connectShim(await serve('stopped'), 'web', { patience: { ...patience, silenceMs: 30 } }))!;
      await rejects(ask(client), lost(/gave no answer to \w+: nothing came for 60 ms, not even/, byPid));
      await client.close();
    }),
  );
});

test('a shim that does not say who it is holds nobody either, and its pid is looked up', async () => {
  const path = await serve('mute');
  const short = { ...patience, helloMs: 30 };
  const findPid = async () => 99;
  await rejects(connectShim(path, 'web', { patience: short, findPid }), lost(/gave no answer/, /^kill -9 99, then/));
  await rejects(connectShim(path, 'web', { patience: short }), lost(/gave no answer/, /^end its process \(shim\.pid/));
});
