// What an operator asks of the enclave's files.
import { ParseError, PolicyError } from '@caisson/core/errors';
import { plain } from '@caisson/core/log';
import type { PipelineErrorCode } from '../error-code.ts';
import { encodeFields, Fields } from '../fields.ts';
import { Folder } from '../store/folder.ts';
import { parseRelativePath } from '../store/name.ts';

export interface CopyRequest {
  /** Absolute, or a root's name and what is below it. */
  readonly path: string;
  /** For copyIn: an existing folder gets the copy inside, as `sourceName`. */
  readonly into: boolean;
  readonly sourceName: string;
  /** Of copyOut: a folder is copied with what it holds. */
  readonly recursive: boolean;
  readonly resume: boolean;
  readonly checksum: boolean;
}

/** A place that an operator may name, by policy. A development image has `/`. */
export interface FileRoot {
  /** `NAME/path` is below it. */
  readonly name?: string;
  /** Absolute, without `..`. */
  readonly path: string;
  readonly access: 'read' | 'write' | 'both';
  /** Where it is; default `path`. A simulation without a root of its own has it elsewhere. */
  readonly folder?: string;
}

export function encodeCopyRequest(request: CopyRequest): Uint8Array<ArrayBuffer> {
  const { path, into, sourceName, recursive, resume, checksum } = request;
  return encodeFields({ 1: path, 2: into, 3: sourceName, 4: recursive, 5: resume, 6: checksum });
}

/** Throws ParseError PIPELINE_REQUEST. */
export function parseCopyRequest(bytes: Uint8Array): CopyRequest {
  const fields = new Fields(bytes, 'copy request');
  const request = {
    path: fields.text(1),
    into: fields.boolean(2),
    sourceName: fields.text(3, 255),
    recursive: fields.boolean(4),
    resume: fields.boolean(5),
    checksum: fields.boolean(6),
  };
  fields.end();
  return request;
}

export interface OpenedRoot {
  /** Its caller releases it. */
  readonly folder: Folder;
  /** Below the root. */
  readonly names: readonly string[];
}

/** The deepest root that holds `path`. Throws ParseError PIPELINE_NAME, PolicyError PIPELINE_ROOT. */
export function openRoot(roots: readonly FileRoot[], asked: string, access: 'read' | 'write'): OpenedRoot {
  const path = pathOf(roots, asked);
  if (!path.startsWith('/')) {
    throw new ParseError<PipelineErrorCode>(
      'PIPELINE_NAME',
      `path in the enclave must be absolute or begin with the name of a root, got ${plain(path.slice(0, 300))}`,
    );
  }
  const names = parseRelativePath(path.slice(1).replace(/\/$/, ''), 'path in the enclave');
  const isBelow = (root: readonly string[]): boolean => root.every((name, index) => names[index] === name);
  const found = roots
    .filter((root) => root.access === 'both' || root.access === access)
    .map(({ path: at, folder = at }) => ({ folder, parts: at.split('/').filter(Boolean) }))
    .filter(({ parts }) => isBelow(parts))
    .sort((one, other) => other.parts.length - one.parts.length)[0];
  if (found !== undefined) return { folder: Folder.open(found.folder), names: names.slice(found.parts.length) };
  const offered =
    roots
      .map(({ name, path: at, access: way }) => `${name === undefined ? '' : `${name}: `}${at} (${way})`)
      .join(', ') || 'none';
  throw new PolicyError<PipelineErrorCode>(
    'PIPELINE_ROOT',
    `path ${plain(path)} must lie in a root of the image to ${access}, got roots ${offered}`,
    { hint: 'a production image has no file roots unless it measures them' },
  );
}

/** What a name stands for, as a path: the rules of paths then hold for both. */
function pathOf(roots: readonly FileRoot[], asked: string): string {
  const [first] = asked.split('/', 1);
  const named = roots.find(({ name }) => name !== undefined && name === first);
  return named === undefined ? asked : `${named.path}${asked.slice(named.name?.length)}`;
}
