// Module ids in the shape of AWS: the instance id of the parent, `-enc`, and sixteen hex digits of the enclave.
import { createHash, randomBytes } from 'node:crypto';
import { ParseError } from '@caisson/core/errors';
import type { SimulatorErrorCode } from './error-code.ts';

// Chosen: it stands in the names of two certificates, which must stay under 1,024 bytes, and people read it on terminals.
const allowed = /^[!-~]{1,100}$/;

/** A fresh id of AWS's shape, for an instance that does not exist. */
export function createModuleId(): string {
  return `i-${randomBytes(9).toString('hex').slice(0, 17)}-enc${randomBytes(8).toString('hex')}`;
}

/** Any visible ASCII: QEMU's ids have another shape than AWS's. Throws ParseError SIMULATOR_MODULE_ID. */
export function parseModuleId(text: string): string {
  if (allowed.test(text)) return text;
  const got = `${JSON.stringify(text.slice(0, 40))} of ${text.length}`;
  throw new ParseError<SimulatorErrorCode>(
    'SIMULATOR_MODULE_ID',
    `module id must be 1..100 visible ASCII characters, got ${got}`,
  );
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
