// From `image` of caisson.yaml to an image file and what is known of it: built from its source where that changed, else found again, or a file that
// is there already and measures what it must.
import { existsSync, statSync } from 'node:fs';
import { mkdir, readFile, stat } from 'node:fs/promises';
import { dirname, join, relative, resolve } from 'node:path';
import { CaissonError, VerificationError } from '@caisson/core/errors';
import type { BackendKind } from '../backend/index.ts';
import { type BuildSettings, buildImage, openPlan, SILENT_PROGRESS } from '../build/index.ts';
import { type EnclaveSpec, readBuildSettings } from '../compose/index.ts';
import { replaceFile } from '../file/index.ts';
import { resolveKernel } from '../kernel/index.ts';
import { isOciSource } from '../oci/index.ts';
import { openStateFolder } from '../record/index.ts';
import { digestFile, openToolchain, parseArchitecture, readArchitecture, readArchiveLedger } from '../runtime/index.ts';
import { openFolder } from '../tree/index.ts';
import { findBuilt, openBuilt } from './built-image.ts';
import type { EngineErrorCode } from './error-code.ts';
import { lockBuild, lockFolder } from './image-claim.ts';
import { type ImageFacts, readImageFacts } from './image-facts.ts';
import { digestFacts, digestTree } from './source-digest.ts';

export interface MakeImageOptions {
  readonly state: string;
  readonly name: string;
  readonly spec: EnclaveSpec;
  /** What paths of the spec are from. */
  readonly folder: string;
  /** Does not belong to the source that it lies in. */
  readonly composeFile: string | null;
  readonly backend: BackendKind;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly version: string;
  readonly say: (level: 'info' | 'warn', text: string, hint?: string) => void;
  /** Where nothing was found that is built already; what it throws spares the build. */
  readonly beforeBuild: () => Promise<void>;
  /** Given what is to be called once a record names the image, or nobody wants it any more: until then no prune takes it. */
  readonly hold: (release: () => Promise<void>) => void;
  readonly signal?: AbortSignal | undefined;
}

export interface MadeImage {
  readonly facts: ImageFacts;
  /** `built`, `unchanged`, `as it is`. */
  readonly how: 'built' | 'unchanged' | 'given';
}

const standIn = 'no kernel: this image boots in a simulation only\n';

/** Throws VerificationError ENGINE_PCR, and what reading, building and measuring throw. */
export async function makeImage(options: MakeImageOptions): Promise<MadeImage> {
  const { spec, folder, name } = options;
  const image = typeof spec.image === 'string' ? { source: spec.image } : (spec.image ?? {});
  if (image.eif === undefined) return await buildFrom(image.source ?? '.', options);
  const path = resolve(folder, image.eif);
  const facts = await readImageFacts(path);
  const { PCR0 } = facts.measurements;
  if (image.pcr0 !== undefined && image.pcr0.toLowerCase() !== PCR0) {
    throw new VerificationError<EngineErrorCode>(
      'ENGINE_PCR',
      `image ${path} of enclave ${name} must measure PCR0 ${image.pcr0.toLowerCase()}, got ${PCR0}`,
      { hint: 'it is another image: build it again, or correct image.pcr0 once you know which one it is' },
    );
  }
  if (spec.profile !== undefined && spec.profile !== facts.profile) {
    throw new CaissonError<EngineErrorCode>(
      'ENGINE_IMAGE',
      `image ${path} of enclave ${name} must have profile ${spec.profile}, got ${facts.profile}`,
      { hint: 'the profile is measured into the image: drop the key, or name another image' },
    );
  }
  return { facts, how: 'given' };
}

async function buildFrom(given: string, options: MakeImageOptions): Promise<MadeImage> {
  const { state, name, spec, folder, composeFile, env, version, say, signal, hold, beforeBuild } = options;
  const image = typeof spec.image === 'object' ? spec.image : {};
  const architecture = image.arch === undefined ? readArchitecture() : parseArchitecture(image.arch);
  const read = await readBuildSettings(name, spec, folder, { architecture, env });
  const place = resolve(folder, given);
  const source = existsSync(place) ? place : given;
  const kernel = await kernelFor(read.settings, read.kernelPath, options);
  const settings: BuildSettings = kernel.isFile ? { ...read.settings, kernel: 'file' } : read.settings;
  if (read.madeKey !== null) say('info', `operator key made: ${read.madeKey}`);
  const isFolder = statSync(source, { throwIfNoEntry: false })?.isDirectory() === true && !isOciSource(source);
  const key = isFolder ? await keyOf(source, settings, kernel.files, options) : undefined;
  const { path, release } = await openBuilt(state, name, key ?? digestFacts([source, settings]));
  hold(release);
  const found = key === undefined ? undefined : await findBuilt(path);
  if (found !== undefined) return { facts: found, how: 'unchanged' };
  await beforeBuild();
  const beganMs = Date.now();
  const build = async (waited: boolean): Promise<MadeImage> => {
    // Built by another while this one waited for it. Of a source without a key nothing else shows that it is not an older one.
    const isFresh = waited && (key !== undefined || (await isBuiltSince(path, beganMs)));
    const before = isFresh ? await findBuilt(path) : undefined;
    if (before !== undefined) return { facts: before, how: 'unchanged' };
    const plan = await openPlan({
      source,
      settings,
      builderVersion: version,
      env,
      ...(kernel.isFile && { kernelPath: kernel.files[0]! }),
      leaveOut: [path, ...(composeFile === null ? [] : [composeFile])],
      progress: {
        ...SILENT_PROGRESS,
        step: (text) => say('info', text),
        warning: (text, hint) => say('warn', text, hint),
      },
    });
    try {
      const progress = { ...SILENT_PROGRESS, warning: (text: string, hint?: string) => say('warn', text, hint) };
      await buildImage(plan, path, { progress, ...(signal !== undefined && { signal }) });
    } finally {
      await plan.close();
    }
    const facts = await findBuilt(path);
    if (facts !== undefined) return { facts, how: 'built' };
    throw new CaissonError<EngineErrorCode>('ENGINE_IMAGE', `image ${path} must be there after its build, got none`, {
      hint: 'somebody else removes files in that folder: name another in CAISSON_STATE',
    });
  };
  return await lockBuild(path, build, signal);
}

async function isBuiltSince(path: string, beganMs: number): Promise<boolean> {
  const found = await stat(path).catch(() => undefined);
  return found !== undefined && found.mtimeMs >= beganMs;
}

/** Of everything that decides the bytes of an image from a folder. The runtime archive is the one that the ledger names. */
async function keyOf(
  source: string,
  settings: BuildSettings,
  kernelFiles: readonly string[],
  { composeFile, version }: MakeImageOptions,
): Promise<string> {
  const { architecture, profile, rootfs } = settings;
  const { init, launcher, addon, enclave } = await openToolchain({ architecture, profile });
  const own = composeFile === null ? [] : [relative(source, composeFile)].filter((path) => !path.startsWith('../'));
  const exclude = [...new Set([...(rootfs ? [] : ['.git']), ...own, ...settings.exclude])].sort();
  const opened = openFolder(source, { as: rootfs ? 'rootfs' : 'folder', exclude });
  try {
    const parts = [init, launcher, addon, enclave].map(({ sha384 }) => sha384);
    const kernel = await Promise.all(kernelFiles.map(async (path) => (await digestFile(path)).sha384));
    const runtime = readArchiveLedger(architecture).sha384;
    return digestFacts([version, settings, parts, kernel, runtime, await digestTree(opened.tree)]);
  } finally {
    await opened.close();
  }
}

/**
 * A simulation looks at no kernel, so that a laptop without one needs none: where the file names no other, a stand-in takes its place. Such an image
 * has other measurements than one with a kernel, and is said to.
 */
async function kernelFor(
  settings: BuildSettings,
  kernelPath: string | null,
  { state, backend, spec, env, say }: MakeImageOptions,
): Promise<{ readonly files: readonly string[]; readonly isFile: boolean }> {
  if (kernelPath !== null) return { files: [kernelPath], isFile: true };
  const image = typeof spec.image === 'object' ? spec.image : {};
  try {
    const { path, nsmPath } = resolveKernel(settings.kernel, { architecture: settings.architecture, env });
    return { files: [path, ...(nsmPath === null ? [] : [nsmPath])], isFile: false };
  } catch (error) {
    if (backend !== 'sim' || image.kernel !== undefined) throw error;
    const path = join(state, 'built', 'no-kernel');
    await openStateFolder(state);
    await writeStandIn(path);
    say(
      'warn',
      'no kernel here: the image has a stand-in for one, and boots in a simulation only',
      'caisson kernel build makes one; PCR0 and PCR1 will differ',
    );
    return { files: [path], isFile: true };
  }
}

/** Once, and whole: another enclave's build may be reading it, and what changes meanwhile is no input. */
async function writeStandIn(path: string): Promise<void> {
  const isThere = async (): Promise<boolean> => (await readFile(path, 'utf8').catch(() => undefined)) === standIn;
  if (await isThere()) return;
  const folder = dirname(path);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await lockFolder(folder, async () => {
    if (!(await isThere())) await replaceFile(path, (file) => file.writeFile(standIn), { mode: 0o600 });
  });
}
