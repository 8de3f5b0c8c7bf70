// What is asked of a kernel's configuration: the profile's fragments, then the user's. Checked before the build, when Kconfig has
// had its say: an option that was dropped silently is a build that is not what was asked for.
import { createHash } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { CaissonError, LimitError, PolicyError } from '@caisson/core/errors';
import { ledgerFolder } from '../runtime/index.ts';
import type { KernelErrorCode } from './error-code.ts';
import { type KernelConfig, MAX_KERNEL_CONFIG_BYTES, optionOf, parseKernelConfig } from './parse-config.ts';
import type { KernelProfile } from './requirement.ts';

export interface Fragment {
  readonly name: string;
  readonly text: string;
  readonly sha256: string;
  readonly config: KernelConfig;
}

/** In the order in which later ones override earlier ones. Throws CaissonError KERNEL_CONFIG. */
export function readFragments(profile: KernelProfile, own?: string): Fragment[] {
  const names = profile === 'network' ? ['kernel-minimal.config', 'kernel-network.config'] : ['kernel-minimal.config'];
  const fragments = names.map((name) => readFragment(name, join(ledgerFolder(), name)));
  return own === undefined ? fragments : [...fragments, readFragment(own, own)];
}

/** Throws PolicyError KERNEL_OPTION with every option that is not what the last fragment that names it asked for. */
export function verifyOptions(config: KernelConfig, fragments: readonly Fragment[]): void {
  const asked = new Map(fragments.flatMap((one) => [...one.config.options]));
  const dropped = [...asked].filter(([name, value]) => optionOf(config, name) !== value);
  if (dropped.length === 0) return;
  const list = dropped.map(([name, value]) => `${name}=${value} (got ${optionOf(config, name)})`);
  throw new PolicyError<KernelErrorCode>(
    'KERNEL_OPTION',
    `kernel configuration must keep what was asked for, lost ${list.join(', ')}`,
    {
      hint: 'an option is lost when another that it depends on is not set, or when this kernel does not have it',
    },
  );
}

function readFragment(name: string, path: string): Fragment {
  let text: string;
  try {
    const { size } = statSync(path);
    if (size > MAX_KERNEL_CONFIG_BYTES) {
      throw new LimitError<KernelErrorCode>(
        'KERNEL_CONFIG',
        `kernel configuration ${path} must have at most ${MAX_KERNEL_CONFIG_BYTES} bytes, got ${size}`,
      );
    }
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    if (cause instanceof CaissonError) throw cause;
    const why = (cause as NodeJS.ErrnoException).code;
    throw new CaissonError<KernelErrorCode>('KERNEL_CONFIG', `cannot read kernel configuration ${path}: ${why}`, {
      cause,
    });
  }
  return { name, text, sha256: createHash('sha256').update(text).digest('hex'), config: parseKernelConfig(text, path) };
}
