// The boot config of an enclave as its shim will send it: a file of its owner's, or the words of caisson.yaml, which are kept in a file (0600)
// beside the record. The record has its hash, so that what is sent is what was asked for. The hash is also in the file's name: an enclave that
// still runs by the old record restarts with the old config.
import { createHash } from 'node:crypto';
import { readdir, rm, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { MAX_CONFIG_BYTES } from '@caisson/core/config';
import { CaissonError } from '@caisson/core/errors';
import { readWithin, replaceFile } from '../file/index.ts';
import { enclaveFolder, openEnclaveFolder, type RecordedSpec } from '../record/index.ts';
import type { EngineErrorCode } from './error-code.ts';

export interface BootConfigRequest {
  readonly name: string;
  /** A path, or the config itself. */
  readonly config: string | Readonly<Record<string, unknown>> | undefined;
  readonly folder: string;
  /** What the image says about boot configs; null where that is not known. */
  readonly expect: 'none' | 'optional' | 'required' | null;
}

export interface PreparedConfig {
  readonly sha384: string;
  readonly bytes: Uint8Array;
  /** Undefined until the config is kept in a file. */
  readonly path: string | undefined;
}

// Chosen.
const nameDigits = 16;
const keptName = /^boot-config-[0-9a-f]{16}\.json$/;
/** Chosen: another command may have written its own config and still wait for its turn to start the enclave. */
const turnMs = 3_600_000;

/** Reads it and writes nothing. Throws CaissonError ENGINE_CONFIG. */
export async function prepareConfig(request: BootConfigRequest): Promise<PreparedConfig | undefined> {
  const { name, config, folder, expect } = request;
  if (config === undefined) {
    if (expect !== 'required') return undefined;
    throw fault(`enclave ${name} must be given a boot config, which its image requires, got none`, {
      hint: 'config in caisson.yaml (inline or a file), or caisson run --config FILE',
    });
  }
  if (expect === 'none') {
    throw fault(`enclave ${name} must have no boot config, since its image takes none, got one`, {
      hint: 'build the image with policy.config.expect: optional or required, or drop config',
    });
  }
  const path = typeof config === 'string' ? resolve(folder, config) : undefined;
  const bytes = path === undefined ? Buffer.from(`${JSON.stringify(config)}\n`) : await readConfig(name, path);
  if (bytes.length > MAX_CONFIG_BYTES)
    throw fault(`boot config of enclave ${name} must have at most ${MAX_CONFIG_BYTES} bytes, got ${bytes.length}`, {});
  return { bytes, path, sha384: createHash('sha384').update(bytes).digest('hex') };
}

/** Resolves with the path at which the shim finds it, and its hash. A file of the owner's stays where it is. */
export async function keepConfig(
  state: string,
  name: string,
  { bytes, path, sha384 }: PreparedConfig,
): Promise<NonNullable<RecordedSpec['config']>> {
  if (path !== undefined) return { path, sha384 };
  const folder = await openEnclaveFolder(state, name);
  const kept = join(folder.path, `boot-config-${sha384.slice(0, nameDigits)}.json`);
  await replaceFile(kept, (file) => file.writeFile(bytes), { mode: 0o600 });
  return { path: kept, sha384 };
}

/** Removes configs that no record names and no command is about to use. */
export async function pruneConfigs(state: string, { name, config }: RecordedSpec): Promise<void> {
  const { path } = enclaveFolder(state, name);
  for (const file of await readdir(path)) {
    if (!keptName.test(file) || join(path, file) === config?.path) continue;
    const { mtimeMs } = await stat(join(path, file)).catch(() => ({ mtimeMs: Date.now() }));
    if (Date.now() - mtimeMs > turnMs) await rm(join(path, file), { force: true });
  }
}

async function readConfig(name: string, path: string): Promise<Uint8Array> {
  try {
    const read = await readWithin(path, MAX_CONFIG_BYTES);
    if (read instanceof Uint8Array) return read;
    const got = read.isFile ? `${read.size} bytes` : 'another kind of file';
    throw fault(
      `boot config ${path} of enclave ${name} must be a file of at most ${MAX_CONFIG_BYTES} bytes, got ${got}`,
      {},
    );
  } catch (cause) {
    if (cause instanceof CaissonError) throw cause;
    throw fault(
      `boot config ${path} of enclave ${name} must be readable, got ${(cause as NodeJS.ErrnoException).code}`,
      {
        cause,
      },
    );
  }
}

function fault(message: string, options: { readonly hint?: string; readonly cause?: unknown }) {
  return new CaissonError<EngineErrorCode>('ENGINE_CONFIG', message, options);
}
