// The transport contract where it counts: real AF_VSOCK in a real enclave.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { transportContract } from '@caisson/testkit/contract';
import { hearReport } from './hear.ts';
import { buildImage } from './image.ts';
import { bootEnclave, skip } from './rig.ts';

test('the kernel transport keeps the contract over AF_VSOCK, CID 1', { skip }, async (context) => {
  const image = await buildImage({ guest: 'contract' });
  const enclave = await bootEnclave({ image: image.file, cid: 19 });
  try {
    const results = await hearReport<{ title: string; error?: string; tookMs: number }[]>(enclave, 150_000);
    assert.equal(results.length, transportContract.length);
    for (const { title, error, tookMs } of results) {
      await context.test(`${title} (${tookMs} ms in the enclave)`, () => assert.ok(error === undefined, error));
    }
  } finally {
    await enclave.close();
    image.remove();
  }
});
