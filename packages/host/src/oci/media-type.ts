// What a descriptor says its bytes are. Types that are not here are refused by name: a type decides how bytes are read. How a layer is
// compressed is told by its first bytes, as engines do, and the digest of what comes out settles it.
import { PolicyError } from '@caisson/core/errors';
import type { OciErrorCode } from './error-code.ts';
import type { Descriptor } from './manifest.ts';

// Given: OCI image specification 1.1, media-types.md, and Docker's distribution, spec/manifest-v2-2.md.
export const indexTypes = [
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
] as const;
export const manifestTypes = [
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.v2+json',
] as const;
const configTypes = ['application/vnd.oci.image.config.v1+json', 'application/vnd.docker.container.image.v1+json'];
const layerTypes =
  /^application\/vnd\.(oci\.image\.layer\.v1\.tar(\+gzip|\+zstd)?|docker\.image\.rootfs\.diff\.tar(\.gzip|\.zstd)?)$/;

const hints: readonly (readonly [pattern: RegExp, hint: string])[] = [
  [/manifest\.v1\+/, 'this is an image of Docker before 2017; push it again with a current tool'],
  [/nondistributable|foreign/, 'the layer lies with its vendor and not in the registry; such images are of Windows'],
  [/encrypted/, 'decrypt the image first, for instance with skopeo copy --decryption-key'],
];

export function isIndexType(type: string): boolean {
  return (indexTypes as readonly string[]).includes(type);
}

/** Throws PolicyError OCI_MEDIA. */
export function requireManifestType(type: string, what: string): void {
  if (!isIndexType(type) && !(manifestTypes as readonly string[]).includes(type))
    throw refused(what, 'an image or an index of images', type);
}

/** Throws PolicyError OCI_MEDIA. */
export function requireImageTypes(config: Descriptor, layers: readonly Descriptor[], what: string): void {
  if (!configTypes.includes(config.mediaType))
    throw refused(`${what}: config`, "an image's configuration", config.mediaType);
  for (const [index, { mediaType }] of layers.entries()) {
    if (!layerTypes.test(mediaType))
      throw refused(`${what}: layer ${index + 1}`, 'a tar archive, plain or in gzip or zstd', mediaType);
  }
}

function refused(what: string, must: string, type: string): PolicyError<OciErrorCode> {
  const hint = hints.find(([pattern]) => pattern.test(type))?.[1];
  return new PolicyError('OCI_MEDIA', `${what} must be ${must}, got media type ${JSON.stringify(type)}`, {
    ...(hint !== undefined && { hint }),
  });
}
