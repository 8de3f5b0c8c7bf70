// The tree while layers are laid over each other. A node knows which layer it is from, because a whiteout speaks of the layers below
// only; names of one file share an inode, as they do on a disk.
import type { TreeContent } from './tree.ts';

export interface Inode {
  readonly kind: 'file' | 'directory' | 'symlink' | 'character' | 'block' | 'fifo';
  mode: number;
  uid: number;
  gid: number;
  origin: string;
  readonly content?: TreeContent;
  readonly target?: string;
  readonly major?: number;
  readonly minor?: number;
}

export interface LayerNode {
  inode: Inode;
  /** Of the last layer that wrote it; layers count from 0. */
  layer: number;
  /** Of the last layer that hid what is below from it. */
  hiddenBy: number;
  /** Of a folder; null for everything else. */
  readonly children: Map<string, LayerNode> | null;
}

export function createNode(inode: Inode, layer: number): LayerNode {
  return { inode, layer, hiddenBy: -1, children: inode.kind === 'directory' ? new Map() : null };
}

/** A folder that no entry speaks of, as containers' tools make it. */
export function impliedFolder(origin: string): Inode {
  return { kind: 'directory', mode: 0o755, uid: 0, gid: 0, origin };
}

/**
 * Takes what layers below `layer` put at `name` out of `parent`. What `layer` itself put there stays, whether it stands before the
 * whiteout in its archive or after it (OCI image specification, layer.md, "Whiteouts").
 */
export function hide(parent: LayerNode, name: string, layer: number, origin: string): void {
  const node = parent.children?.get(name);
  if (node === undefined) return;
  hideBelow(node, layer, origin);
  if (node.layer === layer) return;
  if (node.children === null || node.children.size === 0) parent.children?.delete(name);
  else {
    node.inode = impliedFolder(origin);
    node.layer = layer;
  }
}

/** What an opaque marker does. Once a folder and layer: nothing of a lower layer comes back, and markers may be many. */
export function hideBelow(node: LayerNode, layer: number, origin: string): void {
  if (node.children === null || node.hiddenBy === layer) return;
  node.hiddenBy = layer;
  for (const name of [...node.children.keys()]) hide(node, name, layer, origin);
}
