// Which image of an index is meant. Names in a layout are the user's own words; in an index for several machines the machine decides.
import { PolicyError } from '@caisson/core/errors';
import type { ImageConfig } from '../tree/index.ts';
import type { OciErrorCode } from './error-code.ts';
import type { Descriptor } from './manifest.ts';

export type Architecture = NonNullable<ImageConfig['architecture']>;

// Given: GOARCH, which the OCI image specification uses.
const architectures: Readonly<Record<string, Architecture>> = { amd64: 'x86_64', arm64: 'aarch64' };
// Given: where layouts and Docker's archives have the name of an image.
const nameKeys = ['io.containerd.image.name', 'org.opencontainers.image.ref.name'];

export function architectureOf(word: string | undefined): Architecture | null {
  return (word !== undefined && architectures[word]) || null;
}

/** The one this machine is of, as far as enclaves have it. */
export function ownArchitecture(): Architecture {
  return process.arch === 'arm64' ? 'aarch64' : 'x86_64';
}

/** The first that fits, as engines choose. Throws PolicyError OCI_PLATFORM. */
export function pickPlatform(manifests: readonly Descriptor[], architecture: Architecture, what: string): Descriptor {
  const chosen = manifests.find(
    ({ platform }) => platform?.os === 'linux' && architectureOf(platform.architecture) === architecture,
  );
  if (chosen !== undefined) return chosen;
  // A single image need not name a platform; its configuration is checked later.
  const [only] = manifests;
  if (manifests.length === 1 && only?.platform === undefined && only !== undefined) return only;
  const got = manifests.map(({ platform }) => (platform ? `${platform.os}/${platform.architecture}` : 'unnamed'));
  throw refused(
    `${what} must have an image for linux on ${architecture}, got ${[...new Set(got)].slice(0, 20).join(', ') || 'none'}`,
  );
}

/** The image of a layout or archive that has this name; without a name there must be one. Throws PolicyError OCI_PLATFORM. */
export function pickNamed(
  manifests: readonly Descriptor[],
  name: string | undefined,
  architecture: Architecture,
  what: string,
): Descriptor {
  const named =
    name === undefined ? manifests : manifests.filter((one) => namesOf(one).some((own) => isSameName(own, name)));
  const distinct = [...new Map(named.map((one) => [one.digest, one])).values()];
  if (distinct.length === 1) return distinct[0]!;
  const fitting = distinct.filter(
    ({ platform }) => platform?.os === 'linux' && architectureOf(platform.architecture) === architecture,
  );
  if (fitting.length === 1) return fitting[0]!;
  const names = manifests.flatMap(namesOf).slice(0, 20).join(', ') || 'no names';
  const must = name === undefined ? 'must have one image' : `must have one image named ${JSON.stringify(name)}`;
  throw refused(`${what} ${must}, got ${distinct.length} of ${manifests.length} (${names})`, 'add :NAME to choose one');
}

/** Throws PolicyError OCI_PLATFORM when an image is for another machine than the wanted. */
export function requirePlatform(
  os: string | undefined,
  word: string | undefined,
  wanted: Architecture,
  what: string,
): void {
  const got = architectureOf(word);
  if ((os === undefined || os === 'linux') && (word === undefined || got === wanted)) return;
  throw refused(`${what} must be for linux on ${wanted}, got ${os ?? 'linux'} on ${got ?? word}`, 'choose with --arch');
}

/** `app:1` and `docker.io/library/app:1` are one name, and so are `app` and `app:latest`, as with every engine. */
export function isSameName(one: string, other: string): boolean {
  const full = (name: string): string => {
    const short = name.replace(/^docker\.io\/(?:library\/)?/, '');
    return /:[^/]*$/.test(short) ? short : `${short}:latest`;
  };
  return one === other || full(one) === full(other);
}

function namesOf({ annotations }: Descriptor): string[] {
  return nameKeys.flatMap((key) => annotations?.[key] ?? []);
}

function refused(message: string, hint?: string): PolicyError<OciErrorCode> {
  return new PolicyError('OCI_PLATFORM', message, { ...(hint !== undefined && { hint }) });
}
