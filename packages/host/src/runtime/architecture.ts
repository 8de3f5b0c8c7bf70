// The two machines that an enclave can have, and what each part of the world calls them.
import { CaissonError } from '@caisson/core/errors';
import type { RuntimeErrorCode } from './error-code.ts';

/** As the image format and the kernel say it. */
export type Architecture = 'x86_64' | 'aarch64';

export interface ArchitectureNames {
  /** npm, `process.arch`. */
  readonly node: 'x64' | 'arm64';
  readonly debian: 'amd64' | 'arm64';
  /** Folder of Debian's libraries, which its loader searches by default. */
  readonly multiarch: string;
  /** Where programs of this machine expect their loader (psABI). */
  readonly loaderPath: string;
  /** e_machine of the ELF header. */
  readonly elfMachine: number;
}

// Given: psABI of x86-64 and AArch64, Debian's multiarch tuples.
export const ARCHITECTURES: Readonly<Record<Architecture, ArchitectureNames>> = {
  x86_64: {
    node: 'x64',
    debian: 'amd64',
    multiarch: 'x86_64-linux-gnu',
    loaderPath: '/lib64/ld-linux-x86-64.so.2',
    elfMachine: 62,
  },
  aarch64: {
    node: 'arm64',
    debian: 'arm64',
    multiarch: 'aarch64-linux-gnu',
    loaderPath: '/lib/ld-linux-aarch64.so.1',
    elfMachine: 183,
  },
};

const spellings: Readonly<Record<string, Architecture>> = {
  x86_64: 'x86_64',
  x64: 'x86_64',
  amd64: 'x86_64',
  aarch64: 'aarch64',
  arm64: 'aarch64',
};

/** Any of the usual spellings. Throws CaissonError RUNTIME_ARCHITECTURE. */
export function parseArchitecture(text: string): Architecture {
  const found = Object.hasOwn(spellings, text) ? spellings[text] : undefined;
  if (found !== undefined) return found;
  throw new CaissonError<RuntimeErrorCode>(
    'RUNTIME_ARCHITECTURE',
    `architecture must be one of ${Object.keys(spellings).join(', ')}, got ${JSON.stringify(text)}`,
  );
}

/** The machine this program runs on. Throws CaissonError RUNTIME_ARCHITECTURE. */
export function readArchitecture(): Architecture {
  return parseArchitecture(process.arch);
}
