// The kernel of an image: a file, or one by name. Hashed when it is opened and measured again when it is written.
import { readFileSync, realpathSync, statSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { basename } from 'node:path';
import { PolicyError } from '@caisson/core/errors';
import { resolveKernel } from '../kernel/index.ts';
import { type Architecture, digestFile } from '../runtime/index.ts';
import { createFileContent, type TreeContent } from '../tree/index.ts';
import type { BuildErrorCode } from './error-code.ts';
import { KERNEL_HEAD_BYTES, type KernelHead, readKernelHead } from './kernel-head.ts';
import type { BuildInput, BuildKernel } from './plan.ts';

// Given: aws-nitro-enclaves-cli, blobs/*/cmdline.
const awsCmdlines: Readonly<Record<'x86_64' | 'aarch64', string>> = {
  x86_64:
    'reboot=k panic=30 pci=off nomodules console=ttyS0 i8042.noaux i8042.nomux i8042.nopnp i8042.dumbkbd random.trust_cpu=on',
  aarch64: 'reboot=k panic=30 pci=off nomodules console=ttyS0 random.trust_cpu=on root=/dev/ram0',
};
/** A triple fault is the one end that every hypervisor takes for one, and at once. */
const defaultCmdline = 'console=ttyS0 quiet reboot=t panic=-1';
// Chosen: no kernel for an enclave comes near.
const maxBytes = 268_435_456;

/** A file, or `aws` or `caisson`. Throws PolicyError BUILD_KERNEL and what `resolveKernel` throws. */
export async function openKernel(name: string, architecture: Architecture): Promise<BuildKernel> {
  const { origin, path, configPath, nsmPath, cmdline } = resolveKernel(name, { architecture });
  const head = await readHead(path);
  if (head.architecture !== null && head.architecture !== architecture) {
    throw new PolicyError<BuildErrorCode>(
      'BUILD_KERNEL',
      `kernel ${path} must be for ${architecture}, got one for ${head.architecture}`,
      { hint: `name another with --kernel, or build with --arch ${head.architecture}` },
    );
  }
  const standard = origin === 'aws' ? awsCmdlines[architecture] : defaultCmdline;
  return {
    ...(await openPart(path, 'kernel')),
    // A path is no property of a kernel: the digest is.
    name: origin === 'file' ? basename(path) : origin,
    nsmModule: nsmPath === null ? null : await openPart(nsmPath, 'nsm.ko'),
    cmdline: cmdline ?? standard,
    version: (configPath === null ? '' : readVersion(configPath)) || head.version,
  };
}

async function readHead(path: string): Promise<KernelHead> {
  const file = await open(path, 'r');
  try {
    const head = Buffer.alloc(KERNEL_HEAD_BYTES);
    const { bytesRead } = await file.read(head, 0, head.length, 0);
    return readKernelHead(head.subarray(0, bytesRead));
  } finally {
    await file.close();
  }
}

async function openPart(path: string, what: string): Promise<BuildInput & { content: TreeContent }> {
  const identity = statSync(path, { bigint: true });
  if (!identity.isFile() || identity.size === 0n || identity.size > BigInt(maxBytes)) {
    throw new PolicyError<BuildErrorCode>(
      'BUILD_KERNEL',
      `${what} ${path} must be a regular file of 1..${maxBytes} bytes, got ${identity.size}`,
    );
  }
  const digest = await digestFile(path);
  // Through a link or not, it is opened where it is.
  return { name: what, ...digest, origin: 'given', content: createFileContent(realpathSync(path), identity) };
}

/** Given: `# Linux/x86 6.12.95 Kernel Configuration`, the third line of every .config, which nitro-cli reads too. */
function readVersion(configPath: string): string {
  const line = readFileSync(configPath, 'utf8').slice(0, 4_096).split('\n')[2] ?? '';
  return /^# Linux\/\S+ (\S+) Kernel Configuration/.exec(line)?.[1] ?? '';
}
