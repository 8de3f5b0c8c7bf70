// Module ids in the shape of AWS: the instance id of the parent, `-enc`, and sixteen hex digits of the enclave.
import { createHash, randomBytes } from 'node:crypto';

/** A fresh id of AWS's shape, for an instance that does not exist. */
export function createModuleId(): string {
  return `i-${randomBytes(9).toString('hex').slice(0, 17)}-enc${randomBytes(8).toString('hex')}`;
}

/** What stands before `-enc`; the whole id when it has another shape. */
export function instanceIdOf(moduleId: string): string {
  const end = moduleId.lastIndexOf('-enc');
  return end > 0 ? moduleId.slice(0, end) : moduleId;
}

/** The sixteen hex digits of the enclave, or undefined when the id has another shape. */
export function enclaveIdOf(moduleId: string): string | undefined {
  return /-enc([0-9a-f]{16})$/.exec(moduleId)?.[1];
}

/** How PCR3 (role ARN) and PCR4 (instance id) come about: SHA-384 of 48 zero bytes and the ASCII text. */
export function measureText(text: string): Uint8Array {
  return createHash('sha384').update(new Uint8Array(48)).update(text, 'ascii').digest();
}
