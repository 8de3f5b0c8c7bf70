// What `docker save` writes: a tar archive with a list of images, and for each its configuration and layers by path (Docker's image
// specification v1.2). The configuration's digests hold the layers; the configuration's own digest is in its name.
import { CaissonError, PolicyError } from '@caisson/core/errors';
import type { OciErrorCode } from './error-code.ts';
import type { FoundImage } from './image.ts';
import { readPart } from './layout.ts';
import { type ArchiveList, maxManifestBytes, parseArchiveList, parseImageConfig } from './manifest.ts';
import type { Parts } from './part.ts';
import { isSameName } from './platform.ts';
import { digestOf } from './verified.ts';

export function isDockerArchive(parts: Parts): boolean {
  return parts.find('manifest.json') !== undefined;
}

/** Throws ParseError OCI_MANIFEST, VerificationError OCI_DIGEST, PolicyError OCI_PLATFORM, CaissonError OCI_BLOB. */
export async function findDockerImage(parts: Parts, name: string | undefined): Promise<FoundImage> {
  const list = parseArchiveList(
    await readPart(parts, 'manifest.json', maxManifestBytes),
    `${parts.what}: manifest.json`,
  );
  const { Config: path, Layers: paths } = pick(list, name, parts.what);
  const hex = /(?:^|\/)([0-9a-f]{64})(?:\.json)?$/.exec(path)?.[1];
  const bytes = await readPart(parts, path, maxManifestBytes, hex === undefined ? null : `sha256:${hex}`);
  const config = parseImageConfig(bytes, `${parts.what}: ${path}`);
  const layers = paths.map((layer, index) => {
    const range = parts.find(layer);
    const what = `layer ${index + 1} (${layer})`;
    if (range === undefined) {
      throw new CaissonError<OciErrorCode>('OCI_BLOB', `${parts.what}: ${what} must be there, got nothing`);
    }
    return { what, digest: null, fetch: async () => range, size: range.size };
  });
  const inputs = [{ name: 'config', digest: digestOf(bytes), size: bytes.length }];
  for (const [index, { size }] of layers.entries()) {
    const digest = config.rootfs.diff_ids[index];
    if (digest !== undefined) inputs.push({ name: `layer ${index + 1}, unpacked`, digest, size });
  }
  return { kind: 'docker-archive', what: parts.what, config, layers, inputs };
}

function pick(list: ArchiveList, name: string | undefined, what: string): ArchiveList[number] {
  const named =
    name === undefined ? list : list.filter(({ RepoTags }) => RepoTags?.some((own) => isSameName(own, name)));
  if (named.length === 1) return named[0]!;
  const names = list.flatMap(({ RepoTags }) => RepoTags ?? []).slice(0, 20);
  const must = name === undefined ? 'must have one image' : `must have one image named ${JSON.stringify(name)}`;
  throw new PolicyError<OciErrorCode>(
    'OCI_PLATFORM',
    `${what} ${must}, got ${named.length} of ${list.length} (${names.join(', ') || 'no names'})`,
    { hint: 'add :NAME:TAG to choose one' },
  );
}
