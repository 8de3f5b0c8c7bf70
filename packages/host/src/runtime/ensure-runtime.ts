// The runtime archive of the ledger, wherever it is: beside a packed program, in the cache, or packed into the cache now.
import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { CaissonError } from '@caisson/core/errors';
import { type Architecture, readArchitecture } from './architecture.ts';
import { cacheFolder } from './cache.ts';
import { digestFile } from './digest-file.ts';
import type { RuntimeErrorCode } from './error-code.ts';
import { readArchiveLedger } from './ledger.ts';
import { type PackOptions, packRuntime } from './pack-runtime.ts';
import { partFolders } from './toolchain.ts';

/** Resolves with the path of an archive whose SHA-384 is the ledger's. Throws CaissonError RUNTIME_CACHE, and as `packRuntime` does. */
export async function ensureRuntime(
  architecture: Architecture = readArchitecture(),
  options: PackOptions = {},
): Promise<string> {
  const { name, sha384, size } = readArchiveLedger(architecture);
  const cached = join(cacheFolder(options.env), 'runtime', sha384.slice(0, 16), name);
  for (const path of [...partFolders(architecture).map((folder) => join(folder, name)), cached]) {
    if (!existsSync(path)) continue;
    const digest = await digestFile(path);
    if (digest.size === size && digest.sha384 === sha384) return path;
  }
  await makeCache(dirname(cached));
  options.progress?.(`packing ${name} (once; kept in ${cached})`);
  await packRuntime(architecture, cached, options);
  return cached;
}

/** Before anything is fetched: a machine without a home would learn it last. */
async function makeCache(folder: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
  } catch (cause) {
    const why = (cause as NodeJS.ErrnoException).code;
    throw new CaissonError<RuntimeErrorCode>('RUNTIME_CACHE', `cannot make the cache folder ${folder}: ${why}`, {
      cause,
      hint: 'set CAISSON_CACHE to a folder that can be written, or bring an archive: caisson runtime pack elsewhere, and --runtime FILE',
    });
  }
}
