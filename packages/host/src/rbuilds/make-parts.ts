// make_kernel, make_apps, make_init: what an image is made of, at hand before it is put together. What is there already is not made
// again, and each says which bytes it found.
import { join } from 'node:path';
import { ENCLAVE_NAMES } from '../build/root-tree.ts';
import { buildKernel, kernelCacheFolder } from '../kernel/index.ts';
import { digestFile, ensureRuntime, openToolchain, readArchitecture } from '../runtime/index.ts';
import { findKernel, profileOf, readBuilt, requireBuildable } from './choose-kernel.ts';
import { refuseForward } from './network.ts';
import type { Stage } from './world.ts';

/** Throws CaissonError RBUILDS_KERNEL, and as `buildKernel` does. */
export const makeKernel: Stage = async (settings, { env, stop, say }) => {
  const architecture = readArchitecture();
  const profile = profileOf(settings);
  const isOurs = settings.kernel === null || settings.kernel === 'caisson';
  const found = isOurs ? readBuilt(profile, architecture, env) : findKernel(settings, architecture, env);
  if (found !== undefined) {
    const { size, sha384 } = await digestFile(found.path);
    say(`kernel ${found.version || settings.kernel} is there: ${found.path} (${size} bytes, SHA-384 ${sha384})`);
    return;
  }
  requireBuildable(settings.kernel);
  const folder = kernelCacheFolder(profile, env);
  const manifest = await buildKernel(folder, { profile, env, signal: stop, progress: say });
  const { size, sha384 } = manifest.files.bzImage;
  say(`kernel ${manifest.kernel}: ${join(folder, 'bzImage')} (${size} bytes, SHA-384 ${sha384})`);
};

export const makeApps: Stage = async (settings, { env, say }) => {
  const architecture = readArchitecture();
  refuseForward(settings);
  const { enclave, launcher, addon } = await openToolchain({ architecture, profile: 'production' });
  for (const { name, path, sha384, origin } of [enclave, launcher, addon])
    say(`${name} (${origin}): ${path}, SHA-384 ${sha384}`);
  const runtime = settings.runtime ?? (await ensureRuntime(architecture, { env, progress: say }));
  say(`runtime: ${runtime}`);
  say(`names in /apps: ${ENCLAVE_NAMES.join(', ')}`);
};

export const makeInit: Stage = async ({ init }, { say }) => {
  const { init: part } = await openToolchain({ architecture: readArchitecture(), profile: 'production' });
  if (init !== 'c') say(`--init-${init}: there is one PID 1, ours, and it is C; it does what that one was for`);
  say(`PID 1 (${part.origin}): ${part.path}, ${part.size} bytes, SHA-384 ${part.sha384}`);
};
