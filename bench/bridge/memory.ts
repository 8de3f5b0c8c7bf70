// What an idle connection costs a bridge: proportional set size of its processes with 1,000 of them against none. A first
// crowd comes and goes before, so that what a program keeps for any crowd is not charged to this one. Kernel memory is not
// counted.
import { whileRunning } from './child.ts';
import type { Peer } from './peer.ts';
import { type Load, loadCommand } from './workload.ts';

// Chosen.
const crowd = 1_000;
const settleMs = 500;

/** Bytes for each of 1,000 idle connections. */
export async function measureIdleBytes(load: Load, { near, meter }: Peer): Promise<number> {
  const command = loadCommand(load, near, 'idle', { connections: crowd });
  const withCrowd = async (): Promise<number> => {
    await settle();
    return meter.memoryBytes();
  };
  await whileRunning(command, withCrowd);
  await settle();
  const before = meter.memoryBytes();
  return ((await whileRunning(command, withCrowd)) - before) / crowd;
}

function settle(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, settleMs));
}
