// Links for an image that has no root file system of its own (a folder as source): the loader and the libraries where every
// program built for this machine looks for them, and node on the PATH. A root file system of a user gets none: its own are there.
import type { RootTree, TreeEntry } from '../tree/index.ts';
import { ARCHITECTURES, type Architecture } from './architecture.ts';
import { type OpenedRuntime, RUNTIME_FOLDER } from './open-runtime.ts';

const owner = { uid: 0, gid: 0, origin: 'runtime' } as const;

/** Folders are in it, from the root down. */
export function linkRuntime({ architecture, tree }: Pick<OpenedRuntime, 'architecture' | 'tree'>): RootTree {
  const links = new Map<string, TreeEntry>();
  const { multiarch, loaderPath } = ARCHITECTURES[architecture];
  const loader = loaderPath.slice(1);
  link(links, loader, `${RUNTIME_FOLDER}/lib/${loader.slice(loader.lastIndexOf('/') + 1)}`);
  for (const path of tree.keys()) {
    if (!path.startsWith(`${RUNTIME_FOLDER}/lib/`)) continue;
    link(links, `usr/lib/${multiarch}/${path.slice(path.lastIndexOf('/') + 1)}`, path);
  }
  link(links, 'usr/bin/node', `${RUNTIME_FOLDER}/bin/node`);
  return links;
}

/** Words before the path of a script: node started through its own loader, so that no file of the image's root is asked for. */
export function runtimeArgv(architecture: Architecture): readonly string[] {
  const { loaderPath } = ARCHITECTURES[architecture];
  const library = `/${RUNTIME_FOLDER}/lib`;
  const loader = `${library}/${loaderPath.slice(loaderPath.lastIndexOf('/') + 1)}`;
  return [loader, '--library-path', library, `/${RUNTIME_FOLDER}/bin/node`];
}

// Relative, so that it also holds when the root is mounted somewhere else.
function link(links: Map<string, TreeEntry>, path: string, to: string): void {
  const folders = path.split('/').slice(0, -1);
  folders.forEach((_, index) => {
    const folder = folders.slice(0, index + 1).join('/');
    links.set(folder, { kind: 'directory', mode: 0o755, ...owner });
  });
  links.set(path, { kind: 'symlink', mode: 0o777, ...owner, target: `${'../'.repeat(folders.length)}${to}` });
}
