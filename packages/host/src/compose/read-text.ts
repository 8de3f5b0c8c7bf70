// Files that caisson.yaml names, read whole and within a bound.
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { utf8Text } from '@caisson/core/bytes';
import { CaissonError, LimitError } from '@caisson/core/errors';
import type { ComposeErrorCode } from './error-code.ts';

/** `what` names the file in messages. Throws CaissonError COMPOSE_INPUT, LimitError COMPOSE_INPUT. */
export async function readText(path: string, what: string, maxBytes: number): Promise<string> {
  return decode(await readBytes(path, what, maxBytes), `${what} ${path}`);
}

/** Throws as `readText` does. */
export async function readBytes(path: string, what: string, maxBytes: number): Promise<Uint8Array> {
  let file: Awaited<ReturnType<typeof open>>;
  try {
    // A pipe would hold up whoever opens it until somebody writes; what is no file is refused below.
    file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw fault(`cannot read ${what} ${path}: ${code}`, cause, code === 'ENOENT' ? absent : undefined);
  }
  try {
    const stat = await file.stat();
    if (!stat.isFile()) throw fault(`${what} ${path} must be a regular file`);
    const buffer = Buffer.alloc(Math.min(stat.size, maxBytes) + 1);
    let size = 0;
    for (let read = 1; read > 0 && size < buffer.length; size += read) {
      read = (await file.read(buffer, size, buffer.length - size)).bytesRead;
    }
    if (size > maxBytes) {
      throw new LimitError<ComposeErrorCode>('COMPOSE_INPUT', `${what} ${path} must have at most ${maxBytes} bytes`);
    }
    return buffer.subarray(0, size);
  } finally {
    await file.close();
  }
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
