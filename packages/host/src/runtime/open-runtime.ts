// A runtime archive as a part of a root file system: node and its libraries below usr/lib/caisson/runtime, and in a development
// image busybox beside them. Content stays in the archive until it is written.
import { type FileHandle, open } from 'node:fs/promises';
import { basename } from 'node:path';
import { CaissonError, ParseError } from '@caisson/core/errors';
import type { ImageProfile } from '@caisson/core/measured';
import { streamTar } from '@caisson/core/tar';
import type { RootTree, TreeContent, TreeEntry } from '../tree/index.ts';
import { type Architecture, parseArchitecture } from './architecture.ts';
import { digestPieces } from './digest-file.ts';
import type { RuntimeErrorCode } from './error-code.ts';
import { readArchiveLedger } from './ledger.ts';

export interface OpenedRuntime {
  readonly path: string;
  /** `runtime-node-24.21.0-x86_64.tar`: the name it has by itself, whatever the file is called. */
  readonly name: string;
  readonly architecture: Architecture;
  /** Version of node, without `v`. */
  readonly node: string;
  readonly size: number;
  readonly sha256: string;
  readonly sha384: string;
  /** `ledger` when the archive is the one the ledger names. */
  readonly origin: 'ledger' | 'local';
  /** From `usr/lib/caisson/runtime` down (and `usr/lib/caisson/busybox`); folders above it are the builder's. */
  readonly tree: RootTree;
  close(): Promise<void>;
}

interface Slice {
  readonly mode: number;
  readonly size: number;
  /** In the archive. */
  readonly offset: number;
}

export const RUNTIME_FOLDER = 'usr/lib/caisson/runtime';
export const RUNTIME_MANIFEST = 'runtime.json';
const owner = { uid: 0, gid: 0, origin: 'runtime' } as const;
// Chosen.
const maxManifestBytes = 65_536;
const pieceBytes = 262_144;

/** The caller closes it. Throws CaissonError RUNTIME_ARCHIVE, ParseError TAR_*. */
export async function openRuntime(
  path: string,
  { profile }: { readonly profile: ImageProfile },
): Promise<OpenedRuntime> {
  const file = await openArchive(path);
  try {
    const { pieces, digest } = digestPieces(file);
    const entries = new Map<string, Slice>();
    for await (const { path: name, kind, mode, size, contentOffset } of streamTar(pieces)) {
      if (kind !== 'file' || entries.has(name))
        throw fault(`runtime archive ${path}: ${name} must be one regular file`);
      entries.set(name, { mode, size, offset: contentOffset });
    }
    const { node, architecture } = await readManifest(file, path, entries.get(RUNTIME_MANIFEST));
    const digests = digest();
    return {
      path,
      node,
      architecture,
      ...digests,
      name: runtimeName(node, architecture),
      origin: readArchiveLedger(architecture).sha384 === digests.sha384 ? 'ledger' : 'local',
      tree: treeOf(file, entries, profile),
      close: () => file.close(),
    };
  } catch (error) {
    await file.close();
    throw error;
  }
}

export function runtimeName(node: string, architecture: Architecture): string {
  return `runtime-node-${node}-${architecture}.tar`;
}

function treeOf(file: FileHandle, entries: ReadonlyMap<string, Slice>, profile: ImageProfile): RootTree {
  const tree = new Map<string, TreeEntry>();
  for (const folder of ['', '/bin', '/lib'])
    tree.set(`${RUNTIME_FOLDER}${folder}`, { kind: 'directory', mode: 0o755, ...owner });
  for (const [path, { mode, size, offset }] of entries) {
    // Licences and the manifest go with the archive, not into every image.
    if (!(path.startsWith('runtime/') || (path === 'busybox' && profile === 'development'))) continue;
    tree.set(`usr/lib/caisson/${path}`, { kind: 'file', mode, ...owner, content: contentOf(file, offset, size) });
  }
  return tree;
}

function contentOf(file: FileHandle, offset: number, size: number): TreeContent {
  return {
    size,
    async *open() {
      const piece = new Uint8Array(Math.min(pieceBytes, size));
      for (let at = 0; at < size; at += piece.length)
        yield await readInto(piece.subarray(0, size - at), file, offset + at);
    },
  };
}

async function readManifest(
  file: FileHandle,
  path: string,
  entry: Slice | undefined,
): Promise<{ node: string; architecture: Architecture }> {
  if (entry === undefined || entry.size > maxManifestBytes) {
    throw fault(`runtime archive ${path} must have a ${RUNTIME_MANIFEST} of at most ${maxManifestBytes} bytes`);
  }
  const text = Buffer.from(await readInto(new Uint8Array(entry.size), file, entry.offset)).toString();
  try {
    const { v, node, architecture } = JSON.parse(text) as Record<string, unknown>;
    if (v !== 1 || typeof node !== 'string' || typeof architecture !== 'string') throw new TypeError('unknown form');
    return { node, architecture: parseArchitecture(architecture) };
  } catch (cause) {
    throw fault(`runtime archive ${path}: ${RUNTIME_MANIFEST} cannot be read`, cause);
  }
}

async function openArchive(path: string): Promise<FileHandle> {
  try {
    return await open(path, 'r');
  } catch (cause) {
    const why = (cause as NodeJS.ErrnoException).code;
    throw new CaissonError<RuntimeErrorCode>('RUNTIME_ARCHIVE', `cannot open runtime archive ${path}: ${why}`, {
      cause,
      hint: `make it with: caisson runtime pack -o ${basename(path)}`,
    });
  }
}

async function readInto(into: Uint8Array, file: FileHandle, offset: number): Promise<Uint8Array> {
  for (let at = 0; at < into.length; ) {
    const { bytesRead } = await file.read(into, at, into.length - at, offset + at);
    if (bytesRead === 0) throw fault(`runtime archive must not shrink while it is read, got its end at ${offset + at}`);
    at += bytesRead;
  }
  return into;
}

function fault(message: string, cause?: unknown): ParseError<RuntimeErrorCode> {
  return new ParseError('RUNTIME_ARCHIVE', message, cause === undefined ? {} : { cause });
}
