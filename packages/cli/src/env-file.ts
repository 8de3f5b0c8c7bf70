// `--env-file`: variables for caisson.yaml, which those of the environment go before.
import { readFileSync, statSync } from 'node:fs';
import { parseEnv } from 'node:util';
import { UsageError } from './exit-code.ts';

// Chosen.
const maxEnvFileBytes = 1_048_576;

/** Throws UsageError. */
export function readEnvFile(path: string | undefined): NodeJS.Dict<string> {
  if (path === undefined) return {};
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat?.isFile() !== true || stat.size > maxEnvFileBytes) {
    const got = stat === undefined ? 'none' : stat.isFile() ? `${stat.size}` : 'something else';
    throw new UsageError(`--env-file ${path} must be a file of at most ${maxEnvFileBytes} bytes, got ${got}`);
  }
  return parseEnv(readFileSync(path, 'utf8'));
}
