// The contract of every Kernel's vsock, as a list of plain functions, so that it runs in a VM over real AF_VSOCK as well as
// here over stand-ins. `describeKernelContract` is the node:test wrapper; it also holds that nothing is left open.
import { equal } from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { countSockets } from '../fake/socket-count.ts';
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

    before(() => {
      pair = open();
      openBefore = countSockets();
    });

    for (const { title, run } of kernelContract) {
      test(title, { timeout: 300_000 }, () => run(pair));
    }

    after(async () => {
      // Sockets close a loop turn after their sockets.
      for (let round = 0; countSockets() > openBefore && round < 100; round += 1) await pause(10);
      equal(countSockets(), openBefore, 'sockets left open');
    });
  });
}
