// caisson.yaml on disk, or on standard input for `-`: then paths in it are from the working folder.
import { PolicyError } from '@caisson/core/errors';
import { nearestWord } from '../service/nearest-word.ts';
import type { ComposeErrorCode } from './error-code.ts';
import { type Compose, MAX_COMPOSE_CHARACTERS, type ParseComposeOptions, parseCompose } from './parse-compose.ts';
import { readStreamText, readText } from './read-text.ts';
import type { EnclaveSpec } from './schema.ts';

/** Throws CaissonError COMPOSE_INPUT, ComposeFaultError COMPOSE_FAULTS. */
export async function readCompose(path: string, options: ReadComposeOptions = {}): Promise<Compose> {
  return parseCompose(await readComposeText(path, options), path, options);
}

export interface ReadComposeOptions extends ParseComposeOptions {
  /** What `-` is read from. Default: that of the process. */
  readonly stdin?: AsyncIterable<unknown>;
}

// A character has at most three bytes of UTF-8 in a JavaScript string's length.
const maxBytes = 3 * MAX_COMPOSE_CHARACTERS;

/** Standard input can be read once. Throws CaissonError COMPOSE_INPUT. */
export async function readComposeText(
  path: string,
  { stdin = process.stdin }: Pick<ReadComposeOptions, 'stdin'> = {},
): Promise<string> {
  return path === '-' ? await readStreamText(stdin, 'file', maxBytes) : await readText(path, 'file', maxBytes);
}

/** The one that is meant: by name, or the only one. Throws PolicyError COMPOSE_NAME. */
export function chooseEnclave({ enclaves }: Compose, name?: string): { name: string; spec: EnclaveSpec } {
  const names = [...enclaves.keys()];
  const chosen = name ?? (names.length === 1 ? names[0] : undefined);
  const spec = chosen === undefined ? undefined : enclaves.get(chosen);
  if (chosen !== undefined && spec !== undefined) return { name: chosen, spec };
  const known = names.join(', ');
  const message =
    name === undefined
      ? `one of several enclaves must be named, got ${known}`
      : `enclave ${name} must be in the file, which has ${known}`;
  const nearest = name === undefined ? undefined : nearestWord(name, names);
  throw new PolicyError<ComposeErrorCode>('COMPOSE_NAME', message, {
    hint: nearest === undefined ? `name one of them, ${names[0] ?? 'NAME'} for example` : `did you mean ${nearest}?`,
  });
}
