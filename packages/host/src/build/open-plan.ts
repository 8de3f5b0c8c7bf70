// Opens everything that a build reads: source, kernel, Caisson's own parts, and node where something needs it. From here on no path of
// the machine counts any more, only what was found there.
import { statSync } from 'node:fs';
import { relative, resolve } from 'node:path';
import { PolicyError } from '@caisson/core/errors';
import { isOciSource, openOciSource } from '../oci/index.ts';
import { ensureRuntime, openRuntime, openToolchain } from '../runtime/index.ts';
import { type FolderOptions, type OpenedSource, openFolder } from '../tree/index.ts';
import { resolveCommand } from './command.ts';
import type { BuildErrorCode } from './error-code.ts';
import { openKernel } from './kernel.ts';
import { requireNoOwnKeys } from './own-key.ts';
import type { BuildPlan, BuildProgress } from './plan.ts';
import type { BuildSettings } from './settings.ts';
import { readSourceCommit } from './source-commit.ts';

export interface PlanRequest {
  /** A folder, an OCI layout, an archive of `docker save`, a registry reference. */
  readonly source: string;
  /** Already opened: `source` is then a name only. The plan closes it. */
  readonly openedSource?: OpenedSource;
  readonly settings: BuildSettings;
  readonly builderVersion: string;
  /** Files that may lie in a folder and never belong to it: what is about to be written, the caisson.yaml that is read. */
  readonly leaveOut?: readonly string[];
  /** With `kernel: file`. */
  readonly kernelPath?: string;
  /** A runtime archive; default: the ledger's, from the cache or packed into it. */
  readonly runtimePath?: string;
  readonly progress?: BuildProgress;
  /** For credentials of a registry, and where this user's own keys lie. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly readNames?: FolderOptions['readNames'];
  /** Takes the tree's own parts even where the ledger's are at hand. */
  readonly preferLocal?: boolean;
}

export interface OpenedPlan extends BuildPlan {
  close(): Promise<void>;
}

/** The caller closes it. Throws PolicyError BUILD_SOURCE and what the openers of sources, kernels and the runtime throw. */
export async function openPlan(request: PlanRequest): Promise<OpenedPlan> {
  const { progress, builderVersion } = request;
  const settings = withExcludes(request);
  const { architecture, profile } = settings;
  const source = await openSource(request, settings);
  try {
    const found = source.config?.architecture ?? null;
    if (found !== null && found !== architecture) {
      throw new PolicyError<BuildErrorCode>('BUILD_SOURCE', `source must be for ${architecture}, got ${found}`, {
        hint: `build with --arch ${found}, or name a source for this machine`,
      });
    }
    const kernel = await openKernel(kernelOf(request), architecture);
    for (const text of source.warnings ?? []) progress?.warning(text);
    const { preferLocal } = request;
    const toolchain = await openToolchain({ architecture, profile, ...(preferLocal !== undefined && { preferLocal }) });
    const { needsNode } = await resolveCommand(settings, source);
    const commit = isFolder(request.source) ? await readSourceCommit(request.source) : null;
    const runtime =
      settings.init === 'caisson' || needsNode
        ? await openRuntime(
            request.runtimePath ??
              (await ensureRuntime(architecture, { progress: (text: string) => progress?.step(text) })),
            { profile },
          )
        : null;
    return {
      settings,
      source,
      kernel,
      toolchain,
      runtime,
      commit,
      builderVersion,
      async close() {
        await source.close();
        await runtime?.close();
      },
    };
  } catch (error) {
    await source.close();
    throw error;
  }
}

async function openSource(
  { source, openedSource, readNames, progress, env = {} }: PlanRequest,
  settings: BuildSettings,
): Promise<OpenedSource> {
  if (openedSource !== undefined) return openedSource;
  if (isOciSource(source)) {
    const { architecture } = settings;
    const onProgress = (text: string): void => progress?.step(text);
    return await openOciSource(source, { architecture, env, onProgress });
  }
  if (!isFolder(source)) {
    throw new PolicyError<BuildErrorCode>(
      'BUILD_SOURCE',
      `source ${source} must be a folder or a file, got nothing there`,
      { hint: adviseOn(source) },
    );
  }
  requireNoOwnKeys(source, settings.exclude, env);
  const as = settings.rootfs ? 'rootfs' : 'folder';
  return openFolder(source, { as, exclude: settings.exclude, ...(readNames !== undefined && { readNames }) });
}

/** What looks like a path is one: nobody's registry is at nope.eif. */
function adviseOn(source: string): string {
  return /^[./~]|\.(eif|tar|ya?ml)$/.test(source)
    ? 'look whether the path is right: it is from the working folder, in a caisson.yaml from its own'
    : `for an image of a registry write docker://${source}`;
}

function kernelOf({ settings, kernelPath }: PlanRequest): string {
  if (settings.kernel !== 'file') return settings.kernel;
  if (kernelPath !== undefined) return kernelPath;
  throw new PolicyError<BuildErrorCode>('BUILD_KERNEL', 'the kernel is a file, and no file was given', {
    hint: 'name it with --kernel FILE',
  });
}

/** The settings with every path of the source that is left out, so that whoever builds again leaves out the same. */
function withExcludes({ source, settings, leaveOut = [] }: PlanRequest): BuildSettings {
  if (isOciSource(source)) return settings;
  const inside = leaveOut
    .map((path) => relative(resolve(source), resolve(path)))
    .filter((path) => path !== '' && path !== '..' && !path.startsWith('../'));
  const exclude = [...new Set([...(settings.rootfs ? [] : ['.git']), ...inside, ...settings.exclude])].sort();
  return { ...settings, exclude };
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}
