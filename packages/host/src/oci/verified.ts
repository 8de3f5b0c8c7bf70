// Bytes against the digest and size that somebody named before: both are checked as the bytes pass, and the stream ends well only when
// both hold. Whoever uses bytes before that end uses bytes of a stranger.
import { createHash } from 'node:crypto';
import { LimitError, VerificationError } from '@caisson/core/errors';
import type { OciErrorCode } from './error-code.ts';
import type { FileRange } from './pinned-file.ts';

export interface Expected {
  /** `sha256:` and 64 hex digits; null where nobody named one. */
  readonly digest: string | null;
  /** Bytes; null where nobody named it. */
  readonly size: number | null;
}

/** Throws VerificationError OCI_DIGEST, and LimitError OCI_LIMIT as soon as there are more bytes than named or than `maxBytes`. */
export async function* verified(
  pieces: AsyncIterable<Uint8Array>,
  { digest, size }: Expected,
  what: string,
  maxBytes: number,
): AsyncGenerator<Uint8Array, void, undefined> {
  const hash = createHash('sha256');
  const bound = Math.min(size ?? maxBytes, maxBytes);
  let seen = 0;
  for await (const piece of pieces) {
    seen += piece.length;
    if (seen > bound) {
      if (size !== null && size <= maxBytes) throw wrong(`${what} must have ${size} bytes, got more`);
      throw new LimitError<OciErrorCode>('OCI_LIMIT', `${what} must have at most ${maxBytes} bytes, got more`);
    }
    hash.update(piece);
    yield piece;
  }
  if (size !== null && seen !== size) throw wrong(`${what} must have ${size} bytes, got ${seen}`);
  const got = `sha256:${hash.digest('hex')}`;
  if (digest !== null && got !== digest) throw wrong(`${what} must have digest ${digest}, got ${got}`);
}

/** For a file that is read where it lies: only whether it is the right one. Throws as `verified` does. */
export async function verifyRange(
  { file, offset, size }: FileRange,
  expected: Expected,
  what: string,
  maxBytes: number,
): Promise<void> {
  const pieces = file.pieces(offset, size, new Uint8Array(Math.min(size, 1_048_576)));
  for await (const _ of verified(pieces, expected, what, maxBytes));
}

/** All of it at once, for documents. */
export async function readVerified(
  pieces: AsyncIterable<Uint8Array>,
  expected: Expected,
  what: string,
  maxBytes: number,
): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for await (const piece of verified(pieces, expected, what, maxBytes)) parts.push(piece);
  return Buffer.concat(parts);
}

export function digestOf(bytes: Uint8Array): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

function wrong(message: string): VerificationError<OciErrorCode> {
  return new VerificationError('OCI_DIGEST', message, { hint: 'get the image again; if it stays so, do not use it' });
}
