// Builds an enclave kernel whose bytes depend on its source, its configuration and the compiler alone, and says of which. Everything
// is made in a folder beside the result; the result gets its name whole or not at all.

import { existsSync } from 'node:fs';
import { appendFile, copyFile, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { CaissonError, PolicyError } from '@caisson/core/errors';
import { sweepTemporaries, temporaryBeside } from '../file/index.ts';
import { digestFile, type FileDigest } from '../runtime/index.ts';
import { type BuildTools, findBuildTools } from './build-tool.ts';
import type { KernelErrorCode } from './error-code.ts';
import { type Fragment, readFragments, verifyOptions } from './fragment.ts';
import { judgeKernelConfig } from './judge-config.ts';
import { BUILD_TIMESTAMP, make } from './make.ts';
import { type KernelConfig, parseKernelConfig } from './parse-config.ts';
import type { KernelProfile } from './requirement.ts';
import { type KernelSource, type SourceOptions, unpackKernelSource } from './source.ts';
import { verifyBuildable } from './version.ts';

export interface BuildKernelOptions extends SourceOptions {
  readonly profile: KernelProfile;
  /** A fragment of the user's, on top of the profile's. */
  readonly fragment?: string;
  /** Default: as many as there are processors. */
  readonly jobs?: number;
  /** Asks the machine; for tests. */
  readonly findTools?: () => BuildTools;
}

/** `manifest.json` beside the kernel. */
export interface KernelManifest {
  readonly v: 1;
  readonly kernel: string;
  readonly profile: KernelProfile;
  readonly source: KernelSource['input'];
  readonly fragments: readonly { readonly name: string; readonly sha256: string }[];
  readonly tools: BuildTools;
  readonly files: Readonly<Record<'bzImage' | 'bzImage.config', FileDigest>>;
}

/** `folder` must not exist. Throws CaissonError KERNEL_*, and as fetching the source does. */
export async function buildKernel(folder: string, options: BuildKernelOptions): Promise<KernelManifest> {
  const target = resolve(folder);
  if (existsSync(target)) throw folderFault(folder, 'EEXIST');
  // The kernel's own Makefile refuses such a folder, but only after its source was unpacked.
  if (/[\s:]/.test(target)) {
    throw new CaissonError<KernelErrorCode>(
      'KERNEL_FOLDER',
      `folder for a kernel must have neither spaces nor colons in its path, got ${target}`,
    );
  }
  // What is cheap to know is asked before the source is fetched.
  const tools = (options.findTools ?? findBuildTools)();
  const fragments = readFragments(options.profile, options.fragment);
  const work = temporaryBeside(target);
  try {
    await mkdir(work, { recursive: true, mode: 0o700 });
    // What a build that was killed has left is 2 GB.
    await sweepTemporaries(dirname(target));
    const source = await unpackKernelSource(join(work, 'source'), options);
    verifyBuildable(source.version);
    await configure(source, fragments, work, options);
    options.progress?.(`building ${source.version} (minutes)`);
    await runMake(['bzImage'], source, work, options);
    await verifyTimestamp(source.folder);
    const manifest = await collect(work, source, fragments, tools, options);
    await mkdir(dirname(target), { recursive: true });
    await rename(join(work, 'result'), target);
    return manifest;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).syscall === 'mkdir')
      throw folderFault(folder, (error as NodeJS.ErrnoException).code);
    throw error;
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/** Kconfig has the last word, and is held to what was asked. */
async function configure(
  source: KernelSource,
  fragments: readonly Fragment[],
  work: string,
  options: BuildKernelOptions,
): Promise<void> {
  await runMake(['tinyconfig'], source, work, options);
  const path = join(source.folder, '.config');
  for (const { text } of fragments) await appendFile(path, `\n${text}`);
  await runMake(['olddefconfig'], source, work, options);
  const config = await readConfig(source);
  verifyOptions(config, fragments);
  const faults = judgeKernelConfig(config, { profile: options.profile, architecture: 'x86_64' }).filter(
    ({ level }) => level === 'fault',
  );
  if (faults.length === 0) return;
  throw new PolicyError<KernelErrorCode>(
    'KERNEL_OPTION',
    `kernel configuration must fit an enclave, got ${faults.map(({ option, found, reason }) => `${option}=${found} (${reason})`).join(', ')}`,
  );
}

async function readConfig({ folder }: KernelSource): Promise<KernelConfig> {
  return parseKernelConfig(await readFile(join(folder, '.config'), 'utf8'), 'after olddefconfig');
}

function runMake(
  targets: readonly string[],
  { folder }: KernelSource,
  work: string,
  options: BuildKernelOptions,
): Promise<void> {
  const { jobs = availableParallelism(), signal, env } = options;
  const log = join(work, 'make.log');
  return make(targets, {
    folder,
    log,
    jobs,
    ...(signal !== undefined && { signal }),
    ...(env !== undefined && { env }),
  });
}

// The kernel's build takes the present when it cannot read the date that it was given, and says nothing.
async function verifyTimestamp(folder: string): Promise<void> {
  const text = await readFile(join(folder, 'include/generated/utsversion.h'), 'utf8');
  if (text.includes(`${BUILD_TIMESTAMP}"`)) return;
  throw new CaissonError<KernelErrorCode>(
    'KERNEL_BUILD',
    `kernel must carry the date ${BUILD_TIMESTAMP}, got ${text.trim()}`,
  );
}

async function collect(
  work: string,
  source: KernelSource,
  fragments: readonly Fragment[],
  tools: BuildTools,
  { profile }: BuildKernelOptions,
): Promise<KernelManifest> {
  const at = (name: string): string => join(work, 'result', name);
  await mkdir(join(work, 'result'), { mode: 0o755 });
  await copyFile(join(source.folder, 'arch/x86/boot/bzImage'), at('bzImage'));
  // The name under which nitro-cli keeps it too.
  await copyFile(join(source.folder, '.config'), at('bzImage.config'));
  // COPYING itself only points to it.
  await copyFile(join(source.folder, 'LICENSES/preferred/GPL-2.0'), at('COPYING'));
  const manifest: KernelManifest = {
    v: 1,
    kernel: source.version,
    profile,
    source: source.input,
    fragments: fragments.map(({ name, sha256 }) => ({ name, sha256 })),
    tools,
    files: { bzImage: await digestFile(at('bzImage')), 'bzImage.config': await digestFile(at('bzImage.config')) },
  };
  await writeFile(at('manifest.json'), `${JSON.stringify(manifest, undefined, 2)}\n`);
  await writeFile(at('LICENSE.txt'), licenceNote(source));
  return manifest;
}

function licenceNote({ version, input }: KernelSource): string {
  return `bzImage is Linux ${version}, under the GNU General Public License, version 2, with the syscall note (COPYING).
Its complete source is ${input.name}${input.version === null ? '' : ` ${input.version}`}, SHA-256 ${input.sha256},
configured by bzImage.config. Whoever passes bzImage on must offer that source too.
`;
}

function folderFault(folder: string, why: string | undefined): CaissonError<KernelErrorCode> {
  return new CaissonError('KERNEL_FOLDER', `cannot make folder ${folder} for a kernel: ${why}`, {
    hint: 'remove it, or name a folder that does not exist yet',
  });
}
