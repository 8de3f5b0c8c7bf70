// What of a ramdisk may be written into a folder, decided before anything is. An archive is a stranger's list of writes: a name that
// leaves the tree or goes through something that is no folder, or one name for two things, refuses the whole archive. What cannot
// lead out is kept; devices, fifos and links that lead out are left out and named.
import type { StreamedCpioEntry } from '@caisson/core/cpio';
import { PolicyError } from '@caisson/core/errors';
import type { ImageErrorCode } from './error-code.ts';

export interface LeftOut {
  readonly path: string;
  readonly why: string;
}

export interface ExtractPlan {
  /** Parents first. */
  readonly folders: readonly string[];
  /** Path of each entry that is a file; the first of the names that share an inode has the key. */
  readonly files: ReadonlySet<string>;
  /** Names without content of their own, and the path that has it. */
  readonly copies: ReadonlyMap<string, string>;
  readonly links: ReadonlyMap<string, string>;
  readonly leftOut: readonly LeftOut[];
}

type Planned = Pick<StreamedCpioEntry, 'path' | 'fault' | 'kind' | 'links' | 'inode' | 'size' | 'target'>;

/** Throws PolicyError IMAGE_ENTRY. */
export async function planExtract(entries: AsyncIterable<Planned> | Iterable<Planned>): Promise<ExtractPlan> {
  const kinds = new Map<string, Planned['kind']>();
  const folders = new Set<string>();
  const files = new Set<string>();
  const links = new Map<string, string>();
  const leftOut: LeftOut[] = [];
  const shared = new Map<string, { path: string; size: number }[]>();
  for await (const { path, fault, kind, links: names, inode, size, target } of entries) {
    if (fault !== undefined) throw refused(fault.message);
    const earlier = kinds.get(path);
    if (earlier !== undefined && !(earlier === 'directory' && kind === 'directory')) {
      throw refused(`${JSON.stringify(path)} must stand once, got ${earlier} and ${kind}`);
    }
    kinds.set(path, kind);
    if (kind === 'directory') folders.add(path);
    else if (kind === 'file') {
      files.add(path);
      if (names > 1) shared.set(inode, [...(shared.get(inode) ?? []), { path, size }]);
    } else if (kind === 'symlink') {
      if (staysInside(path, target!)) links.set(path, target!);
      else leftOut.push({ path, why: `link to ${target!}, which may lead out of the tree` });
    } else leftOut.push({ path, why: `${kind === 'fifo' ? 'fifo' : `${kind} device`}` });
  }
  for (const path of kinds.keys()) {
    for (const parent of parentsOf(path)) {
      const kind = kinds.get(parent);
      // Link then write through: the oldest way out of a folder.
      if (kind !== undefined && kind !== 'directory') {
        throw refused(`${JSON.stringify(path)} must stand in folders, got ${JSON.stringify(parent)}, a ${kind}`);
      }
      folders.add(parent);
    }
  }
  const copies = new Map<string, string>();
  for (const names of shared.values()) {
    const holder = names.find(({ size }) => size > 0) ?? names[0]!;
    for (const { path, size } of names) if (size === 0 && path !== holder.path) copies.set(path, holder.path);
  }
  return { folders: [...folders].sort(), files, copies, links, leftOut };
}

/**
 * `..` may stand at the beginning only and no more often than the link is deep. Since every folder on the way to a link is a real
 * one, such a target ends inside; after another link a `..` could climb from anywhere.
 */
function staysInside(path: string, target: string): boolean {
  if (target.startsWith('/') || target.includes('\ufffd')) return false;
  const components = target.split('/').filter((one) => one !== '' && one !== '.');
  const climbs = components.findIndex((one) => one !== '..');
  const up = climbs < 0 ? components.length : climbs;
  return up <= parentsOf(path).length && !components.slice(up).includes('..');
}

function parentsOf(path: string): string[] {
  const components = path.split('/');
  return components.slice(1).map((_, index) => components.slice(0, index + 1).join('/'));
}

function refused(what: string): PolicyError<ImageErrorCode> {
  return new PolicyError('IMAGE_ENTRY', `cannot extract: ${what}`);
}
