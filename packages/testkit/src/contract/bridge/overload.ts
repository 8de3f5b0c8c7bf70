// A bridge at its cap with more callers than places: those who are in keep what they had, those who are not learn it at once, and
// when the crowd has gone everything is as before. Clients here are closed loops, so what they get through is the goodput.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import type { Bridge } from '@caisson/link/bridge';
import { currentLane, laneBoundMs, laneFigure } from '../lane.ts';
import { holdsOnce } from './attempt.ts';
import type { BridgePromise } from './promise.ts';
import { echo, madeBytes, percentile99, roundTrip, within } from './stream.ts';

// Given: row R-B2 of the test plan.
const goodputShare = currentLane() === 'fast' ? 0.6 : 0.9;
const refusedWithinMs = laneBoundMs(50);
const factors = [2, 4];
// Chosen: places at the bridge, how soon a caller who was refused tries again, and how long a window with or without the crowd is.
// Windows alternate, so that whatever else the machine does falls on both kinds; a goodput that took longer than a window to
// come back would show as a loss of the kind it is compared with. The bench has the harder form.
const places = 64;
const againMs = 2_000;
const windowMs = 100;
const startWithinMs = 60_000;

export const overloadPromises: readonly BridgePromise[] = [
  {
    title: 'R-B2 keeps its goodput while two and four times as many callers want in, and refuses those at once',
    // On vsock and unix a refusal reads as an end; only TCP tells its caller the moment.
    on: ({ far, near }) => near === 'tcp' && far === 'fabric',
    heavy: true,
    async run(water) {
      const pairs = (laneFigure('R-B2') * 1000) / windowMs / 2 / factors.length;
      const far = await water.serve(echo);
      const bridge = await water.open(far.address, { limits: { maxConnections: places } });
      const inside = await Promise.all(Array.from({ length: places }, () => water.connect(bridge)));
      for (const factor of factors) {
        await holdsOnce(async () => {
          const crowd = await startCrowd(bridge, places * (factor - 1));
          await goodput(inside, windowMs);
          crowd.endRecord();
          const shares: number[] = [];
          for (let pair = 0; pair < pairs; pair += 1) {
            crowd.hold();
            const calm = await goodput(inside, windowMs);
            crowd.release();
            shares.push((await goodput(inside, windowMs)) / calm);
          }
          const refusals = await crowd.end();
          const share = median(shares);
          const slowest = percentile99(refusals);
          const seen = `${factor}x: ${(share * 100).toFixed(0)} % of the goodput, p99 of a refusal ${slowest.toFixed(1)} ms`;
          return { holds: share >= goodputShare && slowest <= refusedWithinMs, seen };
        });
      }
      const { accepted, active, failed, refused } = bridge.counters();
      assert.deepEqual({ accepted, active, failed }, { accepted: places, active: places, failed: 0 });
      assert.ok(refused > 0, 'a crowd that was never refused is no overload');
    },
  },
];

interface Crowd {
  /** From now on refusals are not recorded: the crowd will be held up by us. */
  endRecord(): void;
  hold(): void;
  release(): void;
  /** Ends the crowd and gives what each recorded refusal took, in ms. */
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
    endRecord: () => void child.stdin.write('.'),
    hold: () => void child.kill('SIGSTOP'),
    release: () => void child.kill('SIGCONT'),
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

function median(values: readonly number[]): number {
  return values.toSorted((left, right) => left - right)[Math.floor(values.length / 2)] ?? Number.NaN;
}
