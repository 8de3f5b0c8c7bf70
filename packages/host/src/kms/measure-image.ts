// PCR0 to PCR2 of an image file, read whole: the strict reader needs its end before it believes its beginning.
import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { type EifMeasurements, measureEif, parseEif } from '@caisson/core/eif';
import { CaissonError, LimitError } from '@caisson/core/errors';
import type { KmsPolicyErrorCode } from './error-code.ts';

// Chosen: an image unpacks into the enclave's memory twice over; nobody boots one of this size.
const maxBytes = 1 << 30;

/** Throws LimitError or CaissonError KMS_POLICY_IMAGE, and what parseEif throws. */
export async function readImageMeasurements(path: string): Promise<EifMeasurements> {
  return await measureEif(parseEif(await readWhole(path)), () => createHash('sha384'));
}

async function readWhole(path: string): Promise<Uint8Array> {
  let file: FileHandle | undefined;
  try {
    // Without O_NONBLOCK opening a FIFO would wait for a writer, before there is anything to look at.
    file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    return await readRegular(file, path);
  } catch (cause) {
    if (cause instanceof CaissonError) throw cause;
    throw fault(`cannot read image ${path}: ${(cause as NodeJS.ErrnoException).code ?? String(cause)}`, cause);
  } finally {
    await file?.close();
  }
}

async function readRegular(file: FileHandle, path: string): Promise<Uint8Array> {
  const stat = await file.stat();
  if (!stat.isFile()) throw fault(`image ${path} must be a regular file`);
  if (stat.size > maxBytes) {
    throw new LimitError<KmsPolicyErrorCode>(
      'KMS_POLICY_IMAGE',
      `image ${path} must have at most ${maxBytes} bytes, got ${stat.size}`,
    );
  }
  const bytes = new Uint8Array(stat.size);
  for (let at = 0; at < bytes.length; ) {
    const { bytesRead } = await file.read(bytes, at, bytes.length - at, at);
    if (bytesRead === 0) throw fault(`image ${path} must keep its ${bytes.length} bytes while it is read, got ${at}`);
    at += bytesRead;
  }
  return bytes;
}

function fault(message: string, cause?: unknown): CaissonError<KmsPolicyErrorCode> {
  return new CaissonError('KMS_POLICY_IMAGE', message, cause === undefined ? {} : { cause });
}
