// Whether a folder is still what an image was built from. Contents are hashed, since times of files tell of checkouts and not of changes; what
// it is compared with decides only whether a build is spared, never what may run.
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

/** Of anything that JSON can say, in the order of its keys. */
export function digestFacts(facts: unknown): string {
  return createHash('sha256').update(JSON.stringify(facts)).digest('hex');
}

function detailOf(entry: TreeEntry): string | number | null {
  if (entry.kind === 'file') return entry.content.size;
  if (entry.kind === 'symlink' || entry.kind === 'hardlink') return entry.target;
  return entry.kind === 'character' || entry.kind === 'block' ? `${entry.major}:${entry.minor}` : null;
}

/** One line for each entry: a name can hold anything but the end of its string. */
function add(hash: Hash, facts: readonly unknown[]): void {
  hash.update(`${JSON.stringify(facts)}\n`);
}
