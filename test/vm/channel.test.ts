// The message channel where it counts: its contract over real AF_VSOCK in a real enclave, and what pipelining and batching bring there.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { channelContract } from '@caisson/testkit/contract';
import { median } from '../../bench/channel/goal.ts';
import type { ChannelReport } from '../../bench/channel/vm/goal.ts';
import { hearReport } from './hear.ts';
import { buildImage } from './image.ts';
import { bootEnclave, skip } from './rig.ts';

test('the channel keeps its contract over AF_VSOCK, and outruns the naive way as it says', {
  skip,
}, async (context) => {
  const env = { BENCH_ROUNDS: '3', BENCH_WINDOW_MS: '250' };
  const image = await buildImage({ guest: 'bench/channel/vm/guest.ts', env });
  const enclave = await bootEnclave({ image: image.file, cid: 31 });
  try {
    const { contract, judged } = await hearReport<ChannelReport>(enclave, 240_000);
    assert.equal(contract.length, channelContract.length);
    for (const { title, error, tookMs } of contract) {
      await context.test(`${title} (${tookMs} ms in the enclave)`, () => assert.ok(error === undefined, error));
    }
    for (const { goal, ratios } of judged) {
      const seen = median(ratios);
      await context.test(`${goal.name}: ${seen.toFixed(1)} x the naive way, wanted ${goal.atLeast}`, () => {
        assert.ok(seen >= goal.atLeast, ratios.map((ratio) => ratio.toFixed(1)).join(', '));
      });
    }
  } finally {
    await enclave.close();
    image.remove();
  }
});
