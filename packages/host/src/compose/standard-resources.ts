// What an enclave gets where its caisson.yaml does not say: `up` gives it, and the doctor counts with it.

// Chosen.
export const STANDARD_CPUS = 2;
const leastMemoryMiB = 512;
const memoryStepMiB = 128;
// Given: nitro-cli wants so many times the image. It is in memory twice while it is unpacked, and Node wants its own.
const memoryPerImage = 4;

/** With less no image of this size boots. */
export function leastMemory(imageBytes: number): number {
  return Math.ceil((memoryPerImage * imageBytes) / 2 ** 20);
}

export function standardMemory(imageBytes: number): number {
  return Math.max(leastMemoryMiB, Math.ceil(leastMemory(imageBytes) / memoryStepMiB) * memoryStepMiB);
}
