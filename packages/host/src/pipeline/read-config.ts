// The config file of `pipeline`: TOML or YAML, found where it is named or usual. What older files hold besides (`buffers`) had a meaning for another
// protocol and is passed over; a key that looks like one of ours and is none is refused.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { FIRST_ENCLAVE_CID, LAST_ENCLAVE_CID } from '@caisson/core/address';
import { utf8Text } from '@caisson/core/bytes';
import { type CaissonError, ParseError } from '@caisson/core/errors';
import { parse as parseToml, TomlDate } from 'smol-toml';
import { readWithin } from '../file/index.ts';
import { parseLocatedYaml } from '../located-yaml/index.ts';
import type { PipelineConfigErrorCode } from './error-code.ts';

export interface PipelineConfig {
  readonly cid?: number;
  readonly port?: number;
  readonly key?: string;
  readonly policy?: string;
}

export interface PipelineSettings {
  readonly cid: number;
  readonly port: number;
  readonly key: string | undefined;
  readonly policy: string | undefined;
}

// Given: what people's files and command lines say.
const endings = ['toml', 'yaml', 'yml'];
const defaults = { cid: 127, port: 53_000 };
// Chosen.
const maxBytes = 65_536;
const known = new Set(['cid', 'port', 'key', 'policy', 'buffers']);

/** The first that is there; undefined: none. */
export function findPipelineConfig(folder = '.', etc = '/etc'): string | undefined {
  const places = [join(folder, '.config/pipeline.config'), join(etc, 'pipeline/config')];
  return places.flatMap((place) => endings.map((ending) => `${place}.${ending}`)).find((path) => existsSync(path));
}

/** Rejects CaissonError PIPELINE_CONFIG, with the place where there is one. */
export async function readPipelineConfig(path: string): Promise<PipelineConfig> {
  let text: string;
  try {
    const bytes = await readWithin(path, maxBytes);
    if (!(bytes instanceof Uint8Array)) {
      const { isFile, size } = bytes;
      throw new Error(isFile ? `it must have at most ${maxBytes} bytes, got ${size}` : 'it must be a regular file');
    }
    text = utf8Text(bytes);
  } catch (cause) {
    throw fault(path, `cannot be read: ${(cause as Error).message}`, cause);
  }
  return parsePipelineConfig(text, path);
}

/** `path` says by its ending what it is. Throws ParseError PIPELINE_CONFIG. */
export function parsePipelineConfig(text: string, path: string): PipelineConfig {
  const value = path.endsWith('.toml') ? tomlOf(text, path) : yamlOf(text, path);
  if (typeof value !== 'object' || value === null || Array.isArray(value) || value instanceof TomlDate) {
    throw fault(path, 'must be a table of keys and values');
  }
  for (const key of Object.keys(value)) {
    if (!known.has(key)) throw fault(path, `has the unknown key ${JSON.stringify(key.slice(0, 80))}`);
  }
  const { cid, port, key, policy } = value as Record<string, unknown>;
  return {
    ...(cid !== undefined && { cid: integer(cid, 'cid', FIRST_ENCLAVE_CID, LAST_ENCLAVE_CID, path) }),
    ...(port !== undefined && { port: integer(port, 'port', 1, 4_294_967_294, path) }),
    ...(key !== undefined && { key: word(key, 'key', path) }),
    ...(policy !== undefined && { policy: word(policy, 'policy', path) }),
  };
}

export type PipelineFlags = Readonly<Partial<Record<'cid' | 'port' | 'key' | 'policy', string | undefined>>>;

/** Flags over the environment over the file over the defaults. Throws ParseError PIPELINE_CONFIG. */
export function choosePipelineSettings(
  flags: PipelineFlags,
  env: Readonly<Record<string, string | undefined>>,
  config: PipelineConfig,
): PipelineSettings {
  const number = (name: 'cid' | 'port', least: number, most: number): number => {
    const [text, from] =
      flags[name] === undefined ? [env[`PIPELINE_${name.toUpperCase()}`], 'environment'] : [flags[name], 'flag'];
    if (text === undefined) return config[name] ?? defaults[name];
    return integer(/^[0-9]{1,10}$/.test(text) ? Number(text) : text, name, least, most, from);
  };
  return {
    cid: number('cid', FIRST_ENCLAVE_CID, LAST_ENCLAVE_CID),
    port: number('port', 1, 4_294_967_294),
    key: flags.key ?? env['PIPELINE_KEY'] ?? config.key,
    policy: flags.policy ?? env['PIPELINE_POLICY'] ?? config.policy,
  };
}

function tomlOf(text: string, path: string): unknown {
  try {
    return parseToml(text);
  } catch (cause) {
    const { line, column, message } = cause as { line?: number; column?: number; message: string };
    const [first] = message.split('\n');
    throw fault(line === undefined ? path : `${path}:${line}:${column}`, first ?? message, cause);
  }
}

function yamlOf(text: string, path: string): unknown {
  const { value, faults } = parseLocatedYaml(text, { what: 'pipeline config', maxCharacters: maxBytes });
  const [first] = faults;
  if (first !== undefined) throw fault(`${path}:${first.line}:${first.column}`, first.message);
  return value;
}

function integer(value: unknown, key: string, least: number, most: number, from: string): number {
  if (Number.isSafeInteger(value) && (value as number) >= least && (value as number) <= most) return value as number;
  throw fault(from, `${key} must be an integer in ${least}..${most}, got ${JSON.stringify(value)?.slice(0, 80)}`);
}

function word(value: unknown, key: string, path: string): string {
  if (typeof value === 'string' && value !== '' && value.length <= 4_096) return value;
  throw fault(path, `${key} must be text, got ${JSON.stringify(value)?.slice(0, 80)}`);
}

function fault(place: string, message: string, cause?: unknown): CaissonError<PipelineConfigErrorCode> {
  return new ParseError<PipelineConfigErrorCode>('PIPELINE_CONFIG', `${place}: ${message}`, { cause });
}
