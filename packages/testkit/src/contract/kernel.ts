// The contract of every Kernel's vsock, as a list of plain functions, so that it runs in a VM over real AF_VSOCK as well as
// here over stand-ins. `describeKernelContract` is the node:test wrapper; it also holds that nothing is left open.
import { equal } from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { addressPromises } from './kernel/address.ts';
import type { KernelPair } from './kernel/scene.ts';
import { streamPromises } from './kernel/stream.ts';

export type { KernelPair } from './kernel/scene.ts';

/** One promise: `run` resolves when it holds and rejects with an AssertionError when not. */
export interface KernelPromise {
  /** A sentence whose subject is the kernel. */
  readonly title: string;
  run(pair: KernelPair): Promise<void>;
}

export const kernelContract: readonly KernelPromise[] = [...addressPromises, ...streamPromises];

/** `open` is called once; the pair serves all promises in order. */
export function describeKernelContract(name: string, open: () => KernelPair): void {
  describe(`the ${name} kernel`, () => {
    let pair: KernelPair;
    let openBefore = 0;

    before(async () => {
      pair = open();
      await warmUp(pair);
      openBefore = countDescriptors();
    });

    for (const { title, run } of kernelContract) {
      test(title, { timeout: 60_000 }, () => run(pair));
    }

    after(async () => {
      // Descriptors close a loop turn after their sockets.
      for (let round = 0; countDescriptors() > openBefore && round < 100; round += 1) await pause(10);
      equal(countDescriptors(), openBefore, 'descriptors left open');
    });
  });
}

/** The connect thread and its two descriptors stay for the life of the environment. */
async function warmUp({ near, farCid, freePort }: KernelPair): Promise<void> {
  const socket = await near.vsockConnect({ cid: farCid, port: freePort() }).catch(() => undefined);
  socket?.destroy();
}

function countDescriptors(): number {
  return readdirSync('/proc/self/fd').length;
}
