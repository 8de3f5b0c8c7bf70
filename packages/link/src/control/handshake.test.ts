// R-P7: what it costs until an operator knows who answers: TLS with keys on both ends, the document judged, READY. Both ends in one process, which is
// the worst there is: neither works while the other does. The NSM's own time is taken off: a real one has its own.
import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { toCid, toVsockPort } from '@caisson/core/address';
import { currentLane, laneFigure } from '@caisson/testkit/contract';
import { createControlScene } from '@caisson/testkit/control';
import { createFabricTransport } from '../transport/index.ts';
import { connectControl } from './index.ts';

const count = laneFigure('R-P7');

test(`R-P7: ${count} sessions are opened and proven, half of them in 10 ms of the processor and 99 of 100 in 30 ms, the NSM apart`, async (context) => {
  const folder = mkdtempSync(join(tmpdir(), 'caisson-handshake-'));
  for (const cid of ['3', '16']) mkdirSync(join(folder, cid), { mode: 0o700 });
  chmodSync(folder, 0o700);
  let nsmMs = 0;
  const scene = await createControlScene({
    transport: createFabricTransport({ directory: folder, localCid: toCid(16) }),
    async issue(fields, nsm) {
      const began = performance.now();
      const document = await nsm.attestation(fields);
      nsmMs += performance.now() - began;
      return document;
    },
  });
  context.after(async () => {
    await scene.close();
    rmSync(folder, { recursive: true });
  });
  const parent = createFabricTransport({ directory: folder, localCid: toCid(3) });
  const dial = () => parent.connect({ cid: toCid(16), port: toVsockPort(53_000) });
  const [clock, processor]: [number[], number[]] = [[], []];
  // The first twenty warm the program up, as nobody opens a session in a loop who cares for its first.
  for (let round = -20; round < count; round += 1) {
    nsmMs = 0;
    const [began, used] = [performance.now(), process.cpuUsage()];
    const session = await connectControl({ dial, identity: scene.operator, policy: scene.policy });
    const { user, system } = process.cpuUsage(used);
    if (round >= 0) {
      clock.push(performance.now() - began - nsmMs);
      processor.push((user + system) / 1_000 - nsmMs);
    }
    await session.close();
  }
  const at = (list: readonly number[], share: number): number => {
    const sorted = [...list].sort((one, other) => one - other);
    return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]!;
  };
  const say = (list: readonly number[]): string =>
    `p50 ${at(list, 0.5).toFixed(1)} ms, p99 ${at(list, 0.99).toFixed(1)} ms`;
  context.diagnostic(`by the clock ${say(clock)}; of the processor ${say(processor)}`);
  // What others do on the machine at the same time is in the clock and not in what the processor did for this. A few sessions are no p99, and
  // those of the fast lane run beside other tests.
  assert.ok(at(processor, 0.5) <= (currentLane() === 'fast' ? 20 : 10), say(processor));
  if (currentLane() !== 'fast') assert.ok(at(processor, 0.99) <= 30, say(processor));
});
