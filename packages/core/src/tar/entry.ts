// What an archive holds, as it stands in it: names are text and nothing more here. Whether a path may be written anywhere is for
// whoever makes a tree of it.

export type TarKind = 'file' | 'directory' | 'symlink' | 'hardlink' | 'character' | 'block' | 'fifo';

export interface TarFields {
  /** As in the archive, without the slashes that end a folder's name; UTF-8, no NUL, not empty. */
  readonly path: string;
  readonly kind: TarKind;
  /** Permission bits with setuid, setgid and sticky: 0..0o7777. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Unix seconds; fractions are dropped. */
  readonly mtime: number;
  /** Of a file's content; 0 for other kinds. */
  readonly size: number;
  /** Of a symbolic or hard link. */
  readonly target?: string;
  /** Of a device. */
  readonly major?: number;
  readonly minor?: number;
}

export interface StreamedTarEntry extends TarFields {
  /** Counted from 1, as messages do. */
  readonly number: number;
  /** Of the first header that speaks of it, in the stream. */
  readonly offset: number;
  /** Of the first byte of its content, in the stream. */
  readonly contentOffset: number;
  /** pax keys that are not understood; they change nothing here. */
  readonly ignoredKeys: number;
  /** Extended attributes that were dropped, file capabilities among them. */
  readonly droppedXattrs: number;
  /** Once, before the next entry is asked for; what is not read is skipped. Views that the next piece may overwrite. */
  content(): AsyncIterable<Uint8Array>;
}

export interface TarLimits {
  /** Global headers count as entries. Default 1,000,000. */
  readonly maxEntries?: number;
  /** Of all the bytes of the stream. Default 8 GiB. */
  readonly maxBytes?: number;
  /** Of one pax header. Default 1 MiB. */
  readonly maxExtensionBytes?: number;
  /** Of a path or a link target. Default 4,095. */
  readonly maxNameBytes?: number;
}

// Given: POSIX.1-2017 pax, "ustar Interchange Format"; type '7' is a file that some systems lay out in one piece.
export const blockBytes = 512;
export const kindOfFlag: Readonly<Record<string, TarKind>> = {
  '0': 'file',
  '\0': 'file',
  '7': 'file',
  '1': 'hardlink',
  '2': 'symlink',
  '3': 'character',
  '4': 'block',
  '5': 'directory',
  '6': 'fifo',
};

// Chosen.
export const defaultLimits: Required<TarLimits> = {
  maxEntries: 1_000_000,
  maxBytes: 2 ** 33,
  maxExtensionBytes: 1_048_576,
  maxNameBytes: 4_095,
};
