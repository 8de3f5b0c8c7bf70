// What an rbuilds image is, as the settings of a build: those of caisson.yaml where there is one, under the fixed name, with the ways that
// the network options let through.
import { existsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { PolicyError } from '@caisson/core/errors';
import type { BuildSettings } from '../build/index.ts';
import { chooseEnclave, type EnclaveSpec, readBuildSettings, readCompose } from '../compose/index.ts';
import { DEVELOPMENT_OPERATOR } from '../operator/index.ts';
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

/**
 * Given: the old command lines (`pipeline run --cid 127 ...`) work in an image of rbuilds as they are written, and an enclave obeys nobody
 * without a key. So an image that nobody wrote a caisson.yaml for is a development one, with the key of this machine; a file that names no
 * operators gets it too where it says development. A production image has the operators that its file names.
 */
function withOperators(spec: EnclaveSpec, isWritten: boolean): EnclaveSpec {
  const { profile = isWritten ? 'production' : 'development' } = spec;
  if (profile === 'production' || spec.operators !== undefined) return spec;
  return { ...spec, profile, operators: { local: DEVELOPMENT_OPERATOR } };
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
  const { settings: read, madeKey } = await readBuildSettings(
    IMAGE_NAME,
    withOperators(spec, path !== null),
    path === null ? folder : dirname(path),
    {
      name: IMAGE_NAME,
      architecture,
      init: 'caisson',
      rootfs: false,
      env,
      kernel: kernel.kernel === 'file' ? kernel.path : kernel.kernel,
      sourceDateEpoch: parseEpoch(env['SOURCE_DATE_EPOCH']),
    },
  );
  if (madeKey !== null) say(`new operator key ${madeKey}`);
  for (const line of describeOperators(read)) say(line);
  const ways = chooseWays(settings, read, dockerfile === null ? [] : exposedPorts(dockerfile), say);
  return { ...read, ...ways };
}

function* describeOperators({ profile, operators }: BuildSettings): Iterable<string> {
  if (profile === 'development')
    yield 'a development image: it may be looked into, and ends itself on hardware unless it runs in debug mode; profile: production in caisson.yaml makes the other kind';
  if (operators.rootKey === null && operators.operators.length === 0)
    yield 'no operators: nobody can run a command in it (operators in caisson.yaml)';
  for (const { name } of operators.operators) yield `operator ${name} is measured in it`;
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
