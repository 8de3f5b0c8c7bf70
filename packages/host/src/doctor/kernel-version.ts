// Kernel versions, and what is known to be wrong with vsock in which of them. Sources: reports of those who met it; what distributions have taken
// over by themselves is not known from a number, so the words are careful.

export interface KernelVersion {
  readonly text: string;
  readonly major: number;
  readonly minor: number;
  readonly patch: number;
}

export interface KernelHazard {
  readonly what: string;
  /** Whether it is worth a command now, or only worth knowing. */
  readonly level: 'note' | 'warn';
}

/** `6.12.95-cloud-amd64`. */
export function readKernelVersion(text: string): KernelVersion | undefined {
  const [, major, minor, patch = '0'] = /^(\d{1,4})\.(\d{1,4})(?:\.(\d{1,4}))?/.exec(text) ?? [];
  if (major === undefined || minor === undefined) return undefined;
  return { text: text.trim(), major: Number(major), minor: Number(minor), patch: Number(patch) };
}

export function isAtLeast(version: KernelVersion, major: number, minor: number, patch = 0): boolean {
  if (version.major !== major) return version.major > major;
  if (version.minor !== minor) return version.minor > minor;
  return version.patch >= patch;
}

const isOf = ({ major, minor }: KernelVersion, first: number, second: number): boolean =>
  major === first && minor === second;

export function findKernelHazards(version: KernelVersion): readonly KernelHazard[] {
  const hazards: KernelHazard[] = [];
  // Linux commit 6693731487a8; base/base pull request 1444, cloud-hypervisor issue 7672. Later 6.12 kernels have it too: one of them, 6.12.95,
  // hung so in a virtual machine here.
  if (isAtLeast(version, 6, 17) || (isOf(version, 6, 12) && version.patch >= 76)) {
    hazards.push({
      level: 'note',
      what: 'single vsock writes of more than 32 KiB may arrive damaged or not at all; Caisson writes no more at once, other programs (socat, your own) must not either',
    });
  }
  // CVE-2026-23086 and what followed; libkrun issue 795, gominimal/minimal pull requests 885 and 922.
  if ((isOf(version, 6, 12) && version.patch >= 92) || isAtLeast(version, 6, 18)) {
    hazards.push({
      level: 'note',
      what: 'many small vsock packets in a row may reset their connection; Caisson asks for a window of 8 MiB, other programs need SO_VM_SOCKETS_BUFFER_SIZE',
    });
  }
  // CVE-2026-46214, fixed in 7.0.9; crc-org/crc issue 5283.
  if (isOf(version, 7, 0) && version.patch < 9) {
    hazards.push({
      level: 'warn',
      what: 'failed vsock connections fill a counter until every new one is reset; 7.0.9 has the fix',
    });
  }
  return hazards;
}
