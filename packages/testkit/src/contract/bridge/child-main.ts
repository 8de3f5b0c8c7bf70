// The program of child.ts: one bridge, `PLANE LISTEN DIAL`. Prints its address, then `idle` for each line it reads once no
// connection lives, and ends with its input.
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';
import { formatAddress, parseAddress } from '@caisson/core/address';
import { DEFAULT_BRIDGE_LIMITS, openBridge } from '@caisson/link/bridge';
import { openTransportFromEnvironment } from '@caisson/link/transport';
import { createLinuxKernel } from '@caisson/sys';

const [plane = '', listen = '', dial = ''] = process.argv.slice(2);
const kernel = createLinuxKernel();
const bridge = await openBridge(
  { name: 'child', listen: parseAddress(listen), dial: parseAddress(dial), limits: DEFAULT_BRIDGE_LIMITS },
  { transport: openTransportFromEnvironment(process.env, kernel), kernel, plane: plane === 'native' ? 'native' : 'js' },
);
console.log(formatAddress(bridge.address));
for await (const _ of createInterface({ input: process.stdin })) {
  while (bridge.counters().active > 0) await pause(5);
  console.log('idle');
}
await bridge.drain(0);
