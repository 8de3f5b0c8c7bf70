// R-B2. A bridge with a cap meets twice and four times the connections that it can carry, as an open loop: the far side holds
// each for a while, so the cap and not this machine's CPU is what is overrun. What was taken in must go on as if nothing were.
import { outputOf } from './child.ts';
import { startPeer, tcpRoute } from './peer.ts';
import { caissonRecipe } from './recipe.ts';
import { type Load, loadCommand, type Sample } from './workload.ts';

/** As load/offer.c prints it; rates a second. */
interface Offer {
  readonly offered: number;
  readonly good: number;
  readonly refused: number;
  readonly refusalP99us: number;
  readonly refusalMaxUs: number;
  readonly slowestUs: number;
  readonly skipped: number;
}

export interface Overload {
  /** The most finished connections a second: of as many clients as the cap, or of an offer a quarter above theirs. */
  readonly peak: number;
  readonly steps: readonly (Offer & { readonly times: number })[];
  /** The same as `peak`, over the second that follows the overload. */
  readonly recovered: number;
}

// Given: R-B2, and its three demands.
const times = [2, 4];
export const leastGoodput = 0.9;
export const slowestRefusalUs = 50_000;
const recoveryMs = 1_000;

// Chosen: 1,600 connections a second at most, so that four times as many attempts leave CPU to spare on two cores.
const cap = 32;
const holdMs = 20;
const message = 64;

export async function measureOverload(load: Load, work: string, windowMs: number): Promise<Overload> {
  const peer = await startPeer(caissonRecipe(cap), await tcpRoute(load.far), work);
  if (peer === undefined) throw new Error('caisson itself is absent: run node scripts/build.ts');
  const closedLoop = async (window: { warmMs: number; windowMs: number }): Promise<number> => {
    const command = loadCommand(load, peer.near, 'hold', { connections: cap, size: message, holdMs, ...window });
    return (JSON.parse(await outputOf(command)) as Sample).rate;
  };
  const openLoop = async (perSecond: number, windowMs: number): Promise<Offer> => {
    const connections = Math.round(perSecond);
    const command = loadCommand(load, peer.near, 'offer', { connections, size: message, holdMs, windowMs });
    return JSON.parse(await outputOf(command)) as Offer;
  };
  try {
    // A closed loop leaves a slot empty between two connections; a crowd does not.
    const closed = await closedLoop({ warmMs: 200, windowMs: recoveryMs });
    const peak = Math.max(closed, (await openLoop(closed * 1.25, recoveryMs)).good);
    const steps: Overload['steps'][number][] = [];
    for (const factor of times) steps.push({ times: factor, ...(await openLoop(peak * factor, windowMs)) });
    return { peak, steps, recovered: await closedLoop({ warmMs: 0, windowMs: recoveryMs }) };
  } finally {
    await peer.stop();
  }
}
