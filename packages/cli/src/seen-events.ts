// Which events were shown already. They come twice: from the file that a shim left, and from the ring of one that lives.
import type { ShownLine } from './shown-line.ts';

// Chosen: a ring that is read again after a broken connection is shorter.
const maxRemembered = 20_000;

export class SeenEvents {
  readonly #keys = new Set<string>();

  /** True the first time that it sees an event. */
  isNew({ enclave, time, code, fields }: Pick<ShownLine, 'enclave' | 'time' | 'code' | 'fields'>): boolean {
    // A shim counts its events from 1, and a shim that comes after it does too.
    const key = `${enclave} ${time} ${code} ${String(fields?.['seq'])}`;
    if (this.#keys.has(key)) return false;
    this.#keys.add(key);
    if (this.#keys.size > maxRemembered) this.#keys.delete(this.#keys.values().next().value ?? '');
    return true;
  }
}
