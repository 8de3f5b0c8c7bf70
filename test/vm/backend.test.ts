// The contract of backends on QEMU: an image of the builder on its own kernel, with a real NSM device and AF_VSOCK inside.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import { createQemuBackend } from '@caisson/host/backend-qemu';
import { type BackendScene, describeBackendContract } from '@caisson/testkit/backend';
import { imageSkip, makeImages } from '../scenario/backend/image.ts';
import { skip as noRig, rigFile } from './rig.ts';

const folder = mkdtempSync(join(tmpdir(), 'caisson-vm-backend-'));
after(() => rmSync(folder, { recursive: true }));
const root = join(import.meta.dirname, '../..');
const hostMain = join(root, 'packages/testkit/src/backend/host-main.ts');

let scene: Promise<BackendScene> | undefined;
async function openScene(): Promise<BackendScene> {
  const [state, programs, memoryMiB] = [join(folder, 'state'), rigFile('out'), 512];
  const images = await makeImages(folder, rigFile('out/bzImage'));
  return {
    backend: createQemuBackend({ state, folder: programs }),
    // A boot is seconds here: the fast lane of the simulator goes up and down more often.
    state,
    images,
    memoryMiB,
    tooSmallMiB: 128,
    readyMs: 120_000,
    cycles: 3,
    hostProgram: (cid) => {
      const words = ['qemu', state, images.waits, String(cid), String(memoryMiB), programs];
      return [process.execPath, '--conditions=caisson-source', hostMain, ...words];
    },
  };
}

describeBackendContract(
  'qemu',
  () => {
    scene ??= openScene();
    return scene;
  },
  { skip: noRig || imageSkip },
);
