// The native bridge between TCP and real AF_VSOCK inside one enclave, where its writes to a vsock have no limit.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hearReport } from './hear.ts';
import { buildImage } from './image.ts';
import { bootEnclave, skip } from './rig.ts';

interface Carried {
  readonly there: string;
  readonly back: string;
}

interface Seen {
  readonly expected: string;
  readonly toVsock: Carried;
  readonly toTcp: Carried;
  readonly counters: readonly {
    readonly forwardBytes: number;
    readonly backwardBytes: number;
    readonly failed: number;
  }[];
}

const question = 8 * 1024 * 1024;

test('the native bridge carries 8 MiB and the answer after it over vsock, either way round', { skip }, async () => {
  const image = await buildImage({ guest: 'bridge' });
  const enclave = await bootEnclave({ image: image.file, cid: 24 });
  try {
    const { expected, toVsock, toTcp, counters } = await hearReport<Seen>(enclave, 240_000);
    assert.deepEqual({ toVsock, toTcp }, { toVsock: whole(expected), toTcp: whole(expected) });
    for (const { forwardBytes, backwardBytes, failed } of counters) {
      assert.deepEqual([forwardBytes, backwardBytes, failed], [question, question + expected.length, 0]);
    }
    assert.equal(await enclave.exit, 0);
  } finally {
    await enclave.close();
    image.remove();
  }
});

function whole(digest: string): Carried {
  return { there: digest, back: digest };
}
