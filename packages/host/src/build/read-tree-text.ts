// A small text file of a tree, read whole.
import { CaissonError, LimitError } from '@caisson/core/errors';
import type { RootTree } from '../tree/index.ts';
import type { BuildErrorCode } from './error-code.ts';

/** Throws CaissonError BUILD_SOURCE for what is no UTF-8 file, LimitError BUILD_SOURCE over `maxBytes`. */
export async function readTreeText(tree: RootTree, path: string, maxBytes: number): Promise<string> {
  const entry = tree.get(path);
  if (entry?.kind !== 'file') {
    throw new CaissonError<BuildErrorCode>('BUILD_SOURCE', `${path} must be a file, got ${entry?.kind ?? 'none'}`);
  }
  if (entry.content.size > maxBytes) {
    throw new LimitError<BuildErrorCode>(
      'BUILD_SOURCE',
      `${path} must have at most ${maxBytes} bytes, got ${entry.content.size}`,
    );
  }
  const pieces: Uint8Array[] = [];
  for await (const piece of entry.content.open()) pieces.push(piece.slice());
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(pieces));
  } catch (cause) {
    throw new CaissonError<BuildErrorCode>('BUILD_SOURCE', `${path} must be UTF-8`, { cause });
  }
}
