// /apps of an image, as users of the reference know it: names of programs, .config, .logs. What the source has there itself stays, but
// for the places that are ours: neither may be taken for the other.
import { PolicyError } from '@caisson/core/errors';
import { ENCLAVE_NAMES, LAUNCHER } from '../build/root-tree.ts';
import type { RootTree, TreeEntry } from '../tree/index.ts';
import type { RbuildsErrorCode } from './error-code.ts';

const appsFolder = 'apps';
export const LOG_FOLDER = `/${appsFolder}/.logs`;
const owner = { uid: 0, gid: 0, origin: 'rbuilds' } as const;

/** `initYaml` is shown in /apps/.config as it was compiled; null: the source's own is linked there. Throws PolicyError RBUILDS_APPS. */
export function addApps(source: RootTree, initYaml: string | null): RootTree {
  const tree = new Map(source);
  for (const path of ['', '/.config', '/.logs']) addFolder(tree, `${appsFolder}${path}`);
  const shown = initYaml === null ? linkTo('../../etc/init.yaml') : textFile(initYaml);
  addOwn(tree, `${appsFolder}/.config/init.yaml`, shown);
  // Relative, so that it also holds when the root is mounted somewhere else.
  for (const name of ENCLAVE_NAMES) addOwn(tree, `${appsFolder}/${name}`, linkTo(`../${LAUNCHER}`));
  return tree;
}

function addFolder(tree: Map<string, TreeEntry>, path: string): void {
  const found = tree.get(path);
  if (found === undefined) tree.set(path, { kind: 'directory', mode: 0o755, ...owner });
  else if (found.kind !== 'directory') throw clash(path, `be a folder, got ${found.kind}`);
}

function addOwn(tree: Map<string, TreeEntry>, path: string, entry: TreeEntry): void {
  if (tree.has(path)) throw clash(path, 'not be in the Dockerfile’s image: rbuilds puts its own there');
  tree.set(path, entry);
}

function linkTo(target: string): TreeEntry {
  return { kind: 'symlink', mode: 0o777, ...owner, target };
}

function textFile(text: string): TreeEntry {
  const bytes = Buffer.from(text);
  const content = {
    size: bytes.length,
    async *open() {
      yield bytes;
    },
  };
  return { kind: 'file', mode: 0o644, ...owner, content };
}

function clash(path: string, bound: string): PolicyError<RbuildsErrorCode> {
  return new PolicyError('RBUILDS_APPS', `/${path} must ${bound}`);
}
