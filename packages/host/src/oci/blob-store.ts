// Where the blobs of an image are: a layout or a registry. Both check what they give; and the way from a root descriptor to one image
// is the same in both.
import { LimitError } from '@caisson/core/errors';
import type { OpenedSource } from '../tree/index.ts';
import type { OciErrorCode } from './error-code.ts';
import type { FoundImage } from './image.ts';
import { type Descriptor, parseImageConfig, parseIndex, parseManifest } from './manifest.ts';
import { isIndexType, requireImageTypes, requireManifestType } from './media-type.ts';
import type { FileRange } from './pinned-file.ts';
import { type Architecture, pickPlatform } from './platform.ts';

export interface BlobStore {
  /** An index, manifest or configuration, whole. Throws VerificationError OCI_DIGEST, LimitError OCI_LIMIT, CaissonError OCI_BLOB. */
  readDocument(descriptor: Descriptor, what: string): Promise<Uint8Array>;
  /** A layer in a file, as it lies there. Throws the same. */
  fetchLayer(descriptor: Descriptor, what: string): Promise<FileRange>;
}

// Chosen: an index of indexes is what buildx writes into a layout; deeper ones are a way to be kept busy.
const maxDepth = 4;

/** Throws PolicyError OCI_MEDIA, OCI_PLATFORM, ParseError OCI_MANIFEST, and what the store throws. */
export async function findImage(
  store: BlobStore,
  root: Descriptor,
  architecture: Architecture,
  { kind, what }: Pick<FoundImage, 'kind' | 'what'>,
): Promise<FoundImage> {
  const inputs: OpenedSource['inputs'][number][] = [];
  let descriptor = root;
  for (let depth = 0; ; depth += 1) {
    if (depth === maxDepth) {
      throw new LimitError<OciErrorCode>(
        'OCI_LIMIT',
        `${what}: an index must lead to an image in ${maxDepth} steps, got more`,
      );
    }
    requireManifestType(descriptor.mediaType, what);
    const isIndex = isIndexType(descriptor.mediaType);
    const name = `${isIndex ? 'index' : 'manifest'} ${descriptor.digest}`;
    const bytes = await store.readDocument(descriptor, name);
    inputs.push({ name: isIndex ? 'index' : 'manifest', digest: descriptor.digest, size: descriptor.size });
    if (isIndex) descriptor = pickPlatform(parseIndex(bytes, name).manifests, architecture, what);
    else return openManifest(bytes, name);
  }

  async function openManifest(bytes: Uint8Array, name: string): Promise<FoundImage> {
    const { config, layers } = parseManifest(bytes, name);
    requireImageTypes(config, layers, name);
    const raw = await store.readDocument(config, `config ${config.digest}`);
    inputs.push({ name: 'config', digest: config.digest, size: config.size });
    for (const [index, { digest, size }] of layers.entries()) inputs.push({ name: `layer ${index + 1}`, digest, size });
    return {
      kind,
      what,
      inputs,
      config: parseImageConfig(raw, `config ${config.digest}`),
      layers: layers.map((layer, index) => {
        const told = `layer ${index + 1} (${layer.digest})`;
        return { what: told, digest: layer.digest, fetch: () => store.fetchLayer(layer, told) };
      }),
    };
  }
}
