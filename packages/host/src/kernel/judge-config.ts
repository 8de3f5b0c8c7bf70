// Judges a whole .config by what an enclave needs. Says everything that is wrong, not the first thing.
import type { Architecture } from '../runtime/index.ts';
import { type KernelConfig, optionOf } from './parse-config.ts';
import { type KernelProfile, REQUIREMENTS } from './requirement.ts';
import { hasNsmDriver } from './version.ts';

export interface KernelFinding {
  readonly level: 'fault' | 'advice';
  /** Without CONFIG_. */
  readonly option: string;
  readonly want: string;
  readonly found: string;
  readonly reason: string;
}

/** Faults first, each in the order of the table. */
export function judgeKernelConfig(
  config: KernelConfig,
  { profile, architecture }: { readonly profile: KernelProfile; readonly architecture: Architecture },
): KernelFinding[] {
  const findings = REQUIREMENTS.filter(
    (one) =>
      (one.profile === undefined || one.profile === profile) &&
      (one.architecture === undefined || one.architecture === architecture),
  )
    .map(({ option, want, level, reason }) => ({ level, option, want, found: optionOf(config, option), reason }))
    // A module is no help where it is needed (PID 1 loads nsm.ko and no other), and is there where it is unwanted.
    .filter(({ want, found }) => found !== want);
  return [...findings, ...judgeNsm(config)].sort((left, right) => rank(left) - rank(right));
}

const rank = ({ level }: KernelFinding): number => (level === 'fault' ? 0 : 1);

function judgeNsm(config: KernelConfig): KernelFinding[] {
  const found = optionOf(config, 'NSM');
  if (found === 'y') return [];
  const finding = { option: 'NSM', want: 'y', found } as const;
  if (config.version !== null && !hasNsmDriver(config.version)) {
    return [
      { ...finding, level: 'advice', reason: `${config.version} has no NSM driver: nsm.ko must come with the image` },
    ];
  }
  if (found === 'm') {
    return [{ ...finding, level: 'advice', reason: 'nsm.ko of this very kernel must come with the image' }];
  }
  return [{ ...finding, level: 'fault', reason: 'without the NSM there is no attestation and no early randomness' }];
}
