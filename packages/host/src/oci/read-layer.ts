// The entries of a layer that lies in a file as plain tar. Content is a place in that file: nothing of it is read here, and nothing held.
import type { SkippableChunks } from '@caisson/core/bytes';
import { streamTar } from '@caisson/core/tar';
import type { LayerEntry, TreeContent } from '../tree/index.ts';
import { nameArchive } from './archive-fault.ts';
import type { FileRange } from './pinned-file.ts';

const chunkBytes = 65_536;

/** Throws ParseError OCI_LAYER, LimitError OCI_LIMIT. `onDropped` hears how many extended attributes there were, at the end. */
export async function* readLayer(
  range: FileRange,
  origin: string,
  limits: { readonly maxEntries: number; readonly maxBytes: number },
  onDropped: (xattrs: number) => void,
): AsyncGenerator<LayerEntry, void, undefined> {
  let dropped = 0;
  try {
    for await (const entry of streamTar(createFileChunks(range), limits)) {
      dropped += entry.droppedXattrs;
      const { path, kind, mode, uid, gid, target, major, minor, size, contentOffset } = entry;
      yield {
        path,
        kind,
        mode,
        uid,
        gid,
        place: `entry ${entry.number} at offset ${entry.offset}`,
        ...(target !== undefined && { target }),
        ...(major !== undefined && { major }),
        ...(minor !== undefined && { minor }),
        ...(kind === 'file' && { content: contentAt(range, contentOffset, size) }),
      };
    }
  } catch (error) {
    throw nameArchive(error, origin);
  }
  onDropped(dropped);
}

/** A part of a file as the chunks of an archive, which passes over content without reading it. */
export function createFileChunks({ file, offset, size }: FileRange): SkippableChunks {
  let at = 0;
  const buffer = new Uint8Array(Math.min(size, chunkBytes));
  return {
    skip(length) {
      const passed = Math.min(length, size - at);
      at += passed;
      return passed;
    },
    async *[Symbol.asyncIterator]() {
      while (at < size) {
        const length = Math.min(chunkBytes, size - at);
        at += length;
        yield* file.pieces(offset + at - length, length, buffer);
      }
    },
  };
}

function contentAt({ file, offset }: FileRange, contentOffset: number, size: number): TreeContent {
  return { size, open: () => file.pieces(offset + contentOffset, size) };
}
