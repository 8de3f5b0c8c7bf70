// What a user calls an image: a path, or a name in a registry. A bare word is never taken for a registry's name: what is fetched from
// strangers is asked for in so many words.
import { ParseError } from '@caisson/core/errors';
import type { OciErrorCode } from './error-code.ts';

export interface RegistryReference {
  /** Of the registry's API, with the port where there is one. */
  readonly host: string;
  /** Under which name credentials are kept. */
  readonly credentialHost: string;
  readonly name: string;
  readonly tag: string | null;
  readonly digest: string | null;
}

export type OciReference =
  | { readonly kind: 'registry'; readonly registry: RegistryReference }
  | { readonly kind: 'path'; readonly path: string; readonly name: string | undefined };

// Given: distribution/reference, regexp.go; and Docker's names for its own registry.
const word = '[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*';
const repository = new RegExp(`^${word}(?:/${word})*$`);
const hostForm = /^(?:localhost|\[[0-9a-f:]+\]|[a-zA-Z0-9](?:[a-zA-Z0-9.-]*[a-zA-Z0-9])?)(?::[0-9]{1,5})?$/;
const tagForm = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/;
const digestForm = /^sha256:[0-9a-f]{64}$/;
const maxNameBytes = 255;
const dockerHub = { names: ['docker.io', 'index.docker.io', 'registry-1.docker.io'], host: 'registry-1.docker.io' };

const registryPrefix = /^(?:docker|registry):\/\//;
const pathPrefix = /^(?:oci|oci-archive|docker-archive):(?!\/\/)/;

/**
 * `docker://HOST/NAME:TAG`, `registry://…` alike; `oci:`, `oci-archive:` and `docker-archive:` before `PATH[:NAME]`; or a path, whose
 * name of an image is told after a colon too when there is no file with the colon in its name (`exists` says so).
 * Throws ParseError OCI_REFERENCE.
 */
export function parseOciReference(text: string, exists: (path: string) => boolean): OciReference {
  if (registryPrefix.test(text))
    return { kind: 'registry', registry: parseRegistry(text.replace(registryPrefix, ''), text) };
  const rest = text.replace(pathPrefix, '');
  if (rest === '') throw fault(text, 'name a path');
  if (exists(rest)) return { kind: 'path', path: rest, name: undefined };
  // The longest path that is there: names have colons too.
  for (let at = rest.lastIndexOf(':'); at > 0; at = rest.lastIndexOf(':', at - 1)) {
    const path = rest.slice(0, at);
    if (exists(path)) return { kind: 'path', path, name: rest.slice(at + 1) };
  }
  return { kind: 'path', path: rest, name: undefined };
}

function parseRegistry(rest: string, text: string): RegistryReference {
  const [beforeDigest = '', digest, ...more] = rest.split('@');
  if (more.length > 0 || (digest !== undefined && !digestForm.test(digest))) {
    throw fault(text, 'have one digest of the form sha256: and 64 hex digits');
  }
  const slash = beforeDigest.indexOf('/');
  const first = slash < 0 ? '' : beforeDigest.slice(0, slash);
  const hasHost = /[.:\]]/.test(first) || first === 'localhost';
  const asked = hasHost ? first : 'docker.io';
  const path = hasHost ? beforeDigest.slice(slash + 1) : beforeDigest;
  const colon = path.lastIndexOf(':');
  const tag = colon < 0 ? undefined : path.slice(colon + 1);
  const bare = colon < 0 ? path : path.slice(0, colon);
  if (!hostForm.test(asked)) throw fault(text, 'have a host name, with a port or without');
  if (!repository.test(bare) || bare.length > maxNameBytes)
    throw fault(text, `name a repository in lower case, got ${JSON.stringify(bare)}`);
  if (tag !== undefined && !tagForm.test(tag))
    throw fault(text, `have a tag of letters, digits, "_", "." and "-", got ${JSON.stringify(tag)}`);
  const isHub = dockerHub.names.includes(asked);
  return {
    host: isHub ? dockerHub.host : asked,
    credentialHost: isHub ? 'docker.io' : asked,
    name: isHub && !bare.includes('/') ? `library/${bare}` : bare,
    tag: tag ?? (digest === undefined ? 'latest' : null),
    digest: digest ?? null,
  };
}

function fault(text: string, must: string): ParseError<OciErrorCode> {
  return new ParseError('OCI_REFERENCE', `image reference ${JSON.stringify(text.slice(0, 300))} must ${must}`);
}
