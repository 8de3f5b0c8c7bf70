// The contract of every ProcessHost, held on the fake and on the real PID 1.

import type { TestContext } from 'node:test';
import { describe, test } from 'node:test';
import type { ProcessHostPair, ProcessHostPromise } from './process-host/scene.ts';
import { signalPromises } from './process-host/signal.ts';
import { startPromises } from './process-host/start.ts';

export type { ProcessHostPair, ProcessHostPromise } from './process-host/scene.ts';

export const processHostContract: readonly ProcessHostPromise[] = [...startPromises, ...signalPromises];

/** `open` is called for each promise, with an empty table. */
export function describeProcessHostContract(
  name: string,
  skip: string | false,
  open: (context: TestContext) => Promise<ProcessHostPair>,
): void {
  describe(`the ${name} process host`, () => {
    for (const { title, run } of processHostContract) {
      test(title, { skip, timeout: 300_000 }, async (context) => run(await open(context)));
    }
  });
}
