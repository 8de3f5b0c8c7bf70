// What no backend can start, said before anything is touched. A number that is none is the caller's mistake; one that this machine lacks is a limit.
import { readFileSync } from 'node:fs';
import { availableParallelism, freemem } from 'node:os';
import { NAME_FORM } from '@caisson/core/address';
import { LimitError } from '@caisson/core/errors';
import type { EnclaveSpec } from './backend.ts';
import type { BackendErrorCode } from './error-code.ts';

// Chosen: Node does not run in less.
const leastMemoryMiB = 64;
const highestCpuId = 4095;

/** For a machine that shares its memory and CPUs with its enclaves. Throws TypeError, LimitError BACKEND_CAPACITY. */
export function checkSpec(spec: EnclaveSpec): void {
  checkSpecForm(spec);
  const { name, memoryMiB, cpus } = spec;
  const freeMiB = Math.floor(freemem() / 2 ** 20);
  if (memoryMiB > freeMiB)
    throw exceeded(`enclave ${name} must fit into ${freeMiB} MiB of free memory, got ${memoryMiB} MiB`);
  if ('count' in cpus) {
    const machineCpus = availableParallelism();
    if (cpus.count > machineCpus)
      throw exceeded(`enclave ${name} must have at most ${machineCpus} cpus, got ${cpus.count}`);
    return;
  }
  const allowed = allowedCpus();
  const strange = cpus.ids.filter((id) => allowed?.has(id) === false);
  if (strange.length > 0) {
    throw exceeded(`enclave ${name} must have cpus that this process may use, got ${strange.join(', ')}`);
  }
}

/** The checks that apply to every machine, also to one that sets memory and CPUs aside for enclaves. Throws TypeError. */
export function checkSpecForm({ name, memoryMiB, cpus }: EnclaveSpec): void {
  if (!NAME_FORM.test(name))
    throw new TypeError(`enclave name must match ${NAME_FORM.source}, got ${JSON.stringify(name)}`);
  if (!Number.isInteger(memoryMiB) || memoryMiB < leastMemoryMiB) {
    throw new TypeError(`memoryMiB must be an integer of at least ${leastMemoryMiB}, got ${memoryMiB}`);
  }
  if ('count' in cpus) {
    if (!Number.isInteger(cpus.count) || cpus.count < 1)
      throw new TypeError(`cpu count must be a positive integer, got ${cpus.count}`);
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

/** CPUs that this process may run on, from /proc/self/status; undefined where that is not there. */
function allowedCpus(): Set<number> | undefined {
  let text: string | undefined;
  try {
    text = /^Cpus_allowed_list:\t(.*)$/m.exec(readFileSync('/proc/self/status', 'latin1'))?.[1];
  } catch {
    return undefined;
  }
  const ids = new Set<number>();
  for (const range of text?.split(',') ?? []) {
    const [first = 0, last = first] = range.split('-').map(Number);
    for (let id = first; id <= last; id += 1) ids.add(id);
  }
  return ids;
}

function exceeded(message: string): LimitError<BackendErrorCode> {
  return new LimitError('BACKEND_CAPACITY', message, { hint: 'ask for less, or end another enclave' });
}
