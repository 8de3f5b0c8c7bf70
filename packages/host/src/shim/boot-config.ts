// The boot config that `up` or `run` was given. It is read again at every start, because its owner may change the file at any time, and compared
// with the hash in the record: other bytes are refused.
import { createHash } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { MAX_CONFIG_BYTES } from '@caisson/core/config';
import { CaissonError, VerificationError } from '@caisson/core/errors';
import type { RecordedSpec } from '../record/index.ts';
import type { ShimErrorCode } from './error-code.ts';

/**
 * Undefined where the record names none. Throws VerificationError SHIM_CONFIG for other bytes than were recorded, CaissonError SHIM_CONFIG where
 * the file cannot be read.
 */
export async function readAskedConfig({ name, config }: RecordedSpec): Promise<Uint8Array | undefined> {
  if (config === undefined) return undefined;
  let bytes: Buffer;
  try {
    const { size } = await stat(config.path);
    if (size > MAX_CONFIG_BYTES) throw new Error(`it has ${size} bytes, at most ${MAX_CONFIG_BYTES}`);
    bytes = await readFile(config.path);
  } catch (cause) {
    const why = (cause as NodeJS.ErrnoException).code ?? (cause as Error).message;
    throw new CaissonError<ShimErrorCode>(
      'SHIM_CONFIG',
      `cannot read boot config ${config.path} of enclave ${name}: ${why}`,
      {
        cause,
      },
    );
  }
  const got = createHash('sha384').update(bytes).digest('hex');
  if (got === config.sha384) return bytes;
  throw new VerificationError<ShimErrorCode>(
    'SHIM_CONFIG',
    `boot config ${config.path} must be the one that enclave ${name} was asked for, sha384 ${config.sha384}, got ${got}`,
    { hint: 'the file was changed since; caisson up asks for what it is now' },
  );
}
