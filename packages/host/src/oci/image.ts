// An image that was found somewhere, before its layers are looked at; and the tree that comes of it. Nothing a stranger wrote is read
// further than its digest allows: documents and packed layers are checked before they are parsed, unpacked layers before they are
// indexed.
import { ParseError } from '@caisson/core/errors';
import { type MergeOptions, mergeLayers, type OpenedSource } from '../tree/index.ts';
import type { OciErrorCode } from './error-code.ts';
import { createImageConfig } from './image-config.ts';
import type { RawImageConfig } from './manifest.ts';
import type { FileRange } from './pinned-file.ts';
import { type Architecture, requirePlatform } from './platform.ts';
import { readLayer } from './read-layer.ts';
import type { Spool } from './spool.ts';
import { compressionOf, unpacked } from './unpack.ts';
import { verified, verifyRange } from './verified.ts';

export interface FoundLayer {
  /** For messages. */
  readonly what: string;
  /** Of the bytes as they lie there; null where only their unpacked form has one. */
  readonly digest: string | null;
  /** Gives them when they have that digest. */
  fetch(): Promise<FileRange>;
}

export interface FoundImage {
  readonly kind: OpenedSource['kind'];
  readonly what: string;
  readonly config: RawImageConfig;
  readonly layers: readonly FoundLayer[];
  readonly inputs: OpenedSource['inputs'];
}

export interface ImageTreeOptions extends MergeOptions {
  readonly architecture: Architecture;
  readonly maxEntries: number;
  readonly maxBytes: number;
  /** For people: what is being done. */
  readonly onProgress?: (message: string) => void;
}

/** The tree lies in the files of `spool` and of the image. Throws everything that OCI_* and LAYER_* mean. */
export async function createImageTree(
  image: FoundImage,
  spool: Spool,
  options: ImageTreeOptions,
): Promise<Pick<OpenedSource, 'tree' | 'config' | 'warnings'>> {
  const { architecture, os, rootfs } = image.config;
  requirePlatform(os, architecture, options.architecture, image.what);
  if (rootfs.diff_ids.length !== image.layers.length) {
    const message = `${image.what}: diff_ids must have one digest a layer (${image.layers.length}), got ${rootfs.diff_ids.length}`;
    throw new ParseError<OciErrorCode>('OCI_MANIFEST', message);
  }
  const warnings: string[] = [];
  const layers = [];
  for (const [index, layer] of image.layers.entries()) {
    options.onProgress?.(`${layer.what} of ${image.layers.length}`);
    const range = await openPlain(layer, rootfs.diff_ids[index]!, spool, options.maxBytes);
    const origin = `layer ${layer.digest ?? rootfs.diff_ids[index]}`;
    const entries = readLayer(range, origin, options, (dropped) => {
      if (dropped > 0) warnings.push(`${origin}: ${dropped} extended attributes were dropped; a ramdisk has none`);
    });
    layers.push({ origin, entries });
  }
  const merged = await mergeLayers(layers, options);
  return { tree: merged.tree, config: createImageConfig(image.config), warnings: [...merged.warnings, ...warnings] };
}

async function openPlain(layer: FoundLayer, diffId: string, spool: Spool, maxBytes: number): Promise<FileRange> {
  const range = await layer.fetch();
  const compression = await compressionOf(range, layer.what);
  const [expected, what] = [{ digest: diffId, size: null }, `${layer.what}, unpacked,`];
  if (compression !== 'plain') {
    const whole = verified(unpacked(range, compression, layer.what), expected, what, maxBytes);
    const file = await spool.write(whole, layer.what);
    await spool.remove(range.file);
    return { file, offset: 0, size: file.size };
  }
  // Checked already where both digests are of the same bytes; else they pass once, and stay where they are.
  if (layer.digest !== diffId) await verifyRange(range, expected, what, maxBytes);
  return range;
}
