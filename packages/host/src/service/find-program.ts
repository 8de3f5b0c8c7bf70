// Whether a service's program is in the root file system: a command that cannot run is a failed build and not a service that fails in
// an enclave which nobody can look into. Bare names are looked up now, so that what is measured says which file will run.
import type { RootTree } from '../tree/index.ts';

// Given: as many links as Linux follows (path_resolution(7)).
const mostLinks = 40;
/** Chosen: where a bare name is looked for when the service's environment has no PATH. */
const defaultSearchPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
/** Filled when the enclave runs; nothing is known of them here. */
const runtimeFolders = /^\/(?:dev|proc|run|sys|tmp)\//;

export type FoundProgram = { readonly path: string } | { readonly missing: string };

/** `word` is the first of a command; a relative one begins at `workingDirectory`. */
export function findProgram(
  tree: RootTree,
  word: string,
  {
    workingDirectory,
    searchPath,
  }: { readonly workingDirectory: string | null; readonly searchPath: string | undefined },
): FoundProgram {
  if (word.includes('/')) {
    const path = word.startsWith('/') ? word : `${workingDirectory ?? ''}/${word}`;
    if (runtimeFolders.test(path)) return { path };
    const problem = problemOf(tree, path);
    return problem === undefined ? { path } : { missing: problem };
  }
  const folders = (searchPath ?? defaultSearchPath).split(':').filter((folder) => folder.startsWith('/'));
  for (const folder of folders) {
    const path = `${folder.replace(/\/+$/, '')}/${word}`;
    if (problemOf(tree, path) === undefined) return { path };
  }
  return { missing: `not found in ${folders.join(':')}` };
}

function problemOf(tree: RootTree, path: string): string | undefined {
  let links = 0;
  const done: string[] = [];
  const left = path.split('/');
  while (left.length > 0) {
    const part = left.shift() ?? '';
    if (part === '..') done.pop();
    if (part === '' || part === '.' || part === '..') continue;
    const entry = tree.get([...done, part].join('/'));
    if (entry?.kind === 'symlink') {
      links += 1;
      if (links > mostLinks) return 'behind more links than are followed';
      if (entry.target.startsWith('/')) done.length = 0;
      left.unshift(...entry.target.split('/'));
    } else {
      done.push(part);
    }
  }
  const entry = tree.get(done.join('/'));
  if (entry === undefined) return 'not in the root file system';
  const file = entry.kind === 'hardlink' ? tree.get(entry.target) : entry;
  if (file?.kind !== 'file') return `a ${entry.kind} and no file`;
  return (file.mode & 0o111) === 0 ? 'a file that may not be executed' : undefined;
}
