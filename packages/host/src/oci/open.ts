// Opens a container image, wherever it is, as a tree: a layout in a folder or a tar archive, what `docker save` wrote, or a name in a
// registry. Whatever it puts on disk is gone when it is closed, or when it fails.
import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { CaissonError } from '@caisson/core/errors';
import type { OpenedSource } from '../tree/index.ts';
import { findImage } from './blob-store.ts';
import { type Environment, readCredential } from './credential.ts';
import { findDockerImage, isDockerArchive } from './docker-archive.ts';
import type { OciErrorCode } from './error-code.ts';
import { createImageTree, type FoundImage } from './image.ts';
import { createLayoutStore, isLayout, readLayoutIndex } from './layout.ts';
import { createArchiveParts, createFolderParts, type Parts } from './part.ts';
import { openPinnedFile, type PinnedFile } from './pinned-file.ts';
import { type Architecture, ownArchitecture } from './platform.ts';
import { parseOciReference, type RegistryReference } from './reference.ts';
import { createRegistry } from './registry.ts';
import { createSpool, type Spool } from './spool.ts';
import { compressionOf, unpacked } from './unpack.ts';

export interface OciOptions {
  /** Default: this machine's. */
  readonly architecture?: Architecture;
  /** Where blobs lie while the source is open. Default: the system's folder for temporary files. */
  readonly tempFolder?: string;
  /** For credentials; default none. Names: docs/sources.md. */
  readonly env?: Environment;
  /** Plain http to a registry that is not on this machine. */
  readonly allowHttp?: boolean;
  /** Refuses names that differ in case only. */
  readonly strict?: boolean;
  /** Of all layers. Default 1,000,000. */
  readonly maxEntries?: number;
  /** Of the tree, and of what lies on disk meanwhile. Default 8 GiB. */
  readonly maxBytes?: number;
  /** Silence of a registry. Default 30,000. */
  readonly timeoutMs?: number;
  /** All of what comes from a registry. Default 30 minutes. */
  readonly deadlineMs?: number;
  /** For people: what is being done. */
  readonly onProgress?: (message: string) => void;
}

interface Opened {
  readonly image: FoundImage;
  close(): void;
}

/** True for what `openOciSource` opens rather than a plain folder: registry references, archives, layouts. Reads no further. */
export function isOciSource(reference: string): boolean {
  if (/^(?:docker|registry):\/\/|^(?:oci|oci-archive|docker-archive):/.test(reference)) return true;
  const found = parseOciReference(reference, existsSync);
  if (found.kind !== 'path' || !existsSync(found.path)) return false;
  const stat = statSync(found.path);
  return stat.isFile() || (stat.isDirectory() && existsSync(join(found.path, 'oci-layout')));
}

/** The caller closes it. Throws errors of OCI_* and LAYER_*; docs/sources.md has what is refused. */
export async function openOciSource(reference: string, options: OciOptions = {}): Promise<OpenedSource> {
  const [maxEntries, maxBytes] = [options.maxEntries ?? 1_000_000, options.maxBytes ?? 2 ** 33];
  const architecture = options.architecture ?? ownArchitecture();
  const found = parseOciReference(reference, existsSync);
  const spool = createSpool(options.tempFolder, maxBytes);
  let opened: Opened | undefined;
  try {
    opened =
      found.kind === 'registry'
        ? await openRegistry(found.registry, spool, architecture, maxBytes, options)
        : await openPath(found.path, found.name, spool, architecture, maxBytes);
    const { image, close } = opened;
    const result = await createImageTree(image, spool, { ...options, architecture, maxEntries, maxBytes });
    return {
      ...result,
      kind: image.kind,
      inputs: image.inputs,
      async close() {
        close();
        await spool.close();
      },
    };
  } catch (error) {
    opened?.close();
    await spool.close();
    throw error;
  }
}

async function openRegistry(
  reference: RegistryReference,
  spool: Spool,
  architecture: Architecture,
  maxBytes: number,
  options: OciOptions,
): Promise<Opened> {
  const { timeoutMs = 30_000, deadlineMs = 1_800_000, allowHttp = false } = options;
  const credential = await readCredential(reference.credentialHost, options.env ?? {});
  const http = { timeoutMs, allowHttp, endsAtMs: performance.now() + deadlineMs };
  const registry = createRegistry(reference, credential, spool, maxBytes, http);
  const root = await registry.readRoot();
  const what = `image ${reference.host}/${reference.name}`;
  return { image: await findImage(registry.store, root, architecture, { kind: 'registry', what }), close() {} };
}

async function openPath(
  path: string,
  name: string | undefined,
  spool: Spool,
  architecture: Architecture,
  maxBytes: number,
): Promise<Opened> {
  if (!existsSync(path)) {
    throw new CaissonError<OciErrorCode>('OCI_SOURCE', `image ${path} must be a folder or a file, got nothing there`, {
      hint: `for an image of a registry write docker://${path}`,
    });
  }
  const files: PinnedFile[] = [];
  let parts: Parts | undefined;
  const close = (): void => {
    parts?.close();
    for (const file of files) file.close();
  };
  try {
    if (statSync(path).isDirectory()) parts = createFolderParts(path);
    else parts = await openArchive(path, spool, files);
    return { image: await findInParts(parts, name, architecture, maxBytes), close };
  } catch (error) {
    close();
    throw error;
  }
}

async function openArchive(path: string, spool: Spool, files: PinnedFile[]): Promise<Parts> {
  const what = `archive ${path}`;
  const file = openPinnedFile(path);
  files.push(file);
  const range = { file, offset: 0, size: file.size };
  const compression = await compressionOf(range, what);
  const plain = compression === 'plain' ? file : await spool.write(unpacked(range, compression, what), what);
  return createArchiveParts(plain, what);
}

async function findInParts(
  parts: Parts,
  name: string | undefined,
  architecture: Architecture,
  maxBytes: number,
): Promise<FoundImage> {
  // Docker's archives are layouts too since version 25; the layout is the form with digests throughout.
  const isDocker = isDockerArchive(parts);
  if (isLayout(parts)) {
    const root = await readLayoutIndex(parts, name, architecture);
    const kind = isDocker ? 'docker-archive' : 'oci';
    return findImage(createLayoutStore(parts, maxBytes), root, architecture, { kind, what: parts.what });
  }
  if (isDocker) return findDockerImage(parts, name);
  throw new CaissonError<OciErrorCode>(
    'OCI_SOURCE',
    `${parts.what} must be an OCI layout or what docker save writes, got neither oci-layout nor manifest.json`,
  );
}
