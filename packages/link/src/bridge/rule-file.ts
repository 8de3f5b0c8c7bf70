// Reads a file of rules: a regular file of bounded size, so that a FIFO or a device in its place is a fault and not a wait.
import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { CaissonError, LimitError } from '@caisson/core/errors';
import type { BridgeErrorCode } from './bridge-error.ts';
import type { BridgeRule } from './rule.ts';
import { MAX_RULES_FILE_BYTES, parseBridgeRules, type RuleTextOptions } from './rule-record.ts';

/** Throws CaissonError or LimitError BRIDGE_RULES_FILE, and what parseBridgeRules throws. */
export async function readBridgeRules(path: string, options: RuleTextOptions = {}): Promise<BridgeRule[]> {
  const file = await openFile(path);
  try {
    return parseBridgeRules(await readWhole(file, path), options);
  } finally {
    await file.close();
  }
}

async function openFile(path: string): Promise<FileHandle> {
  try {
    // Without O_NONBLOCK the open of a FIFO waits for a writer that may never come.
    return await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw new CaissonError<BridgeErrorCode>('BRIDGE_RULES_FILE', `cannot read rules file ${path}: ${code}`, { cause });
  }
}

async function readWhole(file: FileHandle, path: string): Promise<Uint8Array> {
  if (!(await file.stat()).isFile()) {
    throw new CaissonError<BridgeErrorCode>('BRIDGE_RULES_FILE', `rules file ${path} is no regular file`);
  }
  const buffer = new Uint8Array(MAX_RULES_FILE_BYTES + 1);
  let length = 0;
  for (;;) {
    const { bytesRead } = await file.read(buffer, length, buffer.length - length);
    length += bytesRead;
    if (length > MAX_RULES_FILE_BYTES) {
      throw new LimitError<BridgeErrorCode>(
        'BRIDGE_RULES_FILE',
        `rules file ${path} must have at most ${MAX_RULES_FILE_BYTES} bytes, got more`,
      );
    }
    if (bytesRead === 0) return buffer.subarray(0, length);
  }
}
