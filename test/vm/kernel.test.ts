// Kernels that `caisson kernel build` made, where they are in the cache: each boots as an enclave, with its NSM, its vsock both ways,
// and the measurements that we computed.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { toHex } from '@caisson/core/bytes';
import { CaissonError } from '@caisson/core/errors';
import { type KernelProfile, resolveKernel } from '@caisson/host/kernel';
import { hearReport } from './hear.ts';
import { buildImage } from './image.ts';
import { bootEnclave, skip } from './rig.ts';

function find(profile: KernelProfile): { path?: string; absent: string | false } {
  try {
    return { path: resolveKernel('caisson', { architecture: 'x86_64', profile }).path, absent: false };
  } catch (error) {
    if (!(error instanceof CaissonError)) throw error;
    return { absent: `SKIPPED, NOTHING WAS BOOTED: ${error.message}; ${error.hint}` };
  }
}

for (const [index, profile] of (['minimal', 'network'] as const).entries()) {
  const { path, absent } = find(profile);
  test(`our own kernel of profile ${profile} boots with its NSM and its vsock`, { skip: skip || absent }, async () => {
    const image = await buildImage({ guest: 'measure', env: { GREETING: 'hello there' }, kernel: path! });
    const enclave = await bootEnclave({ image: image.file, cid: 21 + index });
    try {
      const seen = await hearReport<{ readonly pcrs: readonly string[]; readonly cid: number }>(enclave);
      const { pcr0, pcr1, pcr2 } = image.measurements;
      assert.deepEqual(seen.pcrs, [pcr0, pcr1, pcr2].map(toHex));
      assert.equal(seen.cid, 21 + index);
    } finally {
      await enclave.close();
      image.remove();
    }
  });
}
