// caisson.yaml as a value, or every fault of it with file, line and column. Reads nothing but the text: paths in it are for whoever uses them.
import { PolicyError } from '@caisson/core/errors';
import { type LocatedFault, parseLocatedYaml } from '../located-yaml/index.ts';
import type { ComposeErrorCode } from './error-code.ts';
import { interpolate, type Variables } from './interpolate.ts';
import { describeIssues } from './issue-text.ts';
import { type EnclaveSpec, flatSchema, manySchema } from './schema.ts';

export interface Compose {
  /** By name, in the order of the file. */
  readonly enclaves: ReadonlyMap<string, EnclaveSpec>;
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
    rewrite: (document) => interpolate(document, variables),
  });
  if (read.faults.length > 0) throw new ComposeFaultError(file, read.faults);
  const { value } = read;
  const isMany = typeof value === 'object' && value !== null && 'enclaves' in value;
  const schema = isMany ? manySchema : flatSchema;
  const { success, data, error } = schema.safeParse(value);
  if (!success) {
    const faults = describeIssues(error.issues, value, schema).map(({ path, message }) => read.faultAt(path, message));
    faults.sort((left, right) => left.line - right.line || left.column - right.column);
    throw new ComposeFaultError(file, faults);
  }
  if ('enclaves' in data) {
    const enclaves = new Map(Object.entries(data.enclaves));
    if (enclaves.size === 0) {
      throw new ComposeFaultError(file, [read.faultAt(['enclaves'], 'enclaves must have at least one, got none')]);
    }
    return { enclaves };
  }
  const { name, ...spec } = data;
  return { enclaves: new Map([[name, spec]]) };
}
