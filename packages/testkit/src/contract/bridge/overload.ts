// A bridge at its cap with more callers than places: those who are in keep what they had, those who are not learn it at once, and
// when the crowd has gone everything is as before. Clients here are closed loops, so what they get through is the goodput.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import type { Bridge } from '@caisson/link/bridge';
import { laneFigure } from '../lane.ts';
import { holdsOnce } from './attempt.ts';
import type { BridgePromise } from './promise.ts';
import { echo, eventually, madeBytes, roundTrip, within } from './stream.ts';

// Given: row R-B2 of the test plan.
const goodputShare = 0.9;
const refusedWithinMs = 50;
const recoveredWithinMs = 1_000;
const factors = [2, 4];
// Chosen: places at the bridge, and how soon a caller who was refused tries again.
const places = 64;
const againMs = 1_000;
const startWithinMs = 20_000;

export const overloadPromises: readonly BridgePromise[] = [
  {
    title: 'R-B2 keeps its goodput while two and four times as many callers want in, and refuses those at once',
    // On vsock and unix a refusal reads as an end; only TCP tells its caller the moment.
    on: ({ far, near }) => near === 'tcp' && far === 'fabric',
    heavy: true,
    async run(water) {
      const windowMs = (laneFigure('R-B2') * 1000) / 4;
      const far = await water.serve(echo);
      const bridge = await water.open(far.address, { limits: { maxConnections: places } });
      const inside = await Promise.all(Array.from({ length: places }, () => water.connect(bridge)));
      for (const factor of factors) {
        await holdsOnce(async () => {
          const peak = await goodput(inside, windowMs);
          const crowd = await startCrowd(bridge, places * (factor - 1));
          const during = await goodput(inside, windowMs);
          const refusals = await crowd.end();
          const after = await goodput(inside, Math.min(windowMs, recoveredWithinMs));
          assert.ok(refusals.length > 0, 'a crowd that was never refused is no overload');
          const slow = refusals.filter((tookMs) => tookMs > refusedWithinMs).length / refusals.length;
          const seen = `${factor}x: ${rate(during)} of ${rate(peak)}, then ${rate(after)}; ${(slow * 100).toFixed(1)} % of ${refusals.length} refusals late`;
          return { holds: during >= goodputShare * peak && after >= goodputShare * peak && slow <= 0.01, seen };
        });
      }
      assert.equal(bridge.counters().failed, 0);
      assert.equal(bridge.counters().active, places, 'nobody who was in has lost his place');
      await eventually(
        () => bridge.counters().accepted === places,
        () => `${places} accepted in all, got ${bridge.counters().accepted}`,
      );
    },
  },
];

interface Crowd {
  /** Ends the crowd and gives what each refusal took, in ms. */
  end(): Promise<number[]>;
}

/** Callers in a process of their own who come, are refused and come again; resolves when each has been refused once. */
async function startCrowd({ address }: Bridge, callers: number): Promise<Crowd> {
  assert.ok(address.kind === 'tcp');
  const main = fileURLToPath(new URL('./crowd-main.ts', import.meta.url));
  const words = [main, address.port, callers, againMs].map(String);
  const child = spawn(process.execPath, words, { stdio: ['pipe', 'pipe', 'inherit'] });
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
  });
  await within(once(child.stdout, 'data'), 'the first refusals of a crowd', startWithinMs);
  return {
    async end() {
      const closed = once(child, 'close');
      child.stdin.end();
      await closed;
      const { tookMs, others } = JSON.parse(text) as { tookMs: number[]; others: string[] };
      assert.deepEqual(others, [], 'every caller over the cap is reset');
      return tookMs;
    },
  };
}

/** Round trips of 1 KiB a second over all sockets. */
async function goodput(sockets: readonly Socket[], forMs: number): Promise<number> {
  const payload = madeBytes(1_024, 7);
  const startedMs = performance.now();
  let trips = 0;
  await Promise.all(
    sockets.map(async (socket) => {
      while (performance.now() < startedMs + forMs) {
        await roundTrip(socket, payload);
        trips += 1;
      }
    }),
  );
  return (trips / (performance.now() - startedMs)) * 1000;
}

const rate = (perSecond: number): string => `${Math.round(perSecond)}/s`;
