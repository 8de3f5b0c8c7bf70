// Digests of build inputs, to see whether a folder is still what an image was built from. File contents are hashed, because times of files change
// with every checkout. The digest only decides whether a build can be skipped, never what may run.
import { createHash, type Hash } from 'node:crypto';
import type { RootTree, TreeEntry } from '../tree/index.ts';

/** Hex. Rejects as reading the files does. */
export async function digestTree(tree: RootTree): Promise<string> {
  const hash = createHash('sha256');
  for (const path of [...tree.keys()].sort()) {
    const entry = tree.get(path)!;
    const { mode, uid, gid, kind } = entry;
    add(hash, [path, kind, mode, uid, gid, detailOf(entry)]);
    if (entry.kind === 'file') for await (const piece of entry.content.open()) hash.update(piece);
  }
  return hash.digest('hex');
}

/** Digest of any JSON value; the order of keys counts. */
export function digestFacts(facts: unknown): string {
  return createHash('sha256').update(JSON.stringify(facts)).digest('hex');
}

function detailOf(entry: TreeEntry): string | number | null {
  if (entry.kind === 'file') return entry.content.size;
  if (entry.kind === 'symlink' || entry.kind === 'hardlink') return entry.target;
  return entry.kind === 'character' || entry.kind === 'block' ? `${entry.major}:${entry.minor}` : null;
}

/** One JSON line for each entry, so that no name can look like two entries. */
function add(hash: Hash, facts: readonly unknown[]): void {
  hash.update(`${JSON.stringify(facts)}\n`);
}
