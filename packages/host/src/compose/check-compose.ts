// Everything about caisson.yaml that can be known before anything is built: its own faults, and the files that it names. Each part is read by
// the function that will read it later, one by one, so that the first fault hides no second.
import { lstatSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { MAX_CONFIG_BYTES } from '@caisson/core/config';
import { CaissonError } from '@caisson/core/errors';
import { checkPolicy } from '@caisson/verify/policy';
import { readImageMeasurements } from '../image/index.ts';
import type { LocatedFault } from '../located-yaml/index.ts';
import { readPolicyFile } from '../policy/index.ts';
import { readBuildSettings } from './build-settings.ts';
import { findConfigIssues } from './check-config.ts';
import { findServiceIssues } from './check-service.ts';
import { type ConfiguredSpec, findWayIssues } from './check-ways.ts';
import type { ComposeErrorCode } from './error-code.ts';
import { placeOf } from './issue-text.ts';
import { type Compose, ComposeFaultError, parseCompose, sortFaults } from './parse-compose.ts';
import { type ReadComposeOptions, readComposeText } from './read-compose.ts';
import { type NamedConfig, readNamedConfig } from './read-config.ts';
import type { EnclaveSpec } from './schema.ts';

export interface CheckedCompose {
  /** Undefined where the file itself has faults. */
  readonly compose?: Compose;
  readonly text: string;
  readonly faults: readonly LocatedFault[];
  /** Boot configs that could be read and hold by themselves, by enclave. */
  readonly configs: ReadonlyMap<string, NamedConfig>;
}

export interface CheckComposeOptions extends ReadComposeOptions {
  /** Of the process, whose ARGONAUT_HTTP_BIND_ADDR counts for the ways in of configs. Default: empty. */
  readonly env?: Readonly<Record<string, string | undefined>>;
}

type Part = readonly [path: readonly PropertyKey[], read: () => Promise<unknown>];

/** Throws CaissonError COMPOSE_INPUT where there is no file to read. */
export async function checkCompose(path: string, options: CheckComposeOptions = {}): Promise<CheckedCompose> {
  const text = await readComposeText(path, options);
  try {
    const compose = parseCompose(text, path, options);
    const faults: LocatedFault[] = [];
    const folder = dirname(path);
    const configured = new Map<string, ConfiguredSpec>();
    for (const [name, spec] of compose.enclaves) {
      for (const [keys, read] of partsOf(spec, folder)) {
        const message = await messageOf(read);
        if (message !== undefined) faults.push(compose.faultAt(name, keys, placed(message, placeOf(keys))));
      }
      const named = await readNamedConfig(spec, folder);
      const refused = findConfigIssues(spec, named, Date.now());
      // What its enclave refuses opens nothing.
      configured.set(name, { spec, named: refused.length === 0 ? named : undefined });
      const issues = [...(await findServiceIssues(spec, folder)), ...refused];
      faults.push(...issues.map((one) => compose.faultAt(name, one.path, one.message)));
    }
    const configs = new Map(
      [...configured].flatMap(([name, { named }]) => (named === undefined ? [] : [[name, named] as const])),
    );
    if (configs.size > 0) {
      const { keptHttpAddress } = await import('../argonaut/http-address.ts');
      const issues = findWayIssues(configured, keptHttpAddress(options.env ?? {}));
      for (const { name, path: keys, message } of issues) faults.push(compose.faultAt(name, keys, message));
    }
    return { compose, text, faults: sortFaults(faults), configs };
  } catch (error) {
    if (error instanceof ComposeFaultError) return { text, faults: error.faults, configs: new Map() };
    throw error;
  }
}

/** A general reader of files does not know which key of caisson.yaml named the file, so the place is put before its message. */
function placed(message: string, place: string): string {
  return message.includes(place) ? message : `${place}: ${message}`;
}

async function messageOf(read: () => Promise<unknown>): Promise<string | undefined> {
  try {
    await read();
    return undefined;
  } catch (error) {
    if (error instanceof CaissonError) return error.message.replaceAll('\n', '; ');
    throw error;
  }
}

function partsOf(spec: EnclaveSpec, folder: string): Part[] {
  const settings = (part: EnclaveSpec) => (): Promise<unknown> =>
    readBuildSettings(undefined, part, folder, { architecture: 'x86_64', env: {} });
  const { operators = {}, policy = {}, services, config } = spec;
  const { attest, last_words_key: lastWordsKey } = policy;
  const terms = policy.config ?? {};
  const image = typeof spec.image === 'string' ? { source: spec.image } : (spec.image ?? {});
  return [
    [['image', 'source'], async () => requireSource(image.source, folder)],
    [['image', 'eif'], () => checkImage(image.eif, image.pcr0, folder)],
    [['cmd'], settings({ cmd: spec.cmd })],
    [['services'], settings({ services })],
    [['init_file'], settings({ init_file: spec.init_file })],
    [['ready', 'timeout'], settings({ ready: spec.ready })],
    [['operators', 'root_key'], settings({ operators: { root_key: operators.root_key } })],
    ...(operators.list ?? []).map((one, index): Part => {
      // In its place, so that its name in the message is its own.
      const before = Array.from({ length: index }, () => ({ ...one, key: 'A'.repeat(59).concat('=') }));
      return [['operators', 'list', index, 'key'], settings({ operators: { list: [...before, one] } })];
    }),
    ...(terms.keys ?? []).map((key, index): Part => {
      const keys = [...Array.from({ length: index }, () => 'A'.repeat(59).concat('=')), key];
      return [['policy', 'config', 'keys', index], settings({ policy: { config: { keys } } })];
    }),
    [['policy', 'config', 'schema'], settings({ policy: { config: { schema: terms.schema } } })],
    [['policy', 'last_words_key'], settings({ policy: { last_words_key: lastWordsKey } })],
    [
      ['policy', 'attest'],
      async () =>
        typeof attest === 'string' ? readPolicyFile(resolve(folder, attest)) : attest && checkPolicy(attest),
    ],
    [['logs', 'file'], async () => requireLogFile(spec.logs?.file, folder)],
    [
      ['config'],
      async () => typeof config === 'string' && requireFile(resolve(folder, config), 'config', MAX_CONFIG_BYTES),
    ],
  ];
}

/** Only a source that looks like a path is checked: another may be a name that only a registry knows. */
async function requireSource(source: string | undefined, folder: string): Promise<void> {
  if (source === undefined || !/^\.{0,2}(\/|$)/.test(source)) return;
  if (statSync(resolve(folder, source), { throwIfNoEntry: false }) === undefined) {
    throw fault(`image.source ${source} must be a folder or a file, got nothing there`);
  }
}

async function checkImage(eif: string | undefined, pcr0: string | undefined, folder: string): Promise<void> {
  if (eif === undefined) return;
  const measured = Buffer.from((await readImageMeasurements(resolve(folder, eif))).pcr0).toString('hex');
  if (pcr0 !== undefined && measured !== pcr0.toLowerCase()) {
    throw fault(`image.eif ${eif} must measure PCR0 ${pcr0}, got ${measured}`);
  }
}

/** Checked now, because the file is opened only when the enclave already runs and nobody is looking. */
function requireLogFile(file: string | undefined, folder: string): void {
  if (file === undefined) return;
  const path = resolve(folder, file);
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (stat !== undefined && !stat.isFile()) {
    throw fault(
      `logs.file ${file} must be a file or nothing yet, got a ${stat.isDirectory() ? 'folder' : 'link or a device'}`,
    );
  }
  if (statSync(dirname(path), { throwIfNoEntry: false })?.isDirectory() === true) return;
  throw fault(`logs.file ${file} must lie in a folder that is there, got ${dirname(path)}`);
}

function requireFile(path: string, what: string, maxBytes: number): void {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat?.isFile() === true && stat.size <= maxBytes) return;
  const got = stat === undefined ? 'nothing there' : stat.isFile() ? `${stat.size} bytes` : 'another kind of file';
  throw fault(`${what} ${path} must be a file of at most ${maxBytes} bytes, got ${got}`);
}

function fault(message: string): CaissonError<ComposeErrorCode> {
  return new CaissonError('COMPOSE_INPUT', message);
}
