// The program that starts simulated enclaves, and what stands in for programs of images.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { MissingPart } from '../backend/index.ts';
import { PART_FILES, partFolders, readArchitecture } from '../runtime/index.ts';
import { findStageFault } from './choose-stage.ts';

/** Path of caisson-sim; undefined where it was not built. */
export function findHelper(): string | undefined {
  const folders = partFolders(readArchitecture());
  return folders.map((folder) => join(folder, 'caisson-sim')).find((path) => existsSync(path));
}

/** The development form of the enclave program, which also speaks over the fabric. */
export function findDevelopmentProgram(): string | undefined {
  const folders = partFolders(readArchitecture());
  return folders.map((folder) => join(folder, PART_FILES['enclave-development'])).find((path) => existsSync(path));
}

/** `wish` is the value of CAISSON_SIM. */
export function findMissing(wish: string): MissingPart[] {
  if (process.platform !== 'linux') {
    return [{ what: `Linux, this is ${process.platform}`, get: 'a Linux machine, or the backend qemu' }];
  }
  const helper = findHelper();
  if (helper === undefined) return [{ what: 'caisson-sim', get: 'npm run build, with gcc and libc6-dev' }];
  const fault = findStageFault(helper, wish);
  return fault === undefined ? [] : [fault];
}
