// What an archive holds: one entry a file, folder, symbolic link, device or fifo. Hard links, sockets and extended
// attributes have no form here: a ramdisk that needs none of them has one representation only, which is what makes
// the same tree the same bytes.
import type { CpioErrorCode } from './error-code.ts';

/** Bytes that come later and more than once; `open` must yield exactly `size` bytes, the same every time. */
export interface CpioSource {
  readonly size: number;
  open(): AsyncIterable<Uint8Array> | Iterable<Uint8Array>;
}

interface Described {
  /** Relative, components parted by one `/`, no `.` or `..`, no `/` at either end. */
  readonly path: string;
  /** Permission bits with setuid, setgid and sticky: 0..0o7777. */
  readonly mode: number;
  /** Default 0, as are the next two. */
  readonly uid?: number;
  readonly gid?: number;
  /** Unix seconds. */
  readonly mtime?: number;
}

export type CpioEntry<Content = Uint8Array | CpioSource> = Described &
  (
    | { readonly kind: 'file'; readonly content: Content }
    | { readonly kind: 'directory' }
    | { readonly kind: 'symlink'; readonly target: string }
    | { readonly kind: 'character' | 'block'; readonly major: number; readonly minor: number }
    | { readonly kind: 'fifo' }
  );

export type CpioKind = CpioEntry['kind'];

// Given: S_IFMT of stat(2), and the sizes at which init/initramfs.c of Linux skips an entry without a word.
export const kindBits: Readonly<Record<CpioKind, number>> = {
  fifo: 0o010000,
  character: 0o020000,
  directory: 0o040000,
  block: 0o060000,
  file: 0o100000,
  symlink: 0o120000,
};
/** The way back from the bits of a mode. */
export const kindOfBits: ReadonlyMap<number, CpioKind> = new Map(
  Object.entries(kindBits).map(([kind, bits]) => [bits, kind as CpioKind]),
);
/** PATH_MAX with the NUL. */
export const maxNameBytes = 4_096;
const maxComponentBytes = 255;
export const maxFileBytes = 0xffffffff;
export const trailerName = 'TRAILER!!!';

/** Why `path` may not stand in an archive; undefined when it may. */
export function faultOfPath(path: string, nameBytes: number): { code: CpioErrorCode; message: string } | undefined {
  const fault = (bound: string): { code: CpioErrorCode; message: string } => ({
    code: 'CPIO_NAME',
    message: `cpio name must ${bound}, got ${JSON.stringify(path.slice(0, 100))}`,
  });
  if (nameBytes === 0) return fault('not be empty');
  if (nameBytes > maxNameBytes - 1) return fault(`have at most ${maxNameBytes - 1} bytes (it has ${nameBytes})`);
  if (path.includes('\0')) return fault('hold no NUL');
  if (path.startsWith('/')) return fault('be relative');
  // The kernel stops unpacking at this name, whatever it is the name of.
  if (path === trailerName) return fault('not be the one that ends an archive');
  for (const component of path.split('/')) {
    if (component === '' || component === '.' || component === '..')
      return fault('have no empty, "." or ".." component');
    // A code unit is at most three bytes; only near the bound is the exact count worth taking.
    if (component.length * 3 > maxComponentBytes && utf8Length(component) > maxComponentBytes) {
      return fault(`have components of at most ${maxComponentBytes} bytes`);
    }
  }
  return undefined;
}

function utf8Length(text: string): number {
  return new TextEncoder().encode(text).length;
}
