// The files of /etc/caisson: what the enclave holds its parent, its operators and its services to. Checked and compiled here, so that a
// fault is a failed build and never a dead enclave; written in one form only, because they are measured.
import { compileSchema } from '@caisson/core/config';
import {
  DEFAULT_INIT,
  type ImageComponent,
  type MeasuredImage,
  parseMeasuredImage,
  parseMeasuredOperators,
  writeMeasuredImage,
  writeMeasuredInit,
  writeMeasuredOperators,
} from '@caisson/core/measured';
import { type CompiledServices, compileInit, compileServices } from '../service/index.ts';
import type { RootTree, TreeEntry } from '../tree/index.ts';
import type { ImageCommand } from './command.ts';
import { APPLICATION_FOLDER } from './command.ts';
import type { BuildPlan, BuildProgress } from './plan.ts';
import { readTreeText } from './read-tree-text.ts';
import { createBytesContent } from './root-tree.ts';
import type { BuildSettings } from './settings.ts';
import { verifyNetwork } from './verify-network.ts';

// Chosen; compileInit has a bound of its own.
const maxInitBytes = 262_144;
// Given: the folders of service files and of init.yaml in a source.
const serviceFolders = ['etc/init.d', 'service'];
const initFiles = ['etc/init.yaml', 'init.yaml'];

/** By name, in the order of their names. Throws what the compilers of services, init.yaml and schema throw. */
export async function compileMeasured(
  plan: BuildPlan,
  root: RootTree,
  command: ImageCommand,
  components: readonly ImageComponent[],
  progress: BuildProgress,
): Promise<Map<string, Uint8Array>> {
  const { settings } = plan;
  const init = await findInit(plan);
  const compiled = init === null ? null : compileInit(init.text, init.file);
  const services = await compileServices(overlay(plan, root), {
    application:
      command.argv.length === 0
        ? null
        : {
            argv: command.argv,
            env: Object.entries(command.environment).map(([name, value]) => `${name}=${value}`),
            workingDirectory: command.workingDirectory,
            user: command.user,
          },
    network: components.includes('network'),
    ready: settings.ready,
    serviceFolder: compiled?.serviceFolder ?? null,
  });
  for (const { file, line, column, message } of [...(compiled?.warnings ?? []), ...services.warnings]) {
    progress.warning(`${file}:${line}:${column}: ${message}`);
  }
  const terms = imageOf(settings, components, healthPortOf(settings, services, progress));
  verifyNetwork(terms);
  const image = writeMeasuredImage(terms);
  const operators = writeMeasuredOperators(settings.operators);
  // Read back by the enclave's own reader, so that what it would refuse at boot fails the build.
  parseMeasuredImage(image);
  parseMeasuredOperators(operators);
  return new Map<string, Uint8Array>([
    ['image.json', image],
    ['init.json', writeMeasuredInit(compiled?.measured ?? DEFAULT_INIT)],
    ['operators.json', operators],
    ['profile', Buffer.from(`${settings.profile}\n`)],
    ['services.json', services.bytes],
  ]);
}

function imageOf(
  settings: BuildSettings,
  components: readonly ImageComponent[],
  healthPort: number | null,
): MeasuredImage {
  const { name, version, profile, ingress, egress, config, lastWords, lastWordsKey } = settings;
  const schema = config.schema === null ? null : compileSchema(config.schema);
  return {
    v: 1,
    name,
    version,
    profile,
    components,
    ingress,
    egress,
    config: { ...config, schema },
    lastWords,
    lastWordsKey,
    healthPort,
  };
}

/** A service that answers `action` on the port of the health server has it: ours moves to the next one that nobody wants. */
function healthPortOf(
  { healthPort, ingress }: BuildSettings,
  { actionPorts }: CompiledServices,
  progress: BuildProgress,
): number | null {
  if (healthPort === null || !actionPorts.includes(healthPort)) return healthPort;
  const taken = new Set([...actionPorts, ...ingress.map(({ vsockPort }) => vsockPort)]);
  let port = healthPort;
  while (taken.has(port)) port += 1;
  progress.warning(`the health port is ${port}: a service answers on ${healthPort} itself`);
  return port;
}

/** The root as service files are looked for in it: those of a folder at its top, and those of caisson.yaml, beside it. */
function overlay({ settings, source }: BuildPlan, root: RootTree): RootTree {
  const tree = new Map<string, TreeEntry>(root);
  for (const folder of source.kind === 'folder' ? serviceFolders : []) {
    for (const [path, entry] of source.tree) if (path.startsWith(`${folder}/`)) tree.set(path, entry);
  }
  for (const [name, text] of Object.entries(settings.services)) {
    const content = createBytesContent(Buffer.from(text));
    tree.set(`service/${name}`, { kind: 'file', mode: 0o644, uid: 0, gid: 0, origin: 'caisson.yaml', content });
  }
  return tree;
}

async function findInit({ settings, source }: BuildPlan): Promise<{ text: string; file: string } | null> {
  if (settings.initYaml !== null) return { text: settings.initYaml, file: 'init.yaml' };
  const prefix = source.kind === 'folder' ? `${APPLICATION_FOLDER}/` : '';
  for (const path of source.kind === 'folder' ? initFiles : initFiles.slice(0, 1)) {
    if (source.tree.has(path)) {
      return { text: await readTreeText(source.tree, path, maxInitBytes), file: `${prefix}${path}` };
    }
  }
  return null;
}
