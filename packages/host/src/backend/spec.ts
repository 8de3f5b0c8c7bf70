// What no backend can start, said before anything is touched. A number that is none is the caller's mistake; one that this machine lacks is a limit.
import { availableParallelism, freemem } from 'node:os';
import { LimitError } from '@caisson/core/errors';
import type { EnclaveSpec } from './backend.ts';
import type { BackendErrorCode } from './error-code.ts';

// Given: wire.md 10.
const nameForm = /^[a-z][a-z0-9-]{0,62}$/;
// Chosen: less holds no Node.
const leastMemoryMiB = 64;
const highestCpuId = 4095;

/** Throws TypeError, LimitError BACKEND_CAPACITY. */
export function checkSpec({ name, memoryMiB, cpus }: EnclaveSpec): void {
  if (!nameForm.test(name))
    throw new TypeError(`enclave name must match ${nameForm.source}, got ${JSON.stringify(name)}`);
  if (!Number.isInteger(memoryMiB) || memoryMiB < leastMemoryMiB) {
    throw new TypeError(`memoryMiB must be an integer of at least ${leastMemoryMiB}, got ${memoryMiB}`);
  }
  const freeMiB = Math.floor(freemem() / 2 ** 20);
  if (memoryMiB > freeMiB)
    throw exceeded(`enclave ${name} must fit into ${freeMiB} MiB of free memory, got ${memoryMiB} MiB`);
  const machineCpus = availableParallelism();
  if ('count' in cpus) {
    if (!Number.isInteger(cpus.count) || cpus.count < 1)
      throw new TypeError(`cpu count must be a positive integer, got ${cpus.count}`);
    if (cpus.count > machineCpus)
      throw exceeded(`enclave ${name} must have at most ${machineCpus} cpus, got ${cpus.count}`);
    return;
  }
  const ids = new Set(cpus.ids);
  if (
    ids.size === 0 ||
    ids.size < cpus.ids.length ||
    cpus.ids.some((id) => !Number.isInteger(id) || id < 0 || id > highestCpuId)
  ) {
    throw new TypeError(`cpu ids must be different integers in 0..${highestCpuId}, got ${cpus.ids.join(', ')}`);
  }
}

function exceeded(message: string): LimitError<BackendErrorCode> {
  return new LimitError('BACKEND_CAPACITY', message, { hint: 'ask for less, or end another enclave' });
}
