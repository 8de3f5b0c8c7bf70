// What an rbuilds image is, as the settings of a build: those of caisson.yaml where there is one, under the fixed name, with the ways that
// the network options let through.
import { existsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { PolicyError } from '@caisson/core/errors';
import type { MeasuredOperators } from '@caisson/core/measured';
import type { BuildSettings } from '../build/index.ts';
import { chooseEnclave, readBuildSettings, readCompose } from '../compose/index.ts';
import type { Architecture } from '../runtime/index.ts';
import type { RootTree } from '../tree/index.ts';
import { LOG_FOLDER } from './apps-tree.ts';
import type { ChosenKernel } from './choose-kernel.ts';
import type { RbuildsErrorCode } from './error-code.ts';
import { chooseWays, exposedPorts } from './network.ts';
import type { RbuildsSettings } from './settings.ts';
import type { RbuildsWorld } from './world.ts';

export const IMAGE_NAME = 'app-builder-secure-enclaves-framework';
/** Where a source brings its own. */
const initFile = 'etc/init.yaml';

/** Given: operators stand in caisson.yaml. The one place where an rbuilds image gets them, whatever else may name them later. */
export function operatorsOf(settings: BuildSettings): MeasuredOperators {
  return settings.operators;
}

/** `dockerfile`: its text, for EXPOSE. Throws errors of COMPOSE_* and RBUILDS_*. */
export async function readImageSettings(
  settings: RbuildsSettings,
  kernel: ChosenKernel,
  architecture: Architecture,
  dockerfile: string | null,
  { folder, env, say }: RbuildsWorld,
): Promise<BuildSettings> {
  const path = findConfig(settings, folder);
  const { name, spec } =
    path === null
      ? { name: IMAGE_NAME, spec: {} }
      : chooseEnclave(await readCompose(path, { variables: { ...env } as Record<string, string> }));
  if (path !== null) say(`settings of ${path} (${name})`);
  const { settings: read } = await readBuildSettings(IMAGE_NAME, spec, path === null ? folder : dirname(path), {
    ...{ name: IMAGE_NAME, architecture, init: 'caisson', rootfs: false },
    kernel: kernel.kernel === 'file' ? kernel.path : kernel.kernel,
    sourceDateEpoch: parseEpoch(env['SOURCE_DATE_EPOCH']),
  });
  const ways = chooseWays(settings, read, dockerfile === null ? [] : exposedPorts(dockerfile), say);
  return { ...read, ...ways, operators: operatorsOf(read) };
}

/** The caisson.yaml that counts, or null. */
export function findConfig({ config }: RbuildsSettings, folder: string): string | null {
  if (config !== null) return resolve(folder, config);
  const path = join(folder, 'caisson.yaml');
  return existsSync(path) ? path : null;
}

/** Logs in /apps/.logs, unless the source or caisson.yaml says it otherwise. */
export function withInitYaml(settings: BuildSettings, tree: RootTree): BuildSettings {
  if (settings.initYaml !== null || tree.has(initFile)) return settings;
  return { ...settings, initYaml: `log_dir: ${LOG_FOLDER}\n` };
}

function parseEpoch(text: string | undefined): number {
  if (text === undefined) return 0;
  if (/^\d{1,12}$/.test(text)) return Number(text);
  throw new PolicyError<RbuildsErrorCode>(
    'RBUILDS_OPTION',
    `SOURCE_DATE_EPOCH must be unix seconds, got ${JSON.stringify(text)}`,
  );
}
