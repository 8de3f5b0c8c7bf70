// The bridges under test as running processes, each in a meter of its own. A peer whose program is absent is left out and
// named; `bench/setup` installs them.
import { type AddressInfo, connect, createServer } from 'node:net';
import { startChild, stopChild } from './child.ts';
import { createMeter, type Meter } from './meter.ts';
import type { Recipe, Route } from './recipe.ts';

export interface Peer {
  readonly name: string;
  /** What a client dials. */
  readonly near: string;
  readonly meter: Meter;
  stop(): Promise<void>;
}

// Chosen.
const startMs = 10_000;
const lookEveryMs = 20;

/** Starts every peer that is at hand, each on a port of its own towards `dial`; resolves with them and the names of the absent. */
export async function startPeers(
  recipes: readonly Recipe[],
  dial: string,
  work: string,
): Promise<{ peers: Peer[]; absent: string[] }> {
  const peers: Peer[] = [];
  const absent: string[] = [];
  try {
    for (const recipe of recipes) {
      const peer = await startPeer(recipe, await tcpRoute(dial), work);
      if (peer === undefined) absent.push(recipe.name);
      else peers.push(peer);
    }
  } catch (error) {
    await Promise.all(peers.map((peer) => peer.stop()));
    throw error;
  }
  return { peers, absent };
}

/** From a free TCP port. */
export async function tcpRoute(dial: string): Promise<Route> {
  const listen = `tcp:127.0.0.1:${await freePort()}`;
  return { listen, near: listen, dial };
}

/** Undefined when the program is absent. `isReady` asks whether it listens. */
export async function startPeer(
  recipe: Recipe,
  route: Route,
  work: string,
  isReady: (near: string) => Promise<boolean> = accepts,
): Promise<Peer | undefined> {
  const { name, env } = recipe;
  const { near } = route;
  const command = recipe.command(route, work);
  if (!command) return undefined;
  const meter = createMeter(name);
  const { child, complaint } = startChild(meter.wrap(command), env);
  const stop = async (): Promise<void> => {
    await stopChild(child);
    meter.close();
  };
  try {
    if (child.pid !== undefined) meter.add(child.pid);
    for (const deadline = performance.now() + startMs; !(await isReady(near)); ) {
      if (performance.now() > deadline || child.exitCode !== null)
        throw new Error(`${name} does not listen on ${route.listen} after ${startMs} ms: ${complaint()}`);
      await new Promise((resolve) => setTimeout(resolve, lookEveryMs));
    }
  } catch (error) {
    await stop();
    throw error;
  }
  return { name, near, meter, stop };
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function accepts(near: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = connect(Number(near.split(':').at(-1)), '127.0.0.1', () => {
      probe.destroy();
      resolve(true);
    });
    probe.on('error', () => resolve(false));
  });
}
