// caisson.yaml as a value, or every fault of it with file, line and column. Reads nothing but the text: paths in it are for whoever uses them.
import { PolicyError } from '@caisson/core/errors';
import { type LocatedFault, parseLocatedYaml } from '../located-yaml/index.ts';
import { findSpecIssues } from './check-spec.ts';
import { findSharedIssues } from './check-together.ts';
import { isEngineFile, readEngineFile } from './engine-file.ts';
import type { ComposeErrorCode } from './error-code.ts';
import { findInexactNumbers } from './inexact-number.ts';
import { interpolate, type Variables } from './interpolate.ts';
import { isNitroCliConfig, readNitroCliConfig } from './nitro-cli-config.ts';
import { readOwnForm } from './own-form.ts';
import type { ComposeForm, FormReading } from './placed-spec.ts';
import { isProvisionFile, readProvisionFile } from './provision-file.ts';
import type { EnclaveSpec } from './schema.ts';

export interface Compose {
  /** By name, in the order of the file. */
  readonly enclaves: ReadonlyMap<string, EnclaveSpec>;
  /** What the file was: ours, or one of another tool that is taken as it stands. */
  readonly form: ComposeForm;
  /** What a reader should know and no fault is, one sentence each. */
  readonly notes: readonly string[];
  /** A fault at `keys` of an enclave, as the file was written. */
  faultAt(name: string, keys: readonly PropertyKey[], message: string): LocatedFault;
}

export interface ParseComposeOptions {
  /** What `${NAME}` stands for. Default: nothing, so that only defaults count. */
  readonly variables?: Variables;
}

/** One line for each fault: `caisson.yaml:4:3: profile must be ...`. */
export class ComposeFaultError extends PolicyError<ComposeErrorCode> {
  readonly faults: readonly LocatedFault[];

  constructor(file: string, faults: readonly LocatedFault[]) {
    super(
      'COMPOSE_FAULTS',
      faults.map(({ line, column, message }) => `${file}:${line}:${column}: ${message}`).join('\n'),
      { hint: 'docs/caisson-yaml.md has every key; docs/schema/caisson-yaml.json is for editors' },
    );
    this.faults = faults;
  }
}

// Chosen: a boot config may stand inline.
export const MAX_COMPOSE_CHARACTERS = 4_194_304;

/** `file` names the text in messages. Throws ComposeFaultError COMPOSE_FAULTS. */
export function parseCompose(text: string, file: string, { variables = {} }: ParseComposeOptions = {}): Compose {
  const read = parseLocatedYaml(text, {
    what: 'caisson.yaml',
    maxCharacters: MAX_COMPOSE_CHARACTERS,
    // First: what comes of a variable has no form of its own in the file.
    rewrite: (document) => [...findInexactNumbers(document), ...interpolate(document, variables)],
  });
  if (read.faults.length > 0) throw new ComposeFaultError(file, read.faults);
  const form = formOf(read.value);
  const { names, enclaves, issues, notes } = readers[form](read.value);
  const found = [
    ...issues,
    ...[...enclaves.values()].flatMap(({ spec, path }) =>
      findSpecIssues(spec).map((one) => ({ message: one.message, path: [...path, ...one.path] })),
    ),
    ...findSharedIssues(names, enclaves),
  ];
  if (found.length > 0)
    throw new ComposeFaultError(file, sortFaults(found.map((one) => read.faultAt(one.path, one.message))));
  return {
    enclaves: new Map([...enclaves].map(([name, { spec }]) => [name, spec])),
    form,
    notes,
    faultAt: (name, keys, message) => read.faultAt([...(enclaves.get(name)?.path ?? []), ...keys], message),
  };
}

export function sortFaults(faults: readonly LocatedFault[]): LocatedFault[] {
  return faults.toSorted((left, right) => left.line - right.line || left.column - right.column);
}

const readers: Readonly<Record<ComposeForm, (value: unknown) => FormReading>> = {
  caisson: readOwnForm,
  engine: (value) => (isProvisionFile(value) ? readProvisionFile(value) : readEngineFile(value)),
  'nitro-cli': readNitroCliConfig,
};

function formOf(value: unknown): ComposeForm {
  if (isEngineFile(value) || isProvisionFile(value)) return 'engine';
  return isNitroCliConfig(value) ? 'nitro-cli' : 'caisson';
}
