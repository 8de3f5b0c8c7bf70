// How an image of the store is named: NAME:VERSION, or the SHA-384 of its file, or the beginning of that.
import { NAME_FORM } from '@caisson/core/address';
import { ParseError } from '@caisson/core/errors';
import type { StoreErrorCode } from './error-code.ts';

export interface ImageTag {
  readonly name: string;
  readonly version: string;
}

export type ImageReference =
  | { readonly kind: 'tag'; readonly tag: ImageTag }
  | { readonly kind: 'id'; readonly prefix: string };

// Chosen: versions as container registries have them, ids long enough not to be a word.
const versionForm = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/;
const idForm = /^(?:sha384:)?([0-9a-f]{12,96})$/;

/** Throws ParseError STORE_TAG. */
export function parseImageTag(text: string): ImageTag {
  const at = text.indexOf(':');
  const [name, version] = [text.slice(0, at), text.slice(at + 1)];
  if (at > 0 && NAME_FORM.test(name) && versionForm.test(version)) return { name, version };
  throw new ParseError<StoreErrorCode>(
    'STORE_TAG',
    `image name must be NAME:VERSION (${NAME_FORM.source}, ${versionForm.source}), got ${JSON.stringify(text.slice(0, 80))}`,
    { hint: 'for example hello:1' },
  );
}

/** Throws ParseError STORE_TAG. */
export function parseImageReference(text: string): ImageReference {
  const prefix = idForm.exec(text)?.[1];
  return prefix === undefined ? { kind: 'tag', tag: parseImageTag(text) } : { kind: 'id', prefix };
}

/** Whether `text` can only be meant as a name in the store: a file of that name would have to be written with a `./`. */
export function isImageTag(text: string): boolean {
  const at = text.indexOf(':');
  return NAME_FORM.test(text.slice(0, at)) && versionForm.test(text.slice(at + 1));
}

export function tagText({ name, version }: ImageTag): string {
  return `${name}:${version}`;
}

/** What a policy can hold an image to (verify/policy, image.minimumVersion); undefined for a version that is no number. */
export function versionNumber({ version }: ImageTag): number | undefined {
  return /^[1-9][0-9]{0,8}$/.test(version) ? Number(version) : undefined;
}
