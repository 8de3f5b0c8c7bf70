// The contract of every backend, as a list of plain functions, so that it runs as an unprivileged user in a process of its own as well.
// `describeBackendContract` is the node:test wrapper.
import { describe, test } from 'node:test';
import { leavePromises } from './leave.ts';
import { lifePromises } from './life.ts';
import type { BackendPromise, BackendScene } from './scene.ts';

export { hangingInit } from './hanging-init.ts';
export type { ProbeImage } from './image.ts';
export { emulatedCmdline, writeProbeImage } from './image.ts';
export type { BackendImages, BackendPromise, BackendScene } from './scene.ts';
export { isAlive } from './scene.ts';

export const backendContract: readonly BackendPromise[] = [...lifePromises, ...leavePromises];

/** `scene` is asked when the first promise runs. */
export function describeBackendContract(
  name: string,
  scene: () => Promise<BackendScene>,
  options: { readonly skip?: string | false } = {},
): void {
  describe(`the backend ${name}`, { skip: options.skip ?? false }, () => {
    for (const { title, run } of backendContract) {
      test(title, { timeout: 240_000 }, async () => run(await scene()));
    }
  });
}
