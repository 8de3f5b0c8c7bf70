// An image on disk, read in pieces by its place. Only a regular file will do: what is looked at twice (measured, then
// unpacked) must be there twice, and must be the same; `requireUnchanged` says whether it was.
import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import type { EifFile } from '@caisson/core/eif';
import { CaissonError, LimitError } from '@caisson/core/errors';
import type { ImageErrorCode } from './error-code.ts';

export interface ImageFile extends EifFile {
  readonly path: string;
  /** Which file it is and when it was last changed, as it was opened: another one, or another content, has another. */
  readonly identity: string;
  /** Unix milliseconds. */
  readonly changedMs: number;
  /** Pieces of their own, of at most 1 MiB; to be walked once. */
  pieces(offset: number, size: number): ImagePieces;
  /** Into `to`, at its position 0. */
  copyTo(to: FileHandle, offset: number, size: number): Promise<void>;
  /** Rejects with CaissonError IMAGE_CHANGED when the file was written to since it was opened. */
  requireUnchanged(): Promise<void>;
  close(): Promise<void>;
}

export interface ImagePieces extends AsyncIterable<Uint8Array> {
  skip(length: number): number;
}

// Chosen: more than any machine gives to an enclave.
const defaultMaxBytes = 2 ** 40;
const pieceBytes = 1_048_576;
// Behind what was passed over there may be a header only; whoever reads on gets whole pieces.
const firstBytes = 65_536;

/** The caller closes it. Throws CaissonError IMAGE_FILE, LimitError IMAGE_LIMIT. */
export async function openImageFile(path: string, maxBytes = defaultMaxBytes): Promise<ImageFile> {
  let file: FileHandle;
  try {
    // Without O_NONBLOCK opening a FIFO would wait for a writer, before there is anything to look at.
    file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (cause) {
    throw fault('IMAGE_FILE', `cannot open image ${path}: ${(cause as NodeJS.ErrnoException).code}`, cause);
  }
  try {
    return await fromHandle(file, path, maxBytes);
  } catch (error) {
    await file.close();
    throw error;
  }
}

async function fromHandle(file: FileHandle, path: string, maxBytes: number): Promise<ImageFile> {
  const { size, mtimeNs, ctimeNs, ...stat } = await file.stat({ bigint: true });
  if ((Number(stat.mode) & constants.S_IFMT) !== constants.S_IFREG) {
    throw fault('IMAGE_FILE', `image ${path} must be a regular file`);
  }
  if (size > BigInt(maxBytes)) {
    throw new LimitError<ImageErrorCode>(
      'IMAGE_LIMIT',
      `image ${path} must have at most ${maxBytes} bytes, got ${size}`,
    );
  }
  const buffer = new Uint8Array(pieceBytes);

  async function readInto(into: Uint8Array, offset: number): Promise<Uint8Array> {
    for (let at = 0; at < into.length; ) {
      const { bytesRead } = await file.read(into, at, into.length - at, offset + at);
      if (bytesRead === 0) {
        throw fault('IMAGE_CHANGED', `image ${path} must keep its ${size} bytes while it is read, got ${offset + at}`);
      }
      at += bytesRead;
    }
    return into;
  }

  return {
    path,
    identity: [stat.dev, stat.ino, size, mtimeNs, ctimeNs].join(':'),
    changedMs: Number(ctimeNs / 1_000_000n),
    size: Number(size),
    read: (offset, length) =>
      readInto(length <= pieceBytes ? buffer.subarray(0, length) : new Uint8Array(length), offset),
    pieces(offset, length) {
      let at = 0;
      let next = pieceBytes;
      return {
        async *[Symbol.asyncIterator]() {
          while (at < length) {
            const from = at;
            at += Math.min(next, length - at);
            next = pieceBytes;
            yield await readInto(new Uint8Array(at - from), offset + from);
          }
        },
        skip(bound) {
          const passed = Math.min(bound, length - at);
          at += passed;
          next = firstBytes;
          return passed;
        },
      };
    },
    async copyTo(to, offset, length) {
      const piece = Buffer.allocUnsafeSlow(Math.min(pieceBytes, length));
      for (let at = 0; at < length; at += pieceBytes) {
        await writeAll(to, await readInto(piece.subarray(0, Math.min(pieceBytes, length - at)), offset + at), at);
      }
    },
    async requireUnchanged() {
      const now = await file.stat({ bigint: true });
      if (now.size === size && now.mtimeNs === mtimeNs && now.ctimeNs === ctimeNs) return;
      throw fault('IMAGE_CHANGED', `image ${path} must not change while it is read, got another size or time`);
    },
    close: () => file.close(),
  };
}

async function writeAll(to: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let at = 0; at < bytes.length; ) {
    at += (await to.write(bytes, at, bytes.length - at, position + at)).bytesWritten;
  }
}

function fault(code: ImageErrorCode, message: string, cause?: unknown): CaissonError<ImageErrorCode> {
  return new CaissonError(code, message, cause === undefined ? {} : { cause });
}
