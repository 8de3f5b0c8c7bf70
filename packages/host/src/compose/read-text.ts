// Files that caisson.yaml names, read whole and within a bound.
import { utf8Text } from '@caisson/core/bytes';
import { CaissonError, LimitError } from '@caisson/core/errors';
import { readWithin } from '../file/index.ts';
import type { ComposeErrorCode } from './error-code.ts';

/** `what` names the file in messages. Throws CaissonError COMPOSE_INPUT, LimitError COMPOSE_INPUT. */
export async function readText(path: string, what: string, maxBytes: number): Promise<string> {
  return decode(await readBytes(path, what, maxBytes), `${what} ${path}`);
}

/** Throws as `readText` does. */
export async function readBytes(path: string, what: string, maxBytes: number): Promise<Uint8Array> {
  const read = await readWithin(path, maxBytes).catch((cause: NodeJS.ErrnoException) => {
    const { code } = cause;
    throw fault(`cannot read ${what} ${path}: ${code}`, cause, code === 'ENOENT' ? absent : undefined);
  });
  if (read instanceof Uint8Array) return read;
  if (!read.isFile) throw fault(`${what} ${path} must be a regular file`);
  throw new LimitError<ComposeErrorCode>('COMPOSE_INPUT', `${what} ${path} must have at most ${maxBytes} bytes`);
}

/** Until it ends: whoever writes it may be a person, so it has no deadline. Throws as `readText` does. */
export async function readStreamText(stream: AsyncIterable<unknown>, what: string, maxBytes: number): Promise<string> {
  const pieces: Uint8Array[] = [];
  let size = 0;
  for await (const piece of stream) {
    const bytes = typeof piece === 'string' ? Buffer.from(piece) : (piece as Uint8Array);
    size += bytes.length;
    if (size > maxBytes) {
      throw new LimitError<ComposeErrorCode>(
        'COMPOSE_INPUT',
        `${what} on standard input must have at most ${maxBytes} bytes`,
      );
    }
    pieces.push(bytes);
  }
  return decode(Buffer.concat(pieces), `${what} on standard input`);
}

function decode(bytes: Uint8Array, what: string): string {
  try {
    return utf8Text(bytes);
  } catch (cause) {
    throw fault(`${what} must be UTF-8`, cause);
  }
}

const absent =
  'paths are from the working folder, those in a caisson.yaml from its own; caisson init writes a first file';

function fault(message: string, cause?: unknown, hint?: string): CaissonError<ComposeErrorCode> {
  return new CaissonError('COMPOSE_INPUT', message, {
    ...(cause === undefined ? {} : { cause }),
    ...(hint === undefined ? {} : { hint }),
  });
}
