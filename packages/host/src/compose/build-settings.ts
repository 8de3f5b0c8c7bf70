// What caisson.yaml and the command line say about an image, as the settings of a build. Every file they name is read here and now: the
// settings hold contents, so that the manifest can be followed where those files are not.
import { readdir } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { parseDuration } from '@caisson/core/config';
import { CaissonError } from '@caisson/core/errors';
import type {
  ImageComponent,
  ImageProfile,
  MeasuredEgress,
  MeasuredIngress,
  MeasuredOperators,
} from '@caisson/core/measured';
import { splitWords } from '@caisson/core/measured';
import { type BuildSettings, DEFAULT_SETTINGS } from '../build/index.ts';
import type { ComposeErrorCode } from './error-code.ts';
import { readIngressRule } from './ingress-rule.ts';
import { readLocalOperator } from './local-operator.ts';
import { hashKey, readPublicKey } from './public-key.ts';
import { readReady } from './read-ready.ts';
import { readText } from './read-text.ts';
import type { EnclaveSpec } from './schema.ts';

/** The command line; what it says goes before the file. */
export interface BuildFlags {
  readonly name?: string;
  readonly version?: string;
  readonly architecture: 'x86_64' | 'aarch64';
  readonly profile?: ImageProfile;
  readonly init?: 'caisson' | 'plain';
  readonly rootfs?: boolean;
  readonly kernel?: string;
  readonly cmdline?: string;
  readonly nitroCliCompat?: boolean;
  readonly command?: readonly string[];
  readonly sourceDateEpoch?: number;
  /** Where `operators.local` finds its key, or makes it. */
  readonly env: Readonly<Record<string, string | undefined>>;
}

export interface ReadBuild {
  readonly settings: BuildSettings;
  /** As the file names it, from its folder; null: the file names none. */
  readonly source: string | null;
  /** Only of a kernel that is a file. */
  readonly kernelPath: string | null;
  /** The file of an operator's key that was made for `operators.local`. */
  readonly madeKey: string | null;
}

// Chosen.
const maxServiceBytes = 65_536;
const maxInitBytes = 262_144;
const maxSchemaBytes = 1_048_576;

/** `folder` is that of the file. Throws CaissonError COMPOSE_INPUT. */
export async function readBuildSettings(
  name: string | undefined,
  spec: EnclaveSpec,
  folder: string,
  flags: BuildFlags,
): Promise<ReadBuild> {
  const image = typeof spec.image === 'string' ? { source: spec.image } : (spec.image ?? {});
  if (image.eif !== undefined) throw fault('image.eif is built already; there is nothing to build');
  const profile = flags.profile ?? spec.profile ?? DEFAULT_SETTINGS.profile;
  const kernel = flags.kernel ?? image.kernel ?? DEFAULT_SETTINGS.kernel;
  const isNamed = kernel === 'aws' || kernel === 'caisson';
  const policy = spec.policy ?? {};
  const { operators, madeKey } = await operatorsOf(spec, profile, folder, flags.env);
  const settings: BuildSettings = {
    name: flags.name ?? name ?? DEFAULT_SETTINGS.name,
    version: flags.version ?? (spec.version === undefined ? DEFAULT_SETTINGS.version : String(spec.version)),
    architecture: flags.architecture,
    profile,
    rootfs: flags.rootfs ?? image.rootfs ?? false,
    init: flags.init ?? image.init ?? 'caisson',
    command: flags.command ?? commandOf(spec.cmd),
    environment: mapValues(spec.env ?? {}, String),
    workingDirectory: spec.workdir ?? null,
    user: spec.user ?? null,
    nitroCliCompat: flags.nitroCliCompat ?? image.nitro_cli_compat ?? false,
    // What there is none of is refused by its name when it is built.
    components: (spec.components as ImageComponent[] | undefined) ?? null,
    kernel: isNamed ? kernel : 'file',
    cmdline: flags.cmdline ?? image.cmdline ?? null,
    exclude: (image.exclude ?? []).map((path) => path.replace(/^\.\/|\/+$/g, '')),
    ingress: (spec.ingress ?? []).map(ingressOf),
    egress: (spec.egress ?? []).map(egressOf),
    config: await configOf(spec, profile, folder),
    lastWords: policy.last_words ?? 'inside',
    lastWordsKey:
      policy.last_words_key === undefined
        ? null
        : await readPublicKey(policy.last_words_key, 'policy.last_words_key', folder),
    healthPort: policy.health_port === false ? null : (policy.health_port ?? DEFAULT_SETTINGS.healthPort),
    operators,
    services: await servicesOf(spec.services, folder),
    ready: readReady(spec.ready),
    customMetadata: null,
    initYaml:
      spec.init_file === undefined ? null : await readText(resolve(folder, spec.init_file), 'init_file', maxInitBytes),
    sourceDateEpoch: flags.sourceDateEpoch ?? 0,
  };
  return {
    settings,
    source: image.source ?? null,
    kernelPath: isNamed ? null : flags.kernel === undefined ? resolve(folder, kernel) : kernel,
    madeKey,
  };
}

function commandOf(cmd: string | readonly string[] | undefined): readonly string[] | null {
  if (cmd === undefined || typeof cmd !== 'string') return cmd ?? null;
  const words = splitWords(cmd);
  if ('message' in words) throw fault(`cmd ${JSON.stringify(cmd)}, character ${words.at}: ${words.message}`);
  return words;
}

function ingressOf(rule: NonNullable<EnclaveSpec['ingress']>[number]): MeasuredIngress {
  const { vsockPort, port } = readIngressRule(rule);
  return { vsockPort, targetPort: port };
}

function egressOf(rule: NonNullable<EnclaveSpec['egress']>[number]): MeasuredEgress {
  if (typeof rule === 'object') return { host: rule.host, port: rule.port };
  const at = rule.lastIndexOf(':');
  return { host: rule.slice(0, at), port: Number(rule.slice(at + 1)) };
}

async function configOf(spec: EnclaveSpec, profile: ImageProfile, folder: string): Promise<BuildSettings['config']> {
  const terms = spec.policy?.config ?? {};
  const standard = DEFAULT_SETTINGS.config;
  // A file that sends a config means an image that waits for one.
  const expect = terms.expect ?? (spec.config === undefined && spec.policy?.config === undefined ? 'none' : 'required');
  const keys = terms.keys ?? [];
  const accepts = expect !== 'none' && profile === 'development' && terms.require_signature !== true;
  return {
    expect,
    timeoutMs:
      terms.timeout === undefined
        ? standard.timeoutMs
        : Math.round(parseDuration(terms.timeout, 'policy.config.timeout')),
    unsigned: terms.unsigned ?? (accepts ? 'accept' : 'refuse'),
    requireSignature: terms.require_signature ?? false,
    minimumVersion: terms.minimum_version ?? standard.minimumVersion,
    label: terms.label ?? null,
    keys: await Promise.all(keys.map((key, index) => readPublicKey(key, `policy.config.keys[${index}]`, folder))),
    endpoints: terms.endpoints?.map(egressOf) ?? null,
    environment: terms.environment ?? [],
    schema: await schemaOf(terms.schema, folder),
  };
}

async function schemaOf(
  schema: string | Readonly<Record<string, unknown>> | undefined,
  folder: string,
): Promise<unknown> {
  if (typeof schema !== 'string') return schema ?? null;
  const text = await readText(resolve(folder, schema), 'policy.config.schema', maxSchemaBytes);
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw fault(`policy.config.schema ${schema} must be JSON: ${cause instanceof Error ? cause.message : cause}`);
  }
}

async function operatorsOf(
  { operators: given = {}, policy = {} }: EnclaveSpec,
  profile: ImageProfile,
  folder: string,
  env: BuildFlags['env'],
): Promise<{ operators: MeasuredOperators; madeKey: string | null }> {
  const { root_key: rootKey, threshold = 1, list = [] } = given;
  const fileRoots = Object.entries(policy.file_roots ?? {}).map(([name, path]) => ({ name, path }));
  const operators: MeasuredOperators = {
    v: 1,
    rootKey: rootKey === undefined ? null : await readPublicKey(rootKey, 'operators.root_key', folder),
    threshold,
    operators: await Promise.all(
      list.map(async ({ name, key, verbs, exec = [] }, index) => ({
        name,
        spkiSha256: hashKey(await readPublicKey(key, `operators.list[${index}].key`, folder)),
        verbs,
        execTemplates: exec,
      })),
    ),
    ...(fileRoots.length > 0 && { fileRoots }),
  };
  if (given.local === undefined) return { operators, madeKey: null };
  // Last: whatever else is wrong is found before a key is made.
  const { operator, made } = await readLocalOperator(given.local, profile, env);
  return { operators: { ...operators, operators: [...operators.operators, operator] }, madeKey: made };
}

/** File names to texts: the compiler of services looks at both. */
async function servicesOf(
  services: string | Readonly<Record<string, string>> | undefined,
  folder: string,
): Promise<Record<string, string>> {
  if (services === undefined) return {};
  if (typeof services !== 'string') {
    return Object.fromEntries(
      Object.entries(services).map(([name, text]) => [
        /\.service(\.disabled)?$/.test(name) ? name : `${name}.service`,
        text,
      ]),
    );
  }
  const place = resolve(folder, services);
  const names = await readdir(place).catch((cause: NodeJS.ErrnoException) => {
    throw fault(`cannot read services ${place}: ${cause.code}`);
  });
  const found = names.filter((name) => /\.service(\.disabled)?$/.test(name)).sort();
  if (found.length === 0) throw fault(`services ${place} must have a file NAME.service, got none`);
  return Object.fromEntries(
    await Promise.all(
      found.map(
        async (name) => [basename(name), await readText(join(place, name), 'service', maxServiceBytes)] as const,
      ),
    ),
  );
}

function mapValues<Value>(map: Readonly<Record<string, Value>>, as: (value: Value) => string): Record<string, string> {
  return Object.fromEntries(Object.entries(map).map(([key, value]) => [key, as(value)]));
}

function fault(message: string): CaissonError<ComposeErrorCode> {
  return new CaissonError('COMPOSE_INPUT', message);
}
