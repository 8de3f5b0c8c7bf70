// The kernel of an image: a file, or one by name. Hashed when it is opened and measured again when it is written.
import { statSync } from 'node:fs';
import { CaissonError, PolicyError } from '@caisson/core/errors';
import { digestFile } from '../runtime/index.ts';
import { createFileContent } from '../tree/index.ts';
import type { BuildErrorCode } from './error-code.ts';
import type { BuildKernel } from './plan.ts';

// Given: aws-nitro-enclaves-cli, blobs/*/cmdline.
export const AWS_CMDLINES: Readonly<Record<'x86_64' | 'aarch64', string>> = {
  x86_64:
    'reboot=k panic=30 pci=off nomodules console=ttyS0 i8042.noaux i8042.nomux i8042.nopnp i8042.dumbkbd random.trust_cpu=on',
  aarch64: 'reboot=k panic=30 pci=off nomodules console=ttyS0 random.trust_cpu=on root=/dev/ram0',
};
/** A triple fault is the one end that every hypervisor takes for one, and at once. */
export const DEFAULT_CMDLINE = 'console=ttyS0 quiet reboot=t panic=-1';
// Chosen: no kernel for an enclave comes near.
const maxBytes = 268_435_456;

/** `version` is '' for a file: nothing in it is asked. Throws CaissonError and PolicyError BUILD_KERNEL. */
export async function openKernelFile(path: string, version = '', cmdline = DEFAULT_CMDLINE): Promise<BuildKernel> {
  const identity = look(path);
  if (!identity.isFile()) throw refuse(`kernel ${path} must be a regular file`);
  if (identity.size === 0n || identity.size > BigInt(maxBytes)) {
    throw refuse(`kernel ${path} must have 1..${maxBytes} bytes, got ${identity.size}`);
  }
  const digest = await digestFile(path);
  return {
    ...{ name: path, ...digest, origin: 'given', nsmModule: null, cmdline, version },
    content: createFileContent(path, identity),
  };
}

function look(path: string) {
  try {
    return statSync(path, { bigint: true });
  } catch (cause) {
    const why = (cause as NodeJS.ErrnoException).code;
    throw new CaissonError<BuildErrorCode>('BUILD_KERNEL', `cannot open kernel ${path}: ${why}`, {
      cause,
      hint: 'give a bzImage with --kernel FILE, or a name: aws, caisson',
    });
  }
}

function refuse(message: string): PolicyError<BuildErrorCode> {
  return new PolicyError('BUILD_KERNEL', message);
}
