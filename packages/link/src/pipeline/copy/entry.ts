// What stands in front of each thing of a tree (docs/wire/pipeline.md): a folder before what is in it, names in the order of their bytes.

import { encodeFields, Fields } from '../fields.ts';
import { recordFault } from '../record.ts';
import { parseRelativePath, verifyLinkTarget } from '../store/name.ts';

export type CopyKind = 'file' | 'folder' | 'link';

export interface CopyEntry {
  readonly kind: CopyKind;
  /** Below the top; a single file is the top itself: []. */
  readonly path: readonly string[];
  /** 0..0o777. */
  readonly mode: number;
  readonly mtimeMs: number;
  /** Of a file; else 0. */
  readonly sizeBytes: number;
  /** Of a link; else ''. */
  readonly target: string;
  /** A file with holes: its length says nothing about the room that it needs. */
  readonly isSparse: boolean;
  /** SHA-256, sent ahead where the receiver shall compare contents. */
  readonly sha256: Uint8Array | null;
}

const kinds: readonly CopyKind[] = ['file', 'folder', 'link'];
// Given: ext4, xfs and tmpfs hold less.
const maxSizeBytes = 2 ** 53 - 1;
// The year 9999.
const maxTimeMs = 253_402_300_799_999;

export function encodeEntry(entry: CopyEntry): Uint8Array {
  return encodeFields({
    1: kinds.indexOf(entry.kind),
    2: entry.path.join('/'),
    3: entry.mode,
    4: entry.mtimeMs,
    5: entry.kind === 'file' ? entry.sizeBytes : null,
    6: entry.kind === 'link' ? entry.target : null,
    7: entry.isSparse ? true : null,
    8: entry.sha256,
  });
}

/** Throws ParseError PIPELINE_REQUEST, PIPELINE_NAME, PIPELINE_LINK. */
export function parseEntry(bytes: Uint8Array): CopyEntry {
  const fields = new Fields(bytes, 'entry');
  const kind = kinds[fields.integer(1, kinds.length - 1)]!;
  const path = parseRelativePath(fields.text(2));
  const mode = fields.integer(3, 0o777);
  const mtimeMs = fields.integer(4, maxTimeMs);
  const sizeBytes = kind === 'file' ? fields.integer(5, maxSizeBytes) : 0;
  const target = kind === 'link' ? fields.text(6) : '';
  const isSparse = fields.optional(7, () => fields.boolean(7)) ?? false;
  const sha256 = fields.optional(8, () => fields.bytes(8, 32));
  fields.end();
  if (kind === 'link') {
    if (path.length === 0) throw recordFault('a name for a link', 'none');
    verifyLinkTarget(path, target);
  }
  return { kind, path, mode, mtimeMs, sizeBytes, target, isSparse, sha256 };
}
