// make_eif and make_clear: the image under the names that users of rbuilds know, and its removal.
import { rmSync } from 'node:fs';
import { join, relative } from 'node:path';
import { buildImage, manifestPathOf, openPlan, sbomPathOf } from '../build/index.ts';
import { replaceFile, sweepTemporaries } from '../file/index.ts';
import { describeAsNitroCli, inspectImage, NITRO_HASH_ALGORITHM, openImageFile } from '../image/index.ts';
import { readArchitecture } from '../runtime/index.ts';
import { addApps } from './apps-tree.ts';
import { type ChosenKernel, findKernel } from './choose-kernel.ts';
import { findConfig, IMAGE_NAME, readImageSettings, withInitYaml } from './image-settings.ts';
import { makeKernel } from './make-parts.ts';
import { refuseForward } from './network.ts';
import { findDockerfile, openDockerfile, withoutBareShell } from './open-dockerfile.ts';
import { BUILD_LOG, EIF_FOLDER, RUN_LOG } from './run-stage.ts';
import type { RbuildsSettings } from './settings.ts';
import type { RbuildsWorld, Stage } from './world.ts';

export function imagePathOf(folder: string): string {
  return join(folder, EIF_FOLDER, `${IMAGE_NAME}.eif`);
}

/** Throws what its parts throw; the image that was there stays then. */
export const makeEif: Stage = async (settings, world) => {
  const { folder, env, stop, say, builderVersion } = world;
  const architecture = readArchitecture();
  refuseForward(settings);
  const dockerfile = findDockerfile(settings.dockerfile, folder);
  if (settings.init !== 'c') say(`--init-${settings.init}: the image gets our PID 1, which is C`);
  const kernel = await requireKernel(settings, world);
  const image = await readImageSettings(settings, kernel, architecture, dockerfile?.text ?? null, world);
  const config = findConfig(settings, folder);
  const leaveOut = [EIF_FOLDER, ...(config === null ? [] : [relative(folder, config)])];
  const opened = withoutBareShell(await openDockerfile(dockerfile, architecture, leaveOut, world), say);
  const progress = {
    step: say,
    bytes: () => {},
    warning: (text: string, hint?: string) => say(`warning: ${text}${hint === undefined ? '' : ` (${hint})`}`),
  };
  const plan = await openPlan({
    source: folder,
    openedSource: opened,
    builderVersion,
    progress,
    env,
    settings: withInitYaml(image, opened.tree),
    ...(kernel.kernel === 'file' && { kernelPath: kernel.path }),
    ...(settings.runtime !== null && { runtimePath: settings.runtime }),
  });
  try {
    const tree = addApps(plan.source.tree, plan.settings.initYaml);
    const output = imagePathOf(folder);
    const built = await buildImage({ ...plan, source: { ...plan.source, tree } }, output, { progress, signal: stop });
    const { measurements, size } = built.manifest;
    await writeJson(`${output}.pcr`, { HashAlgorithm: NITRO_HASH_ALGORITHM, ...measurements });
    await writeJson(`${output}.desc`, await describe(output));
    say(`${output}  ${size} bytes`);
    for (const [name, value] of Object.entries(measurements)) say(`${name} ${value}`);
  } finally {
    await plan.close();
  }
};

/** Removes what `make_eif` makes, by name, and nothing else of the folder. */
export const makeClear: Stage = async (_settings, { folder, say }) => {
  const output = imagePathOf(folder);
  const made = [output, manifestPathOf(output), sbomPathOf(output), `${output}.pcr`, `${output}.desc`];
  const logs = [BUILD_LOG, RUN_LOG].map((name) => join(folder, EIF_FOLDER, name));
  for (const path of [...made, ...logs]) rmSync(path, { force: true });
  await sweepTemporaries(join(folder, EIF_FOLDER));
  say('kernels and the runtime stay in the cache of this user: other builds use them');
};

/** A first image needs a kernel: minutes, once. Throws as `makeKernel` does. */
async function requireKernel(settings: RbuildsSettings, world: RbuildsWorld): Promise<ChosenKernel> {
  const architecture = readArchitecture();
  const find = () => findKernel(settings, architecture, world.env);
  const found = find();
  if (found !== undefined) return found;
  world.say('no such kernel yet: make_kernel comes first (minutes, once)');
  await makeKernel(settings, world);
  return find()!;
}

async function describe(path: string): Promise<object> {
  const file = await openImageFile(path);
  try {
    // No certificate of ours is in it: the moment decides nothing.
    return describeAsNitroCli(await inspectImage(file, 0));
  } finally {
    await file.close();
  }
}

async function writeJson(path: string, value: object): Promise<void> {
  await replaceFile(path, (file) => file.writeFile(`${JSON.stringify(value, undefined, 2)}\n`));
}
