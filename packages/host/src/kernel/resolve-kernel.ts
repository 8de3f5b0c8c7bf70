// A kernel by name: `aws` is what nitro-cli installed, `caisson` what `caisson kernel build` left in the cache, anything else a file.
import { existsSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { CaissonError } from '@caisson/core/errors';
import { type Architecture, cacheFolder } from '../runtime/index.ts';
import type { KernelErrorCode } from './error-code.ts';
import type { KernelProfile } from './requirement.ts';

export interface ResolvedKernel {
  readonly origin: 'aws' | 'caisson' | 'file';
  /** bzImage or Image. */
  readonly path: string;
  /** Its .config, for the image's metadata; null where none lies beside it. */
  readonly configPath: string | null;
  /** nsm.ko that belongs to it; null where the driver is built in or none is known. */
  readonly nsmPath: string | null;
  /** The command line that comes with it, trimmed as nitro-cli does; null where none does. */
  readonly cmdline: string | null;
}

export interface ResolveKernelOptions {
  readonly architecture: Architecture;
  /** Of `caisson`: default minimal. */
  readonly profile?: KernelProfile;
  readonly env?: Readonly<Record<string, string | undefined>>;
}

// Given: nitro-cli's own names.
const blobsFolder = '/usr/share/nitro_enclaves/blobs';
const imageNames: Readonly<Record<Architecture, string>> = { x86_64: 'bzImage', aarch64: 'Image' };
// Chosen: COMMAND_LINE_SIZE of both machines is 2,048.
const maxCmdlineBytes = 4096;

/** Throws CaissonError KERNEL_NAME. */
export function resolveKernel(name: string, options: ResolveKernelOptions): ResolvedKernel {
  const { architecture, profile = 'minimal', env = process.env } = options;
  const image = imageNames[architecture];
  if (name === 'aws') {
    const folder = env['NITRO_CLI_BLOBS'] ?? blobsFolder;
    return resolved('aws', join(folder, image), 'sudo dnf install aws-nitro-enclaves-cli-devel, or name a file');
  }
  if (name === 'caisson') {
    const path = join(kernelCacheFolder(profile, env), image);
    const make = `make it once: caisson kernel build --profile ${profile}`;
    return resolved('caisson', path, architecture === 'x86_64' ? make : 'only x86_64 is built here; name a file');
  }
  return resolved('file', name, 'a kernel is a file, or one of the names aws and caisson');
}

/** Where `caisson kernel build` puts what no folder was named for. */
export function kernelCacheFolder(profile: KernelProfile, env: ResolveKernelOptions['env'] = process.env): string {
  return join(cacheFolder(env), 'kernel', profile);
}

function resolved(origin: ResolvedKernel['origin'], path: string, hint: string): ResolvedKernel {
  if (!existsSync(path) || !statSync(path).isFile()) {
    const what = origin === 'file' ? '' : ` ${origin}`;
    throw new CaissonError<KernelErrorCode>(
      'KERNEL_NAME',
      `kernel${what} must be a regular file, got none at ${path}`,
      { hint },
    );
  }
  const beside = (file: string): string | null => (existsSync(file) ? file : null);
  // A file somewhere says nothing about its neighbours but what carries its name.
  const nsmPath = origin === 'aws' ? beside(join(dirname(path), 'nsm.ko')) : null;
  const cmdline = origin === 'aws' ? readCmdline(join(dirname(path), 'cmdline')) : null;
  return { origin, path, configPath: beside(`${path}.config`), nsmPath, cmdline };
}

function readCmdline(path: string): string | null {
  if (!existsSync(path)) return null;
  const { size } = statSync(path);
  if (size <= maxCmdlineBytes) return readFileSync(path, 'utf8').trim();
  throw new CaissonError<KernelErrorCode>(
    'KERNEL_NAME',
    `command line ${path} must have at most ${maxCmdlineBytes} bytes, got ${size}`,
  );
}
