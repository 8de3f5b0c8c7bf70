// The JSON of an image: index, manifest, configuration, and the list of a docker archive. What is not used is let pass; what is used must
// be of its type. Sources: OCI image specification 1.1 (image-index.md, manifest.md, config.md, descriptor.md), Docker's image
// specification v1.2 (manifest.json).
import { utf8Text } from '@caisson/core/bytes';
import { LimitError, ParseError } from '@caisson/core/errors';
import * as z from 'zod';
import type { OciErrorCode } from './error-code.ts';

// Chosen: what registries take, and more layers than any engine can mount.
export const maxManifestBytes = 4_194_304;
const maxManifests = 1_000;
const maxLayers = 512;

// Only SHA-256: it is the one that every registry has, and a second one would be a second thing to trust.
const digest = z.string().regex(/^sha256:[0-9a-f]{64}$/, 'must be sha256: and 64 hex digits');
const descriptor = z.object({
  mediaType: z.string().max(255),
  digest,
  size: z.int().min(0),
  platform: z.object({ architecture: z.string(), os: z.string(), variant: z.string().optional() }).optional(),
  annotations: z.record(z.string(), z.string()).nullish(),
});
const schemaVersion = z.literal(2);
const index = z.object({
  schemaVersion,
  mediaType: z.string().optional(),
  manifests: z.array(descriptor).max(maxManifests),
  // One document that is both (CVE-2021-41190) is one image to one reader and another to the next.
  layers: z.undefined().optional(),
  config: z.undefined().optional(),
});
const manifest = z.object({
  schemaVersion,
  mediaType: z.string().optional(),
  config: descriptor,
  layers: z.array(descriptor).max(maxLayers),
  manifests: z.undefined().optional(),
});
const archiveList = z
  .array(
    z.object({
      Config: z.string(),
      RepoTags: z.array(z.string()).nullish(),
      Layers: z.array(z.string()).max(maxLayers),
    }),
  )
  .max(maxManifests);
const words = z.array(z.string()).nullish();
const imageConfig = z.object({
  architecture: z.string().optional(),
  os: z.string().optional(),
  rootfs: z.object({ type: z.literal('layers'), diff_ids: z.array(digest).max(maxLayers) }),
  config: z
    .object({
      Entrypoint: words,
      Cmd: words,
      Env: words,
      WorkingDir: z.string().nullish(),
      User: z.string().nullish(),
    })
    .nullish(),
});

export type Descriptor = z.infer<typeof descriptor>;
export type ImageIndex = z.infer<typeof index>;
export type ImageManifest = z.infer<typeof manifest>;
export type ArchiveList = z.infer<typeof archiveList>;
export type RawImageConfig = z.infer<typeof imageConfig>;

/** `what` names the document in messages. All throw ParseError OCI_MANIFEST and LimitError OCI_LIMIT. */
export const parseIndex = (bytes: Uint8Array, what: string): ImageIndex => parse(index, bytes, what);
export const parseManifest = (bytes: Uint8Array, what: string): ImageManifest => parse(manifest, bytes, what);
export const parseArchiveList = (bytes: Uint8Array, what: string): ArchiveList => parse(archiveList, bytes, what);
export const parseImageConfig = (bytes: Uint8Array, what: string): RawImageConfig => parse(imageConfig, bytes, what);

function parse<Value>(schema: z.ZodType<Value>, bytes: Uint8Array, what: string): Value {
  if (bytes.length > maxManifestBytes) {
    throw new LimitError<OciErrorCode>(
      'OCI_LIMIT',
      `${what} must have at most ${maxManifestBytes} bytes, got ${bytes.length}`,
    );
  }
  let value: unknown;
  try {
    value = JSON.parse(utf8Text(bytes));
  } catch (cause) {
    throw new ParseError<OciErrorCode>('OCI_MANIFEST', `${what} must be JSON`, { cause });
  }
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const place = issue?.path.join('.') || 'document';
  throw new ParseError<OciErrorCode>('OCI_MANIFEST', `${what}: ${place}: ${issue?.message ?? 'is not of its form'}`);
}
