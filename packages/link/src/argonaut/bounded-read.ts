// Whole inputs of bounded size: a file by name, a stream to its end. One byte over the bound is an error, not a shorter input.
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { CaissonError, LimitError } from '@caisson/core/errors';
import type { ArgonautErrorCode } from './error-code.ts';

export interface BoundedRead {
  readonly maxBytes: number;
  /** Names the input in messages: `config file /etc/a.json`, `standard input`. */
  readonly what: string;
}

/** Throws LimitError ARGONAUT_INPUT_SIZE, CaissonError ARGONAUT_INPUT. Takes pipes too (`/dev/stdin`). */
export async function readBoundedFile(path: string, { maxBytes, what }: BoundedRead): Promise<Uint8Array> {
  try {
    const file = await open(path, constants.O_RDONLY);
    const stream = file.createReadStream({ end: maxBytes });
    return await readBoundedStream(stream, { maxBytes, what });
  } catch (cause) {
    if (cause instanceof CaissonError) throw cause;
    throw unreadable(what, cause);
  }
}

/**
 * Reads to the end of `stream`; the caller owns it and no deadline is set: who feeds a pipe decides when it ends.
 * Throws LimitError ARGONAUT_INPUT_SIZE, CaissonError ARGONAUT_INPUT, or the reason of `signal`.
 */
export async function readBoundedStream(
  stream: Readable,
  { maxBytes, what }: BoundedRead,
  signal?: AbortSignal,
): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  const stop = (): void => void stream.destroy();
  signal?.throwIfAborted();
  signal?.addEventListener('abort', stop, { once: true });
  try {
    for await (const chunk of stream as AsyncIterable<Uint8Array>) {
      length += chunk.length;
      if (length > maxBytes) {
        throw new LimitError<ArgonautErrorCode>(
          'ARGONAUT_INPUT_SIZE',
          `${what} must have at most ${maxBytes} bytes, got more`,
        );
      }
      chunks.push(chunk);
    }
  } catch (cause) {
    signal?.throwIfAborted();
    if (cause instanceof CaissonError) throw cause;
    throw unreadable(what, cause);
  } finally {
    signal?.removeEventListener('abort', stop);
  }
  return Buffer.concat(chunks);
}

function unreadable(what: string, cause: unknown): CaissonError<ArgonautErrorCode> {
  const { code, message } = cause as NodeJS.ErrnoException;
  return new CaissonError('ARGONAUT_INPUT', `cannot read ${what}: ${code ?? message}`, { cause });
}
