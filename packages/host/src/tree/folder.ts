// A folder on disk as a tree. As an application its modes are made plain, because a checkout has those of whoever made it; as a
// root file system they are kept. Owners are root in both: whose files they are on the build machine is no fact about the image.
// What has no place in an image, or would be another thing there, is refused by name.
import { type BigIntStats, lstatSync, readdirSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { CaissonError, LimitError, ParseError, PolicyError } from '@caisson/core/errors';
import { isUnfinishedName } from '../file/index.ts';
import type { TreeErrorCode } from './error-code.ts';
import { createFileContent } from './file-content.ts';
import { isLinkOutside } from './link-target.ts';
import type { OpenedSource, RootTree, TreeEntry } from './tree.ts';

export interface FolderOptions {
  readonly as: 'folder' | 'rootfs';
  /** Paths in the folder that are left out, with what is below them. */
  readonly exclude?: readonly string[];
  /** The names in a folder, in any order; for tests of what that order may not change. */
  readonly readNames?: (folder: string) => Buffer[];
}

// Chosen: P-E3.
const maxEntries = 1_000_000;
const maxBytes = 8 * 2 ** 30;
// Given: the sizes at which the kernel leaves a name of a ramdisk out.
const maxPathBytes = 4_000;
const maxNameBytes = 255;

/** Throws CaissonError TREE_FOLDER, ParseError TREE_NAME, PolicyError TREE_KIND, TREE_LINK, LimitError TREE_LIMIT. */
export function openFolder(path: string, options: FolderOptions): OpenedSource {
  const tree = readTree(path, options);
  for (const [at, entry] of tree) if (entry.kind === 'symlink') requireInside(tree, at, entry.target, options.as);
  return { kind: options.as, tree, config: null, inputs: [], close: async () => {} };
}

function readTree(root: string, { as, exclude = [], readNames = namesIn }: FolderOptions): RootTree {
  const stat = look(root, true);
  if (!stat.isDirectory()) throw fault(`source ${root} must be a folder`);
  const left = new Set(exclude);
  const entries: [string, TreeEntry][] = [];
  let bytes = 0n;
  const walk = (folder: string): void => {
    const names = new Set<string>();
    for (const raw of readNames(join(root, folder))) {
      const name = parseName(raw, join(root, folder), names);
      const path = folder === '' ? name : `${folder}/${name}`;
      // A build into its own source: what another one, or a killed one, has not finished.
      if (left.has(path) || isUnfinishedName(name)) continue;
      const place = join(root, path);
      const found = look(place);
      if (Buffer.byteLength(path) > maxPathBytes) throw tooMuch(`path ${path.slice(0, 80)}…`, maxPathBytes, 'bytes');
      if (found.isFile()) bytes += found.size;
      entries.push([path, entryOf(place, found, as)]);
      if (entries.length > maxEntries) throw tooMuch(`source ${root}`, maxEntries, 'entries');
      if (bytes > BigInt(maxBytes)) throw tooMuch(`source ${root}`, maxBytes, 'bytes');
      if (found.isDirectory()) walk(path);
    }
  };
  walk('');
  // One order, whatever the disk's was: messages, warnings and the manifest are part of what is the same every time.
  const keyed = entries.map((entry) => ({ key: Buffer.from(entry[0]), entry }));
  keyed.sort((one, other) => Buffer.compare(one.key, other.key));
  return new Map(keyed.map(({ entry }) => entry));
}

function entryOf(place: string, stat: BigIntStats, as: FolderOptions['as']): TreeEntry {
  const own = { uid: 0, gid: 0, origin: as };
  const kept = Number(stat.mode) & 0o7777;
  if (stat.isDirectory()) return { kind: 'directory', mode: as === 'folder' ? 0o755 : kept, ...own };
  if (stat.isFile()) {
    const plain = (kept & 0o111) === 0 ? 0o644 : 0o755;
    return { kind: 'file', mode: as === 'folder' ? plain : kept, ...own, content: createFileContent(place, stat) };
  }
  if (stat.isSymbolicLink()) return { kind: 'symlink', mode: 0o777, ...own, target: readTarget(place) };
  if (as === 'rootfs' && stat.isFIFO()) return { kind: 'fifo', mode: kept, ...own };
  if (as === 'rootfs' && (stat.isCharacterDevice() || stat.isBlockDevice())) {
    const [major, minor] = deviceNumbers(stat.rdev);
    return { kind: stat.isBlockDevice() ? 'block' : 'character', mode: kept, ...own, major, minor };
  }
  const kind = stat.isSocket() ? 'a socket' : stat.isFIFO() ? 'a fifo' : 'a device';
  throw new PolicyError<TreeErrorCode>(
    'TREE_KIND',
    `${place} must be a file, a folder or a symbolic link, got ${kind}`,
    {
      hint: 'remove it, or leave it out with exclude in caisson.yaml',
    },
  );
}

/** Given: new_decode_dev of Linux's kdev_t.h, as glibc's gnu_dev_major and gnu_dev_minor spread it. */
function deviceNumbers(device: bigint): [major: number, minor: number] {
  const major = ((device >> 8n) & 0xfffn) | ((device >> 32n) & 0xfffff000n);
  const minor = (device & 0xffn) | ((device >> 12n) & 0xffffff00n);
  return [Number(major), Number(minor)];
}

function namesIn(folder: string): Buffer[] {
  try {
    return readdirSync(folder, { encoding: 'buffer' });
  } catch (cause) {
    throw fault(`cannot read folder ${folder}: ${(cause as NodeJS.ErrnoException).code}`, cause);
  }
}

function parseName(raw: Buffer, folder: string, names: Set<string>): string {
  const name = raw.toString('utf8');
  const refuse = (bound: string): ParseError<TreeErrorCode> =>
    new ParseError('TREE_NAME', `name in ${folder} must ${bound}, got ${JSON.stringify(name)}`);
  if (!Buffer.from(name, 'utf8').equals(raw)) throw refuse('be UTF-8');
  if (/[\0-\x1f\x7f]/.test(name)) throw refuse('hold no control characters');
  if (raw.length > maxNameBytes) throw refuse(`have at most ${maxNameBytes} bytes`);
  // Two spellings of one name are one file on another machine's disk, and nobody who reads a listing sees two.
  const composed = name.normalize('NFC');
  if (names.has(composed)) throw refuse('differ from its neighbours in more than its Unicode form');
  names.add(composed);
  return name;
}

function look(path: string, follow = false): BigIntStats {
  try {
    // The source itself may be named by a link; inside of it links are links.
    return lstatSync(follow ? `${path}/.` : path, { bigint: true });
  } catch (cause) {
    throw fault(`cannot read ${path}: ${(cause as NodeJS.ErrnoException).code}`, cause);
  }
}

function readTarget(place: string): string {
  const raw = readlinkSync(place, { encoding: 'buffer' });
  const target = raw.toString('utf8');
  if (Buffer.from(target, 'utf8').equals(raw)) return target;
  throw new ParseError<TreeErrorCode>('TREE_NAME', `target of link ${place} must be UTF-8`);
}

function requireInside(tree: RootTree, path: string, target: string, as: FolderOptions['as']): void {
  const folder = path.slice(0, Math.max(0, path.lastIndexOf('/')));
  if (!isLinkOutside(tree, folder, target, as === 'rootfs' ? 'inside' : 'outside')) return;
  throw new PolicyError<TreeErrorCode>(
    'TREE_LINK',
    `symbolic link ${path} must lead to a place inside of the source, got ${JSON.stringify(target)}`,
    { hint: 'put what it means into the folder, or leave the link out with exclude in caisson.yaml' },
  );
}

function tooMuch(what: string, bound: number, unit: string): LimitError<TreeErrorCode> {
  return new LimitError('TREE_LIMIT', `${what} must have at most ${bound} ${unit}, got more`);
}

function fault(message: string, cause?: unknown): CaissonError<TreeErrorCode> {
  return new CaissonError('TREE_FOLDER', message, cause === undefined ? {} : { cause });
}
