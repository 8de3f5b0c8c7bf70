// allocator.yaml of a parent: two numbers are set where they must be, and every other word, comments too, stays as it is. It is the
// machine owner's file: what it says already is changed only when the numbers were given on the command line.
import { PolicyError } from '@caisson/core/errors';
import { type Document, isMap, parseDocument } from 'yaml';
import type { RbuildsErrorCode } from './error-code.ts';

export interface AllocatorWish {
  readonly memoryMiB: number;
  readonly cpus: number;
  /** They were asked for, and replace what is there. */
  readonly isMemoryAsked: boolean;
  readonly isCpusAsked: boolean;
}

// Given: the words of the package's own file.
const opening = `---
# Enclave configuration file.
#
# How much memory to allocate for enclaves (in MiB).
memory_mib: 0
#
# How many CPUs to reserve for enclaves.
cpu_count: 0
`;

/** The text as it should be; the same text where nothing is to change. `text` null: there is no file. Throws PolicyError RBUILDS_MACHINE. */
export function mergeAllocator(text: string | null, wish: AllocatorWish): string {
  const document = parseDocument(text ?? opening);
  const [fault] = document.errors;
  if (fault !== undefined) throw refuse(`must be YAML: ${fault.message.split('\n', 1)[0]}`);
  if (document.contents !== null && !isMap(document.contents)) throw refuse('must be a map of keys');
  const before = document.toString();
  const isNew = text === null;
  if (isNew || wish.isMemoryAsked || !document.has('memory_mib')) put(document, 'memory_mib', wish.memoryMiB);
  if (document.has('cpu_pool')) {
    if (wish.isCpusAsked) throw refuse('has cpu_pool, which chooses processors by number: --cpus cannot change it');
  } else if (isNew || wish.isCpusAsked || !document.has('cpu_count')) put(document, 'cpu_count', wish.cpus);
  const after = document.toString();
  // Written anew only for a change: how somebody sets spaces is his own.
  return after === before && text !== null ? text : after;
}

function put(document: Document, key: string, value: number): void {
  if (document.get(key) !== value) document.set(key, value);
}

function refuse(bound: string): PolicyError<RbuildsErrorCode> {
  return new PolicyError('RBUILDS_MACHINE', `allocator.yaml ${bound}`, {
    hint: 'nothing was changed; edit it by hand',
  });
}
