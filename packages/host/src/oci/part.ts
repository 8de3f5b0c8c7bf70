// The files of a layout or of an archive by their names: in a folder they are files of their own, in a tar archive places in one file.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { streamTar } from '@caisson/core/tar';
import { parseLayerPath } from '../tree/layer.ts';
import { nameArchive } from './archive-fault.ts';
import { type FileRange, openPinnedFile, type PinnedFile } from './pinned-file.ts';
import { createFileChunks } from './read-layer.ts';

export interface Parts {
  /** For messages. */
  readonly what: string;
  find(path: string): FileRange | undefined;
  close(): void;
}

/** `path` of `find` is used as it is: callers name fixed files and digests only. */
export function createFolderParts(root: string): Parts {
  const files = new Map<string, PinnedFile>();
  return {
    what: `layout ${root}`,
    find(path) {
      if (!files.has(path) && !existsSync(join(root, path))) return undefined;
      const file = files.get(path) ?? openPinnedFile(join(root, path));
      files.set(path, file);
      return { file, offset: 0, size: file.size };
    },
    close() {
      for (const file of files.values()) file.close();
      files.clear();
    },
  };
}

type Part = { readonly offset: number; readonly size: number } | { readonly link: string };

// Chosen: an archive of images has some files a layer. Links: old docker archives name a layer twice by one.
const maxEntries = 100_000;
const maxLinks = 8;

/** `file` stays the caller's. Throws ParseError OCI_LAYER, LimitError OCI_LIMIT, PolicyError LAYER_PATH. */
export async function createArchiveParts(file: PinnedFile, what: string): Promise<Parts> {
  const parts = new Map<string, Part>();
  try {
    const whole = { file, offset: 0, size: file.size };
    for await (const entry of streamTar(createFileChunks(whole), { maxEntries, maxBytes: Number.MAX_SAFE_INTEGER })) {
      const path = parseLayerPath(entry.path, `${what}, entry ${entry.number}: name`);
      if (entry.kind === 'file') parts.set(path.join('/'), { offset: entry.contentOffset, size: entry.size });
      else if (entry.kind === 'hardlink') parts.set(path.join('/'), { link: normalized(entry.target!) });
      else if (entry.kind === 'symlink') {
        parts.set(path.join('/'), { link: normalized([...path.slice(0, -1), entry.target!].join('/')) });
      }
    }
  } catch (error) {
    throw nameArchive(error, what);
  }
  return {
    what,
    find(path) {
      let part = parts.get(normalized(path));
      for (let links = 0; part !== undefined && 'link' in part && links < maxLinks; links += 1)
        part = parts.get(part.link);
      return part === undefined || 'link' in part ? undefined : { file, ...part };
    },
    close() {},
  };
}

/** The result is only used as a key, so a `..` above the root simply finds nothing. */
function normalized(path: string): string {
  const words: string[] = [];
  for (const word of path.split('/')) {
    if (word === '..') words.pop();
    else if (word !== '' && word !== '.') words.push(word);
  }
  return words.join('/');
}
