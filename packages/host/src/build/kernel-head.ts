// What the first bytes of a kernel say of it: its machine and its version. A kernel of neither form is taken as it is, because whoever names a
// file may know better; one that says it is for another machine would never boot.
import type { Architecture } from '../runtime/index.ts';

export interface KernelHead {
  /** null: it does not say. */
  readonly architecture: Architecture | null;
  /** `6.12.95`; '' where it does not say. */
  readonly version: string;
}

// Chosen: the setup code of an x86 kernel, where its version stands, has at most 64 sectors of 512 bytes.
export const KERNEL_HEAD_BYTES = 33_280;
// Given: Linux, Documentation/arch/x86/boot.rst (header magic, kernel_version) and Documentation/arch/arm64/booting.rst (magic).
const x86 = { magic: 'HdrS', magicAt: 0x202, versionAt: 0x20e, versionBase: 0x200 } as const;
const arm64 = { magic: 'ARM\x64', magicAt: 56 } as const;
const versionForm = /^(\d+\.\d+[\w.+-]{0,60})(?: |\0)/;

export function readKernelHead(bytes: Buffer): KernelHead {
  const has = (magic: string, at: number): boolean => bytes.toString('latin1', at, at + magic.length) === magic;
  if (has(arm64.magic, arm64.magicAt)) return { architecture: 'aarch64', version: '' };
  if (!has(x86.magic, x86.magicAt)) return { architecture: null, version: '' };
  const pointer = bytes.length < x86.versionAt + 2 ? 0 : bytes.readUInt16LE(x86.versionAt);
  const at = pointer + x86.versionBase;
  const text = pointer === 0 ? '' : bytes.toString('latin1', at, at + 65);
  return { architecture: 'x86_64', version: versionForm.exec(text)?.[1] ?? '' };
}
