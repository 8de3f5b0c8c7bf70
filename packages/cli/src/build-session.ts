// From the flags of `caisson build` to a plan: which caisson.yaml, which source, which settings.
import { existsSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import type { BuildFlags } from '@caisson/host/compose';
import { readEnvFile } from './env-file.ts';
import { UsageError } from './exit-code.ts';
import type { Surroundings } from './surroundings.ts';

export interface BuildCommandFlags {
  readonly output?: string;
  readonly config?: string;
  readonly enclave?: string;
  readonly envFile?: string;
  readonly tag?: string;
  readonly profile?: 'development' | 'production';
  readonly init?: 'caisson' | 'plain';
  readonly rootfs?: true;
  readonly kernel?: string;
  readonly cmdline?: string;
  readonly arch?: string;
  readonly runtime?: string;
  readonly nitroCliCompat?: true;
  readonly verifyReproducible?: true;
  readonly sign?: string;
  readonly cert?: string;
  readonly signManifest?: string;
  readonly again?: true;
  readonly json?: true;
}

export interface PreparedBuild {
  readonly source: string;
  readonly settings: import('@caisson/host/build').BuildSettings;
  readonly kernelPath?: string;
  /** Path of the caisson.yaml that was read; null where there is none. */
  readonly configPath: string | null;
  /** Name of an operator's key that was created for this build; null where none was. */
  readonly madeKey: string | null;
}

/** Throws UsageError, and what reading caisson.yaml throws. */
export async function prepareBuild(
  given: string | undefined,
  command: readonly string[],
  flags: BuildCommandFlags,
  env: Surroundings['env'],
): Promise<PreparedBuild> {
  const { chooseEnclave, readBuildSettings, readCompose } = await import('@caisson/host/compose');
  const { parseArchitecture, readArchitecture } = await import('@caisson/host/runtime');
  const configPath = findConfig(given, flags.config);
  const variables = { ...readEnvFile(flags.envFile), ...env };
  const chosen =
    configPath === null ? null : chooseEnclave(await readCompose(configPath, { variables }), flags.enclave);
  if (chosen === null && flags.enclave !== undefined) throw new UsageError('--enclave needs a caisson.yaml');
  const folder = configPath === null ? '.' : dirname(configPath);
  const image = chosen?.spec.image;
  const arch = flags.arch ?? (typeof image === 'object' ? image.arch : undefined);
  const [name, version] = parseTag(flags.tag);
  const overrides: BuildFlags = {
    env,
    architecture: arch === undefined ? readArchitecture() : parseArchitecture(arch),
    ...(name !== undefined && { name }),
    ...(version !== undefined && { version }),
    ...(flags.profile !== undefined && { profile: flags.profile }),
    ...(flags.init !== undefined && { init: flags.init }),
    ...(flags.rootfs !== undefined && { rootfs: true }),
    ...(flags.kernel !== undefined && { kernel: flags.kernel }),
    ...(flags.cmdline !== undefined && { cmdline: flags.cmdline }),
    ...(flags.nitroCliCompat !== undefined && { nitroCliCompat: true }),
    ...(command.length > 0 && { command }),
    ...(env['SOURCE_DATE_EPOCH'] !== undefined && { sourceDateEpoch: parseEpoch(env['SOURCE_DATE_EPOCH']) }),
  };
  const read = await readBuildSettings(chosen?.name, chosen?.spec ?? {}, folder, overrides);
  const { settings, source, kernelPath, madeKey } = read;
  const from = given ?? (source === null ? undefined : placed(source, folder));
  if (from === undefined) {
    throw new UsageError('a source must be named', 'caisson build FOLDER -o app.eif, or image.source in caisson.yaml');
  }
  return { source: from, settings, configPath, madeKey, ...(kernelPath !== null && { kernelPath }) };
}

/** The file that was named, else the caisson.yaml in the source; without a source, the one in the working folder. */
function findConfig(source: string | undefined, config: string | undefined): string | null {
  if (config !== undefined) return config;
  const isFolder = source !== undefined && statSync(source, { throwIfNoEntry: false })?.isDirectory() === true;
  const place = source === undefined ? 'caisson.yaml' : isFolder ? join(source, 'caisson.yaml') : undefined;
  return place !== undefined && existsSync(place) ? place : null;
}

/** A path in the file is relative to the file. A source of another kind (`docker://...`) is no path. */
function placed(source: string, folder: string): string {
  const path = resolve(folder, source);
  return existsSync(path) ? path : source;
}

function parseTag(tag: string | undefined): [name?: string, version?: string] {
  if (tag === undefined) return [];
  const match = /^([^:]+)(?::([^:]+))?$/.exec(tag);
  if (match === null) throw new UsageError(`--tag must be NAME or NAME:VERSION, got ${tag}`);
  return [match[1]!, ...(match[2] === undefined ? [] : [match[2]])] as [string, string?];
}

function parseEpoch(text: string): number {
  if (/^\d{1,12}$/.test(text)) return Number(text);
  throw new UsageError(`SOURCE_DATE_EPOCH must be unix seconds, got ${JSON.stringify(text)}`);
}
