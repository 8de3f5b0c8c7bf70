// The contract of every transport, over real AF_VSOCK: both ends in this enclave, CID 1, the kernel's own loopback.
import { toCid } from '@caisson/core/address';
import type { Transport } from '@caisson/link/transport';
import { transportContract } from '@caisson/testkit/contract';
import { report } from './report.ts';

await report(async (_kernel, transport) => {
  // Bound and dialled as CID 1: a listener on the enclave's own CID does not hear dials to CID 1, only one on any CID hears both.
  const loopback: Transport = { ...transport, localCid: toCid(1) };
  const pair = { a: loopback, b: loopback, otherCid: toCid(77), async close() {} };
  const results: { title: string; error?: string; tookMs: number }[] = [];
  for (const { title, run } of transportContract) {
    const startedAtMs = performance.now();
    const fault = await run(pair).then(
      () => ({}),
      (error: Error) => ({ error: `${error.stack}\n${error.cause ?? ''}` }),
    );
    results.push({ title, ...fault, tookMs: Math.round(performance.now() - startedAtMs) });
  }
  return results;
});
