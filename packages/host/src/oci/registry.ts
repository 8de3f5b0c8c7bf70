// A registry of images (OCI distribution specification 1.1) as a store of blobs: asked without a name first, with a token or a password
// when it says so, and believed in nothing that has no digest.
import { CaissonError, ParseError, VerificationError } from '@caisson/core/errors';
import type { BlobStore } from './blob-store.ts';
import { type Challenge, parseChallenge } from './challenge.ts';
import type { Credential, FoundCredential } from './credential.ts';
import type { OciErrorCode } from './error-code.ts';
import { get, type HttpAnswer, type HttpOptions, isLoopback, requireSafe } from './http.ts';
import { type Descriptor, maxManifestBytes } from './manifest.ts';
import { indexTypes, manifestTypes } from './media-type.ts';
import type { RegistryReference } from './reference.ts';
import type { Spool } from './spool.ts';
import { digestOf, readVerified, verified } from './verified.ts';

export interface Registry {
  /** The index or manifest that the reference names; with a digest of its own when the reference has none. */
  readRoot(): Promise<Descriptor>;
  readonly store: BlobStore;
}

// Chosen.
const maxTokenBytes = 1_048_576;
const accept = { accept: [...indexTypes, ...manifestTypes].join(', ') };

export function createRegistry(
  { host, name, tag, digest }: RegistryReference,
  { credential, hint }: FoundCredential,
  spool: Spool,
  maxBytes: number,
  http: HttpOptions,
): Registry {
  const base = apiUrl(host, name, http.allowHttp);
  let authorization: string | undefined;
  let root: { readonly descriptor: Descriptor; readonly bytes: Uint8Array } | undefined;

  async function ask(path: string, what: string, headers: Readonly<Record<string, string>> = {}): Promise<HttpAnswer> {
    const url = new URL(path, base);
    let answer = await get(url, headers, authorization, http);
    if (answer.status === 401) {
      // Once for a first token, and once more for one that ran out.
      answer.discard();
      authorization = await authorize(answer.headers.get('www-authenticate') ?? '');
      answer = await get(url, headers, authorization, http);
    }
    if (answer.status === 200) return answer;
    answer.discard();
    const message = `${host} must give ${what}, got status ${answer.status}`;
    if (answer.status === 401 || answer.status === 403)
      throw new CaissonError<OciErrorCode>('OCI_AUTH', message, { hint });
    throw new CaissonError<OciErrorCode>(answer.status === 404 ? 'OCI_BLOB' : 'OCI_REGISTRY', message);
  }

  async function authorize(header: string): Promise<string> {
    const challenge = parseChallenge(header, host);
    if (challenge.scheme === 'bearer')
      return `Bearer ${await readToken(challenge, base, name, credential, hint, http)}`;
    if (credential === undefined) {
      throw new CaissonError<OciErrorCode>('OCI_AUTH', `${host} must be asked with a name and password, got none`, {
        hint,
      });
    }
    return basic(credential);
  }

  return {
    async readRoot() {
      const what = `manifest ${digest ?? tag}`;
      const answer = await ask(`manifests/${digest ?? tag}`, what, accept);
      const bytes = await readVerified(answer.body(), { digest, size: null }, what, maxManifestBytes);
      const told = answer.headers.get('docker-content-digest');
      const got = digestOf(bytes);
      if (told?.startsWith('sha256:') && told !== got) {
        throw new VerificationError<OciErrorCode>(
          'OCI_DIGEST',
          `${what} must have digest ${told}, as ${host} says, got ${got}`,
        );
      }
      const mediaType = (answer.headers.get('content-type') ?? '').split(';')[0]!.trim();
      root = { descriptor: { mediaType, digest: got, size: bytes.length }, bytes };
      return root.descriptor;
    },
    store: {
      async readDocument(descriptor, what) {
        if (root?.descriptor === descriptor) return root.bytes;
        const isConfig = what.startsWith('config ');
        const path = `${isConfig ? 'blobs' : 'manifests'}/${descriptor.digest}`;
        const answer = await ask(path, what, isConfig ? {} : accept);
        return readVerified(answer.body(), descriptor, what, maxManifestBytes);
      },
      async fetchLayer(descriptor, what) {
        const answer = await ask(`blobs/${descriptor.digest}`, what);
        const file = await spool.write(verified(answer.body(), descriptor, what, maxBytes), what);
        return { file, offset: 0, size: file.size };
      },
    },
  };
}

/** Plain http is for this machine alone, unless the user said otherwise. */
export function apiUrl(host: string, name: string, allowHttp: boolean): URL {
  const scheme = isLoopback(new URL(`http://${host}`).hostname) || allowHttp ? 'http' : 'https';
  return new URL(`${scheme}://${host}/v2/${name}/`);
}

async function readToken(
  { realm, service }: Extract<Challenge, { scheme: 'bearer' }>,
  base: URL,
  name: string,
  credential: Credential | undefined,
  hint: string,
  http: HttpOptions,
): Promise<string> {
  const fault = (must: string, cause?: unknown): ParseError<OciErrorCode> =>
    new ParseError('OCI_AUTH', `token of ${base.host} must ${must}`, { hint, ...(cause !== undefined && { cause }) });
  if (!URL.canParse(realm)) throw fault('come from a URL');
  const url = new URL(realm);
  requireSafe(base, url, http.allowHttp);
  if (service !== undefined) url.searchParams.set('service', service);
  url.searchParams.set('scope', `repository:${name}:pull`);
  const answer = await get(url, {}, credential === undefined ? undefined : basic(credential), http);
  if (answer.status !== 200) {
    answer.discard();
    throw fault(`be given by ${url.host}, got status ${answer.status}`);
  }
  const bytes = await readVerified(answer.body(), { digest: null, size: null }, `token of ${base.host}`, maxTokenBytes);
  let value: { token?: unknown; access_token?: unknown };
  try {
    value = JSON.parse(new TextDecoder().decode(bytes)) as typeof value;
  } catch {
    throw fault('be JSON');
  }
  const token = value?.token ?? value?.access_token;
  // Nothing that could end the header it goes into.
  if (typeof token !== 'string' || !/^[\x21-\x7e]+$/.test(token)) throw fault('be a word of printable characters');
  return token;
}

function basic({ username, password }: Credential): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
}
