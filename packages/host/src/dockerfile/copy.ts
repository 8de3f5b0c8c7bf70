// What a COPY adds to the tree, as entries of a layer: a folder's content goes into the destination, a file under it or as it.
import { posix } from 'node:path';
import { ParseError, PolicyError } from '@caisson/core/errors';
import type { LayerEntry, RootTree, TreeEntry } from '../tree/index.ts';
import type { DockerfileErrorCode } from './error-code.ts';
import { hasWildcard, matchPath } from './match-path.ts';

export interface CopyOrder {
  readonly line: number;
  readonly sources: readonly string[];
  /** As written. */
  readonly target: string;
  /** Absolute; relative targets begin there. */
  readonly workingDir: string;
  readonly mode?: number;
  readonly owner?: { readonly uid: number; readonly gid: number };
}

/** `context` is what may be copied, `tree` what is there so far. Throws ParseError, PolicyError DOCKERFILE_COPY. */
export function planCopy(order: CopyOrder, context: RootTree, tree: RootTree): LayerEntry[] {
  const { line, target, workingDir } = order;
  const place = `Dockerfile line ${line}`;
  const wanted = order.sources.flatMap((source) => findSources(source, context, line));
  const to = posix.resolve(workingDir, target).slice(1);
  const isFolder = target.endsWith('/') || target === '.' || to === '' || tree.get(to)?.kind === 'directory';
  if (wanted.length > 1 && !isFolder) {
    throw fault(line, `the target of several files must end with /, got ${target}`);
  }
  const entries: LayerEntry[] = [];
  const put = (path: string, entry: TreeEntry): void => {
    const { uid, gid } = order.owner ?? entry;
    const mode = order.mode !== undefined && entry.kind === 'file' ? order.mode : entry.mode;
    const same = { path, mode, uid, gid, place };
    if (entry.kind === 'file') entries.push({ ...same, kind: 'file', content: entry.content });
    else if (entry.kind === 'symlink') entries.push({ ...same, kind: 'symlink', target: entry.target });
    else if (entry.kind === 'directory') entries.push({ ...same, kind: 'directory' });
    else throw fault(line, `a source must be a file, a folder or a symbolic link, got ${entry.kind}`);
  };
  for (const source of wanted) {
    const entry = source === '' ? undefined : follow(source, context, line);
    if (entry !== undefined && entry.entry.kind !== 'directory') {
      put(isFolder ? join(to, posix.basename(source)) : to, entry.entry);
      continue;
    }
    const from = entry?.path ?? '';
    if (to !== '' && tree.get(to) === undefined) {
      put(to, { kind: 'directory', mode: 0o755, uid: 0, gid: 0, origin: place });
    }
    const prefix = from === '' ? '' : `${from}/`;
    for (const [path, inside] of context) {
      if (path.startsWith(prefix) && path !== from) put(join(to, path.slice(prefix.length)), inside);
    }
  }
  return entries;
}

/** Paths of the context; '' is the context itself. */
function findSources(source: string, context: RootTree, line: number): string[] {
  const parts = source.split('/').filter((part) => part !== '' && part !== '.');
  if (parts.includes('..')) throw fault(line, `a source must lie in the context, got ${source}`);
  const path = parts.join('/');
  if (path === '' || context.has(path)) return [path];
  const found = hasWildcard(path) ? [...context.keys()].filter((one) => matchPath(path, one)) : [];
  if (found.length > 0) return found;
  throw new ParseError<DockerfileErrorCode>(
    'DOCKERFILE_COPY',
    `Dockerfile line ${line}: no file of the context is ${source}`,
    {
      hint: 'paths are relative to the context; .dockerignore may leave it out',
    },
  );
}

/** A source that is a link means what it leads to. */
function follow(path: string, context: RootTree, line: number): { path: string; entry: TreeEntry } {
  let at = path;
  for (let steps = 0; steps < 40; steps += 1) {
    const entry = context.get(at);
    if (entry === undefined) break;
    if (entry.kind !== 'symlink') return { path: at, entry };
    at = posix.join(posix.dirname(at), entry.target);
  }
  throw fault(line, `source ${path} must lead to a file of the context`);
}

function join(folder: string, name: string): string {
  return folder === '' ? name : `${folder}/${name}`;
}

function fault(line: number, what: string): PolicyError<DockerfileErrorCode> {
  return new PolicyError('DOCKERFILE_COPY', `Dockerfile line ${line}: ${what}`);
}
