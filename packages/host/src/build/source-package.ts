// Packages that a source names itself: each package.json below a node_modules folder, and dpkg's list of what is installed. Files that
// cannot be read as such are passed over: they are the source's, and an SBOM that fails a build would be left out.
import { CaissonError } from '@caisson/core/errors';
import type { RootTree } from '../tree/index.ts';
import { readTreeText } from './read-tree-text.ts';

export interface SourcePackage {
  readonly name: string;
  readonly version: string;
  /** Source: https://github.com/package-url/purl-spec */
  readonly purl: string;
  /** In the source. */
  readonly path: string;
}

// Chosen.
const maxPackageBytes = 1_048_576;
const maxStatusBytes = 33_554_432;
const statusPath = 'var/lib/dpkg/status';
const packageForm = /(?:^|\/)node_modules\/(?:@[^/]+\/)?[^/]+\/package\.json$/;

/** In the order of the tree. */
export async function listPackages(tree: RootTree, architecture: string): Promise<SourcePackage[]> {
  const found: SourcePackage[] = [];
  for (const path of tree.keys()) {
    if (packageForm.test(path)) found.push(...(await npmPackage(tree, path)));
    else if (path === statusPath) found.push(...(await debianPackages(tree, architecture)));
  }
  return found;
}

async function npmPackage(tree: RootTree, path: string): Promise<SourcePackage[]> {
  const text = await textOf(tree, path, maxPackageBytes);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return [];
  }
  const { name, version } = (value ?? {}) as { name?: unknown; version?: unknown };
  if (typeof name !== 'string' || typeof version !== 'string' || name === '') return [];
  const purl = `pkg:npm/${name.split('/').map(encodeURIComponent).join('/')}@${encodeURIComponent(version)}`;
  return [{ name, version, purl, path }];
}

async function debianPackages(tree: RootTree, architecture: string): Promise<SourcePackage[]> {
  const text = await textOf(tree, statusPath, maxStatusBytes);
  return text.split('\n\n').flatMap((paragraph) => {
    const field = (name: string): string => new RegExp(`^${name}: (.*)$`, 'm').exec(paragraph)?.[1] ?? '';
    const [name, version] = [field('Package'), field('Version')];
    if (name === '' || version === '' || !/^Status: .*\binstalled$/m.test(paragraph)) return [];
    const machine = field('Architecture') || architecture;
    const purl = `pkg:deb/debian/${encodeURIComponent(name)}@${encodeURIComponent(version)}?arch=${encodeURIComponent(machine)}`;
    return [{ name, version, purl, path: statusPath }];
  });
}

async function textOf(tree: RootTree, path: string, maxBytes: number): Promise<string> {
  try {
    return await readTreeText(tree, path, maxBytes);
  } catch (error) {
    if (error instanceof CaissonError && error.code === 'BUILD_SOURCE') return '';
    throw error;
  }
}
