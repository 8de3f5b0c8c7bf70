// Layers laid over each other as a tree of paths, in the order of their bytes. Names that differ in their Unicode form only are refused:
// nobody who reads a listing sees two, and on another disk they are one file. Case is another matter: Linux has both.
import { LimitError } from '@caisson/core/errors';
import { refused } from './layer.ts';
import type { LayerErrorCode } from './layer-error-code.ts';
import type { Inode, LayerNode } from './layer-node.ts';
import type { RootTree, TreeContent, TreeEntry } from './tree.ts';

const empty: TreeContent = { size: 0, async *open() {} };

/** Throws PolicyError LAYER_TWIN and LimitError LAYER_LIMIT. */
export function flattenLayers(
  root: LayerNode,
  strict: boolean,
  maxBytes: number,
): { tree: RootTree; warnings: readonly string[] } {
  const found: { key: Buffer; path: string; inode: Inode }[] = [];
  const warnings: string[] = [];
  const folders: [string, LayerNode][] = [['', root]];
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    const [prefix, { children }] = folder;
    warnings.push(...twinsOf(children!, prefix, strict));
    for (const [name, node] of children!) {
      const path = prefix + name;
      found.push({ key: Buffer.from(path), path, inode: node.inode });
      if (node.children !== null) folders.push([`${path}/`, node]);
    }
  }
  found.sort((one, other) => Buffer.compare(one.key, other.key));
  const first = new Map<Inode, string>();
  const tree = new Map<string, TreeEntry>();
  let bytes = 0;
  for (const { path, inode } of found) {
    const holder = inode.kind === 'file' ? first.get(inode) : undefined;
    tree.set(path, entryOf(inode, holder));
    if (inode.kind !== 'file' || holder !== undefined) continue;
    first.set(inode, path);
    bytes += inode.content?.size ?? 0;
    if (bytes > maxBytes) {
      const message = `${inode.origin}: files of the tree must have at most ${maxBytes} bytes, got more with ${JSON.stringify(path)}`;
      throw new LimitError<LayerErrorCode>('LAYER_LIMIT', message);
    }
  }
  return { tree, warnings };
}

function twinsOf(children: ReadonlyMap<string, LayerNode>, prefix: string, strict: boolean): string[] {
  const warnings: string[] = [];
  const [forms, cases] = [new Map<string, string>(), new Map<string, string>()];
  for (const [name, { inode }] of children) {
    const form = name.normalize('NFC');
    const told = (other: string): string =>
      `${inode.origin}: ${JSON.stringify(prefix + name)} and ${JSON.stringify(prefix + other)}`;
    const twin = forms.get(form);
    if (twin !== undefined) throw refused('LAYER_TWIN', `${told(twin)} must differ in more than their Unicode form`);
    forms.set(form, name);
    const folded = form.toLowerCase();
    const sibling = cases.get(folded);
    if (sibling === undefined) cases.set(folded, name);
    else if (strict) throw refused('LAYER_TWIN', `${told(sibling)} must differ in more than case`);
    else warnings.push(`${told(sibling)} differ in case only`);
  }
  return warnings;
}

function entryOf(inode: Inode, holder: string | undefined): TreeEntry {
  const { mode, uid, gid, origin } = inode;
  const own = { mode, uid, gid, origin };
  switch (inode.kind) {
    case 'file':
      return holder === undefined
        ? { ...own, kind: 'file', content: inode.content ?? empty }
        : { ...own, kind: 'hardlink', target: holder };
    case 'symlink':
      return { ...own, kind: 'symlink', target: inode.target! };
    case 'character':
    case 'block':
      return { ...own, kind: inode.kind, major: inode.major!, minor: inode.minor! };
    default:
      return { ...own, kind: inode.kind };
  }
}
