// Opens everything that a build reads: source, kernel, Caisson's own parts, and node where something needs it. From here on no path of
// the machine counts any more, only what was found there.
import { statSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { PolicyError } from '@caisson/core/errors';
import { ensureRuntime, openRuntime, openToolchain } from '../runtime/index.ts';
import { type FolderOptions, type OpenedSource, openFolder } from '../tree/index.ts';
import { resolveCommand } from './command.ts';
import type { BuildErrorCode } from './error-code.ts';
import { openKernel } from './kernel.ts';
import type { BuildPlan, BuildProgress } from './plan.ts';
import type { BuildSettings } from './settings.ts';
import { readSourceCommit } from './source-commit.ts';

export interface PlanRequest {
  /** A folder, an OCI layout, an archive of `docker save`, a registry reference. */
  readonly source: string;
  readonly settings: BuildSettings;
  readonly builderVersion: string;
  /** Files that may lie in a folder and never belong to it: what is about to be written, the caisson.yaml that is read. */
  readonly leaveOut?: readonly string[];
  /** A runtime archive; default: the ledger's, from the cache or packed into it. */
  readonly runtimePath?: string;
  readonly progress?: BuildProgress;
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
    const kernel = await openKernel(settings.kernel, architecture);
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
      ...{ settings, source, kernel, toolchain, runtime, commit, builderVersion },
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

async function openSource({ source, readNames }: PlanRequest, settings: BuildSettings): Promise<OpenedSource> {
  if (isFolder(source) && !isLayout(source)) {
    const as = settings.rootfs ? 'rootfs' : 'folder';
    return openFolder(source, { as, exclude: settings.exclude, ...(readNames !== undefined && { readNames }) });
  }
  throw new PolicyError<BuildErrorCode>('BUILD_SOURCE', `source must be a folder, got ${source}`);
}

/** The settings with every path of the source that is left out, so that whoever builds again leaves out the same. */
function withExcludes({ source, settings, leaveOut = [] }: PlanRequest): BuildSettings {
  if (!isFolder(source) || isLayout(source)) return settings;
  const inside = leaveOut
    .map((path) => relative(resolve(source), resolve(path)))
    .filter((path) => path !== '' && path !== '..' && !path.startsWith('../'));
  const exclude = [...new Set([...(settings.rootfs ? [] : ['.git']), ...inside, ...settings.exclude])].sort();
  return { ...settings, exclude };
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

function isLayout(path: string): boolean {
  return statSync(join(path, 'oci-layout'), { throwIfNoEntry: false })?.isFile() ?? false;
}
