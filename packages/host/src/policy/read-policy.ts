// A policy file from disk, bounded and read whole.
import { open } from 'node:fs/promises';
import { utf8Text } from '@caisson/core/bytes';
import { CaissonError } from '@caisson/core/errors';
import { type AttestationPolicy, MAX_POLICY_BYTES } from '@caisson/verify/policy';
import type { PolicyFileErrorCode } from './error-code.ts';
import { parsePolicyText } from './parse-policy-text.ts';

/** Throws CaissonError POLICY_FILE for what cannot be read, PolicyFileError POLICY_FILE_FAULTS for what is no policy. */
export async function readPolicyFile(path: string): Promise<AttestationPolicy> {
  let text: string;
  try {
    text = utf8Text(await readBounded(path));
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new CaissonError<PolicyFileErrorCode>('POLICY_FILE', `policy file ${path} cannot be read: ${reason}`, {
      cause,
    });
  }
  return parsePolicyText(text, path);
}

async function readBounded(path: string): Promise<Uint8Array> {
  const file = await open(path, 'r');
  try {
    const buffer = new Uint8Array(MAX_POLICY_BYTES + 1);
    let length = 0;
    for (;;) {
      const { bytesRead } = await file.read(buffer, length, buffer.length - length);
      length += bytesRead;
      if (length > MAX_POLICY_BYTES) throw new Error(`it must have at most ${MAX_POLICY_BYTES} bytes, got more`);
      if (bytesRead === 0) return buffer.subarray(0, length);
    }
  } finally {
    await file.close();
  }
}
