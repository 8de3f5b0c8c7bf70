// The bridges under test as running processes, each in a meter of its own. A peer whose program is absent is left out and
// named; `bench/setup` installs them.
import { type AddressInfo, connect, createServer } from 'node:net';
import { startChild, stopChild } from './child.ts';
import { createMeter, type Meter } from './meter.ts';
import type { Recipe } from './recipe.ts';

export interface Peer {
  readonly name: string;
  readonly port: number;
  readonly meter: Meter;
  stop(): Promise<void>;
}

// Chosen.
const startMs = 10_000;
const lookEveryMs = 20;

/** Starts every peer that is at hand; resolves with them and the names of the absent ones. */
export async function startPeers(
  recipes: readonly Recipe[],
  unixPath: string,
  work: string,
): Promise<{ peers: Peer[]; absent: string[] }> {
  const peers: Peer[] = [];
  const absent: string[] = [];
  try {
    for (const recipe of recipes) {
      const peer = await startPeer(recipe, unixPath, work);
      if (peer === undefined) absent.push(recipe.name);
      else peers.push(peer);
    }
  } catch (error) {
    await Promise.all(peers.map((peer) => peer.stop()));
    throw error;
  }
  return { peers, absent };
}

/** Undefined when the program is absent. */
export async function startPeer(recipe: Recipe, unixPath: string, work: string): Promise<Peer | undefined> {
  const { name, env } = recipe;
  const port = await freePort();
  const command = recipe.command(port, unixPath, work);
  if (!command) return undefined;
  const meter = createMeter(name);
  const { child, complaint } = startChild(meter.wrap(command), env);
  const stop = async (): Promise<void> => {
    await stopChild(child);
    meter.close();
  };
  try {
    if (child.pid !== undefined) meter.add(child.pid);
    for (const deadline = performance.now() + startMs; !(await accepts(port)); ) {
      if (performance.now() > deadline || child.exitCode !== null)
        throw new Error(`${name} does not listen on port ${port} after ${startMs} ms: ${complaint()}`);
      await new Promise((resolve) => setTimeout(resolve, lookEveryMs));
    }
  } catch (error) {
    await stop();
    throw error;
  }
  return { name, port, meter, stop };
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = connect(port, '127.0.0.1', () => {
      probe.destroy();
      resolve(true);
    });
    probe.on('error', () => resolve(false));
  });
}
