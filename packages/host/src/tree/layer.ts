// A layer of a container image: a list of changes to a tree, as an archive tells them, and the words of its refusals.
import { PolicyError } from '@caisson/core/errors';
import type { LayerErrorCode } from './layer-error-code.ts';
import type { TreeContent } from './tree.ts';

export interface LayerEntry {
  /** As in the archive: nothing about it is known yet. */
  readonly path: string;
  readonly kind: 'file' | 'directory' | 'symlink' | 'hardlink' | 'character' | 'block' | 'fifo';
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Of a link, as in the archive. */
  readonly target?: string;
  readonly major?: number;
  readonly minor?: number;
  /** Of a file; without it the file is empty. */
  readonly content?: TreeContent;
  /** For messages: `entry 12 at offset 6144`. */
  readonly place: string;
}

export interface Layer {
  /** For messages and the manifest: `layer sha256:…`. */
  readonly origin: string;
  readonly entries: AsyncIterable<LayerEntry> | Iterable<LayerEntry>;
}

// Given: the sizes at which the kernel leaves a name of a ramdisk out, with room for the folder that roots stand in.
const maxPathBytes = 4_000;
const maxNameBytes = 255;

/** The words of a path or of a hard link's target; none for the root itself. Throws PolicyError LAYER_PATH. */
export function parseLayerPath(path: string, what: string): string[] {
  const refuse = (why: string): PolicyError<LayerErrorCode> =>
    refused('LAYER_PATH', `${what} must ${why}, got ${JSON.stringify(path.slice(0, 200))}`);
  if (path.includes('\0')) throw refuse('hold no NUL');
  if (path.startsWith('/')) throw refuse('be relative');
  const words = path.split('/').filter((word) => word !== '' && word !== '.');
  // Also where it would stay inside: no writer of layers has a use for it, and every unpacker that was ever broken had one.
  if (words.includes('..')) throw refuse('have no ".." component');
  if (path.length * 3 > maxNameBytes) {
    if (Buffer.byteLength(path) > maxPathBytes) throw refuse(`have at most ${maxPathBytes} bytes`);
    if (words.some((word) => Buffer.byteLength(word) > maxNameBytes)) {
      throw refuse(`have components of at most ${maxNameBytes} bytes`);
    }
  }
  return words;
}

export function refused(code: LayerErrorCode, message: string): PolicyError<LayerErrorCode> {
  return new PolicyError(code, message);
}
