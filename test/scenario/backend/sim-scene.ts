// The simulator for its contract, in whichever process and as whichever user runs it.
import { join } from 'node:path';
import { createSimBackend } from '@caisson/host/backend-sim';
import type { BackendImages, BackendScene } from '@caisson/testkit/backend';
import { laneFigure } from '@caisson/testkit/contract';

const hostMain = join(import.meta.dirname, '../../../packages/testkit/src/backend/host-main.ts');

export function createSimScene(state: string, images: BackendImages): BackendScene {
  const memoryMiB = 384;
  return {
    backend: createSimBackend({ state }),
    state,
    images,
    memoryMiB,
    tooSmallMiB: 64,
    readyMs: 30_000,
    cycles: laneFigure('F-cycles'),
    hostProgram: (cid) => {
      const words = ['sim', state, images.waits, String(cid), String(memoryMiB)];
      return [process.execPath, '--conditions=caisson-source', hostMain, ...words];
    },
  };
}
