// The newest versions that an operator has seen of an enclave, so that an old config or image that still holds cannot be slipped back under him
// by a reboot (docs/boot-config.md). Kept by what he calls the enclave; a file of his own, never of the parent's.
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PolicyError } from '@caisson/core/errors';
import type { EnclaveFacts } from '@caisson/link/control';
import { replaceFile, withLock } from '../file/index.ts';
import type { OperatorErrorCode } from './error-code.ts';
import { operatorFolder } from './folder.ts';

interface Seen {
  readonly v: 1;
  readonly configVersion: number | null;
  readonly imageVersion: number | null;
}

/** Rejects PolicyError OPERATOR_ROLLBACK where a version is below one that was seen; keeps the higher ones otherwise. */
export async function noteSeenVersion(
  env: Readonly<Record<string, string | undefined>>,
  enclave: string,
  { configVersion, imageVersion }: EnclaveFacts,
): Promise<void> {
  const folder = join(operatorFolder(env), 'seen');
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const path = join(folder, `${encodeURIComponent(enclave)}.json`);
  await withLock(`${path}.lock`, async () => {
    const seen = await readSeen(path);
    const now = { configVersion, imageVersion: typeof imageVersion === 'number' ? imageVersion : null };
    for (const key of ['configVersion', 'imageVersion'] as const) {
      const [before, is] = [seen[key], now[key]];
      if (before === null || (is !== null && is >= before)) continue;
      const what = key === 'configVersion' ? 'config' : 'image';
      throw new PolicyError<OperatorErrorCode>(
        'OPERATOR_ROLLBACK',
        `enclave ${enclave} must have at least ${what} version ${before}, which was seen before, got ${is ?? 'none'}`,
        { hint: `if you went back to it yourself, remove ${path}` },
      );
    }
    const next: Seen = { v: 1, ...now };
    if (next.configVersion === seen.configVersion && next.imageVersion === seen.imageVersion) return;
    await replaceFile(path, (file) => file.writeFile(`${JSON.stringify(next)}\n`), { mode: 0o600 });
  });
}

async function readSeen(path: string): Promise<Seen> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return { v: 1, configVersion: null, imageVersion: null };
    throw error;
  }
  try {
    const { configVersion, imageVersion } = JSON.parse(text) as Partial<Seen>;
    const isVersion = (one: unknown): one is number | null => one === null || Number.isSafeInteger(one);
    if (isVersion(configVersion) && isVersion(imageVersion)) return { v: 1, configVersion, imageVersion };
  } catch {}
  // A file of versions that cannot be read must not count as empty: that would allow a rollback.
  throw new PolicyError<OperatorErrorCode>(
    'OPERATOR_ROLLBACK',
    `file ${path} must say what versions were seen, got something else`,
  );
}
