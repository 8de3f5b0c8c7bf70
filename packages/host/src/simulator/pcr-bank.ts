// The platform configuration registers of one enclave: 0 to 15 locked at boot, the rest zero and open, each lock for good.
import { createHash } from 'node:crypto';
import { FIRST_OWN_PCR, NsmDeviceError, type NsmOperation, PCR_BYTES, PCR_COUNT } from '@caisson/core/nitro';

interface Register {
  value: Uint8Array;
  isLocked: boolean;
}

/** Its methods throw NsmDeviceError with the word that hardware answers. */
export class PcrBank {
  readonly #registers: Register[];

  /** `values`: what is measured at boot, 48 bytes each; the others are zero. */
  constructor(values: ReadonlyMap<number, Uint8Array>) {
    this.#registers = Array.from({ length: PCR_COUNT }, (_, index) => ({
      value: Uint8Array.from(values.get(index) ?? new Uint8Array(PCR_BYTES)),
      isLocked: index < FIRST_OWN_PCR,
    }));
  }

  describe(index: number): { readonly value: Uint8Array; readonly isLocked: boolean } {
    const { value, isLocked } = this.#register('DescribePCR', index);
    return { value: Uint8Array.from(value), isLocked };
  }

  /** new = SHA-384(old || data), data of any length and not hashed first. Returns the new value. */
  extend(index: number, data: Uint8Array): Uint8Array {
    const register = this.#open('ExtendPCR', index);
    register.value = Uint8Array.from(createHash('sha384').update(register.value).update(data).digest());
    return Uint8Array.from(register.value);
  }

  lock(index: number): void {
    this.#open('LockPCR', index).isLocked = true;
  }

  /** Locks 0 to `range` - 1. Unlike `lock` it takes what is locked already as done. */
  lockRange(range: number): void {
    if (range > PCR_COUNT) throw new NsmDeviceError('LockPCRs', 'InvalidIndex');
    for (const register of this.#registers.slice(0, range)) register.isLocked = true;
  }

  /** The locked ones: what a document attests. */
  locked(): Map<number, Uint8Array> {
    const entries = this.#registers.map(({ value, isLocked }, index) => ({ index, value, isLocked }));
    return new Map(
      entries.filter(({ isLocked }) => isLocked).map(({ index, value }) => [index, Uint8Array.from(value)]),
    );
  }

  #register(operation: NsmOperation, index: number): Register {
    const register = this.#registers[index];
    if (register === undefined) throw new NsmDeviceError(operation, 'InvalidIndex');
    return register;
  }

  #open(operation: NsmOperation, index: number): Register {
    const register = this.#register(operation, index);
    if (register.isLocked) throw new NsmDeviceError(operation, 'ReadOnlyIndex');
    return register;
  }
}
