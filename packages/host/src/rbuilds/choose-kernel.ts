// Which kernel an image gets. A version is a promise about the kernel's own word, so it is held to the manifest beside it; a name or a
// file is taken as it is. Without a word: what was built here for the network that is asked for, then the plain one, then AWS's.
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { CaissonError } from '@caisson/core/errors';
import { type KernelProfile, kernelCacheFolder, resolveKernel } from '../kernel/index.ts';
import { type Architecture, readLedger } from '../runtime/index.ts';
import type { RbuildsErrorCode } from './error-code.ts';
import type { RbuildsSettings } from './settings.ts';
import type { RbuildsWorld } from './world.ts';

export interface ChosenKernel {
  /** As `BuildSettings.kernel`. */
  readonly kernel: 'aws' | 'caisson' | 'file';
  /** Where it is; a `file` is named by it. */
  readonly path: string;
  /** '' where nothing says it. */
  readonly version: string;
}

const versionForm = /^\d+\.\d+(?:\.\d+)?$/;

function isKernelVersion(text: string): boolean {
  return versionForm.test(text);
}

export function profileOf({ network, forwardNetwork }: RbuildsSettings): KernelProfile {
  return network || forwardNetwork ? 'network' : 'minimal';
}

/** The version that `make_kernel` builds. */
export function builtVersion(): string {
  const { source } = readLedger('kernel.json') as { source: { version: string } };
  return source.version.replace(/-.*$/, '');
}

/** `6.12` and `6.12.95` both name 6.12.95. */
export function isVersion(found: string, asked: string): boolean {
  return found === asked || found.startsWith(`${asked}.`);
}

/** undefined: there is none yet. Throws CaissonError KERNEL_NAME for a name or a file that is not there. */
export function findKernel(
  settings: RbuildsSettings,
  architecture: Architecture,
  env: RbuildsWorld['env'],
): ChosenKernel | undefined {
  const { kernel: asked } = settings;
  const version = asked !== null && isKernelVersion(asked) ? asked : undefined;
  if (asked === 'aws') return { kernel: 'aws', path: resolveKernel('aws', { architecture, env }).path, version: '' };
  if (asked !== null && asked !== 'caisson' && version === undefined) {
    return { kernel: 'file', path: resolveKernel(asked, { architecture, env }).path, version: '' };
  }
  const profiles = [...new Set<KernelProfile>([profileOf(settings), 'minimal'])];
  for (const profile of profiles) {
    const found = readBuilt(profile, architecture, env);
    if (found !== undefined && (version === undefined || isVersion(found.version, version))) return found;
  }
  return asked === null ? findAws(architecture, env) : undefined;
}

/** Throws CaissonError RBUILDS_KERNEL: no source is taken whose bytes nobody has pinned. */
export function requireBuildable(asked: string | null): void {
  if (asked === null || asked === 'caisson') return;
  const version = builtVersion();
  if (isKernelVersion(asked) && isVersion(version, asked)) return;
  throw new CaissonError<RbuildsErrorCode>(
    'RBUILDS_KERNEL',
    `kernel ${asked} cannot be built here: only the source of ${version} is known by its digest`,
    { hint: 'caisson kernel build --source TARBALL --sha256 HEX -o DIR, then --kernel DIR/bzImage' },
  );
}

/** What make_kernel or `caisson kernel build` left in the cache. */
export function readBuilt(
  profile: KernelProfile,
  architecture: Architecture,
  env: RbuildsWorld['env'],
): ChosenKernel | undefined {
  const folder = kernelCacheFolder(profile, env);
  if (!existsSync(join(folder, architecture === 'aarch64' ? 'Image' : 'bzImage'))) return undefined;
  const { path } = resolveKernel('caisson', { architecture, profile, env });
  // The builder's name `caisson` means the minimal profile; any other is given as a file.
  return { kernel: profile === 'minimal' ? 'caisson' : 'file', path, version: readVersion(dirname(path)) };
}

function readVersion(folder: string): string {
  try {
    const { kernel } = JSON.parse(readFileSync(join(folder, 'manifest.json'), 'utf8')) as { kernel?: unknown };
    return typeof kernel === 'string' ? kernel : '';
  } catch {
    return '';
  }
}

function findAws(architecture: Architecture, env: RbuildsWorld['env']): ChosenKernel | undefined {
  try {
    return { kernel: 'aws', path: resolveKernel('aws', { architecture, env }).path, version: '' };
  } catch {
    return undefined;
  }
}
