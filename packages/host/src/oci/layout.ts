// An OCI layout: a folder, or a tar archive of one, with an index and blobs named by their digests (OCI image specification,
// image-layout.md). Every blob is held to digest and size before anything in it is believed.
import { CaissonError, ParseError } from '@caisson/core/errors';
import type { BlobStore } from './blob-store.ts';
import type { OciErrorCode } from './error-code.ts';
import { type Descriptor, maxManifestBytes, parseIndex } from './manifest.ts';
import type { Parts } from './part.ts';
import type { FileRange } from './pinned-file.ts';
import { type Architecture, pickNamed } from './platform.ts';
import { readVerified, verifyRange } from './verified.ts';

export function isLayout(parts: Parts): boolean {
  return parts.find('oci-layout') !== undefined && parts.find('index.json') !== undefined;
}

/** The image of a layout that has this name, or the only one. Throws ParseError OCI_MANIFEST, PolicyError OCI_PLATFORM. */
export async function readLayoutIndex(
  parts: Parts,
  name: string | undefined,
  architecture: Architecture,
): Promise<Descriptor> {
  const version = await readPart(parts, 'oci-layout', 4_096);
  if (!/"imageLayoutVersion"\s*:\s*"1\.0\.\d+"/.test(Buffer.from(version).toString('latin1'))) {
    throw new ParseError<OciErrorCode>('OCI_MANIFEST', `${parts.what}: oci-layout must say imageLayoutVersion 1.0.0`);
  }
  const bytes = await readPart(parts, 'index.json', maxManifestBytes);
  const index = parseIndex(bytes, `${parts.what}: index.json`);
  return pickNamed(index.manifests, name, architecture, parts.what);
}

export function createLayoutStore(parts: Parts, maxBytes: number): BlobStore {
  const find = ({ digest, size }: Descriptor, what: string): FileRange => {
    const range = parts.find(`blobs/${digest.replace(':', '/')}`);
    if (range === undefined) {
      throw new CaissonError<OciErrorCode>(
        'OCI_BLOB',
        `${what} must have the blob ${digest} of ${size} bytes, got none`,
      );
    }
    return range;
  };
  return {
    async readDocument(descriptor, what) {
      const { file, offset, size } = find(descriptor, what);
      return readVerified(file.pieces(offset, size), descriptor, what, maxManifestBytes);
    },
    async fetchLayer(descriptor, what) {
      const range = find(descriptor, what);
      await verifyRange(range, descriptor, what, maxBytes);
      return range;
    },
  };
}

/** Throws CaissonError OCI_BLOB, LimitError OCI_LIMIT. */
export async function readPart(
  parts: Parts,
  path: string,
  maxBytes: number,
  digest: string | null = null,
): Promise<Uint8Array> {
  const range = parts.find(path);
  const what = `${parts.what}: ${path}`;
  if (range === undefined) throw new CaissonError<OciErrorCode>('OCI_BLOB', `${what} must be there, got nothing`);
  return readVerified(range.file.pieces(range.offset, range.size), { digest, size: null }, what, maxBytes);
}
