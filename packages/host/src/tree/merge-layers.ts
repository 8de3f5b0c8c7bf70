// Lays the layers of a container image over each other, in memory: names and modes, never content, no root rights, nothing written. What
// engines agree on is done as they do it; where an archive could be unpacked into two trees, or out of the tree, it is refused with its
// layer, its entry and the reason. Extended attributes have no form in a ramdisk and are not here.
import { LimitError } from '@caisson/core/errors';
import { flattenLayers } from './flatten-layers.ts';
import { type Layer, type LayerEntry, parseLayerPath, refused } from './layer.ts';
import type { LayerErrorCode } from './layer-error-code.ts';
import { createNode, hide, hideBelow, type Inode, impliedFolder, type LayerNode } from './layer-node.ts';
import { type WalkBudget, type WalkOptions, walkToFolder } from './layer-walk.ts';
import type { RootTree } from './tree.ts';

export interface MergeOptions {
  /** Refuses names that differ in case only, which Linux images may have, instead of warning. */
  readonly strict?: boolean;
  /** Entries of all layers together, with the folders that they imply. Default 1,000,000. */
  readonly maxEntries?: number;
  /** Of the content of the tree. Default 8 GiB. */
  readonly maxBytes?: number;
}

export interface MergedLayers {
  readonly tree: RootTree;
  /** For people: what was decided and could surprise. At most 100. */
  readonly warnings: readonly string[];
}

// Chosen: P-E3, and a bound on what a chain of links can make of few bytes: at most about a minute of work.
const defaultMaxEntries = 1_000_000;
const defaultMaxBytes = 2 ** 33;
const stepsPerEntry = 256;
const maxWarnings = 100;
// Given: OCI image specification, layer.md, "Whiteouts"; the second is of AUFS, for itself.
const whiteout = '.wh.';
const opaque = '.wh..wh..opq';

/** Lowest layer first. Throws PolicyError LAYER_* and LimitError LAYER_LIMIT. */
export async function mergeLayers(layers: Iterable<Layer>, options: MergeOptions = {}): Promise<MergedLayers> {
  const maxEntries = options.maxEntries ?? defaultMaxEntries;
  const budget: WalkBudget = { nodes: maxEntries, steps: stepsPerEntry * Math.max(maxEntries, 4_096) };
  const root = createNode(impliedFolder('root'), -1);
  const warnings: string[] = [];
  let index = 0;
  for (const { origin, entries } of layers) {
    for await (const entry of entries) {
      budget.nodes -= 1;
      if (budget.nodes < 0) {
        throw new LimitError<LayerErrorCode>(
          'LAYER_LIMIT',
          `${origin}, ${entry.place}: layers must have at most ${maxEntries} entries together, got more`,
        );
      }
      const warning = applyEntry(root, entry, budget, { layer: index, origin });
      if (warning !== undefined && warnings.length < maxWarnings) warnings.push(warning);
    }
    index += 1;
  }
  const flat = flattenLayers(root, options.strict === true, options.maxBytes ?? defaultMaxBytes);
  return { tree: flat.tree, warnings: [...warnings, ...flat.warnings].slice(0, maxWarnings) };
}

/** Gives a warning where there is one. */
function applyEntry(
  root: LayerNode,
  entry: LayerEntry,
  budget: WalkBudget,
  { layer, origin }: Pick<WalkOptions, 'layer' | 'origin'>,
): string | undefined {
  const what = `${origin}, ${entry.place}: ${entry.kind} ${JSON.stringify(entry.path.slice(0, 200))}`;
  const words = parseLayerPath(entry.path, `${origin}, ${entry.place}: name of a ${entry.kind}`);
  const name = words.pop();
  if (name === undefined) {
    // `./`: the root has no entry of its own in a ramdisk.
    if (entry.kind === 'directory') return undefined;
    throw refused('LAYER_PATH', `${what} must have a name`);
  }
  if (words.some((word) => word.startsWith(whiteout))) {
    throw refused('LAYER_WHITEOUT', `${what} must not stand below a whiteout`);
  }
  if (name.startsWith(whiteout)) {
    const hidden = hiddenName(entry, name, what);
    const folder = walkToFolder(root, words, budget, { layer, origin, what, create: false });
    if (folder === undefined) return undefined;
    if (hidden === undefined) hideBelow(folder, layer, origin);
    else hide(folder, hidden, layer, origin);
    return undefined;
  }
  const folder = walkToFolder(root, words, budget, { layer, origin, what, create: true })!;
  const children = folder.children!;
  const existing = children.get(name);
  if (entry.kind === 'directory' && existing?.inode.kind === 'directory') {
    const { mode, uid, gid } = entry;
    Object.assign(existing.inode, { mode, uid, gid, origin });
    existing.layer = layer;
    return undefined;
  }
  const inode =
    entry.kind === 'hardlink'
      ? linkedInode(root, entry, budget, { layer, origin, what, create: false }, existing)
      : inodeOf(entry, origin);
  children.set(name, createNode(inode, layer));
  // The last one holds, as with every unpacker; whoever looked at the first one should know.
  return existing?.layer === layer ? `${what} stands in its layer more than once; the last one holds` : undefined;
}

/** undefined for the marker that hides everything. */
function hiddenName(entry: LayerEntry, name: string, what: string): string | undefined {
  if (entry.kind !== 'file') throw refused('LAYER_WHITEOUT', `${what}: a whiteout must be a file`);
  if (name === opaque) return undefined;
  const hidden = name.slice(whiteout.length);
  if (hidden === '' || hidden === '.' || hidden === '..' || hidden.startsWith(whiteout)) {
    throw refused('LAYER_WHITEOUT', `${what}: a whiteout must name an entry of its folder`);
  }
  return hidden;
}

function linkedInode(
  root: LayerNode,
  entry: LayerEntry,
  budget: WalkBudget,
  walk: WalkOptions,
  existing: LayerNode | undefined,
): Inode {
  const { what } = walk;
  const words = parseLayerPath(entry.target ?? '', `${what}: target`);
  const name = words.pop();
  const folder = walkToFolder(root, words, budget, { ...walk, what: `${what}: its target` });
  const target = name === undefined ? folder : folder?.children?.get(name);
  const shown = JSON.stringify((entry.target ?? '').slice(0, 200));
  if (target === undefined) throw refused('LAYER_LINK', `${what} must link to what is there, got ${shown}`);
  if (target === existing) throw refused('LAYER_LINK', `${what} must link to another name, got itself`);
  if (target.inode.kind === 'directory')
    throw refused('LAYER_LINK', `${what} must link to a file, got the folder ${shown}`);
  // In a ramdisk only files can have two names. A second name of a link or device becomes a second entry.
  if (target.inode.kind !== 'file') return { ...target.inode, origin: walk.origin };
  const { mode, uid, gid } = entry;
  return Object.assign(target.inode, { mode, uid, gid });
}

function inodeOf(entry: LayerEntry, origin: string): Inode {
  const { mode, uid, gid } = entry;
  const own = { mode, uid, gid, origin };
  switch (entry.kind) {
    case 'symlink':
      return { ...own, kind: 'symlink', mode: 0o777, target: entry.target ?? '' };
    case 'character':
    case 'block':
      return { ...own, kind: entry.kind, major: entry.major ?? 0, minor: entry.minor ?? 0 };
    case 'directory':
    case 'fifo':
      return { ...own, kind: entry.kind };
    default:
      return { ...own, kind: 'file', ...(entry.content !== undefined && { content: entry.content }) };
  }
}
