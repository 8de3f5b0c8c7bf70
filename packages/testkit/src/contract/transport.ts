// The contract of every transport, as a list of plain functions, so that it runs in a VM over real AF_VSOCK as well as here.
// `describeTransportContract` is the node:test wrapper; it also holds that nothing is left open.
import { ok } from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { addressPromises } from './transport/address.ts';
import type { TransportPair, TransportPromise } from './transport/scene.ts';
import { streamPromises } from './transport/stream.ts';

export type { TransportPair, TransportPromise } from './transport/scene.ts';

export const transportContract: readonly TransportPromise[] = [...addressPromises, ...streamPromises];

/** `open` is called once; the pair serves all promises in order and is closed at the end. `promises`: default all. */
export function describeTransportContract(
  name: string,
  open: () => Promise<TransportPair>,
  promises: readonly TransportPromise[] = transportContract,
): void {
  describe(`the ${name} transport`, () => {
    let pair: TransportPair;
    let openBefore = 0;

    before(async () => {
      openBefore = countDescriptors();
      pair = await open();
    });

    for (const { title, run } of promises) {
      test(title, { timeout: 300_000 }, () => run(pair));
    }

    after(async () => {
      await pair.close();
      // Descriptors close a loop turn after their sockets.
      for (let round = 0; countDescriptors() > openBefore && round < 100; round += 1) await pause(10);
      // Fewer is no leak: the runtime itself closes some of its own.
      const openAfter = countDescriptors();
      ok(openAfter <= openBefore, `${openAfter} descriptors are open, ${openBefore} were before`);
    });
  });
}

function countDescriptors(): number {
  return readdirSync('/proc/self/fd').length;
}
