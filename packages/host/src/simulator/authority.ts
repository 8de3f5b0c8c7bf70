// A simulated Nitro authority: root, region, zonal and instance certificates in the shape of hardware's, and leaves on demand.
// Each certificate is renewed before it would end earlier than one it has to sign, as on hardware, where no leaf outlives its
// instance. Its root is nobody's trust anchor unless somebody names it one.
import { parseHex, toHex } from '@caisson/core/bytes';
import { CaissonError } from '@caisson/core/errors';
import { toPem } from '@caisson/core/x509';
import { openAuthorityState } from './authority-state.ts';
import {
  type ChainProfile,
  instanceProfile,
  leafProfile,
  regionProfile,
  rootCommonName,
  rootProfile,
  zonalProfile,
} from './chain-profile.ts';
import type { SimulatorErrorCode } from './error-code.ts';
import { enclaveIdOf, instanceIdOf } from './module-id.ts';
import { createSigner, type Signer, type WebKey } from './signer.ts';

export interface SimulatedAuthority {
  /** The root as PEM text, to be handed to whoever shall trust documents of this simulator. */
  readonly rootPem: string;
  /** A leaf for this module, made now. `exportable`: its key can be handed to whoever signs with it. */
  issueLeaf(moduleId: string, options?: { readonly exportable?: boolean }): Promise<IssuedLeaf>;
}

export interface IssuedLeaf {
  readonly key: WebKey;
  readonly certificate: Uint8Array;
  /** Root, region, zonal, instance. */
  readonly cabundle: readonly Uint8Array[];
  /** Unix seconds. */
  readonly notBefore: number;
  readonly notAfter: number;
}

export interface SimulatedAuthorityOptions {
  /** Unix milliseconds; default Date.now. */
  readonly now?: () => number;
  /** A folder of mode 0700 that keeps the root over restarts; made when absent. Default: a root of this process only. */
  readonly state?: string;
  /** Stands in the names. Default `sim-local-1`. */
  readonly region?: string;
}

export async function createSimulatedAuthority(options: SimulatedAuthorityOptions = {}): Promise<SimulatedAuthority> {
  const now = options.now ?? Date.now;
  const createRoot = (): Promise<Signer> =>
    createSigner({ profile: rootProfile, commonName: rootCommonName, issuer: undefined, at: Math.floor(now() / 1000) });
  const root = options.state === undefined ? await createRoot() : await openAuthorityState(options.state, createRoot);
  return new Chain(root, options.region ?? 'sim-local-1', now);
}

class Chain implements SimulatedAuthority {
  readonly rootPem: string;
  readonly #root: Signer;
  readonly #suffix: string;
  readonly #now: () => number;
  /** The newest certificate of each level, instances by their name. */
  readonly #kept = new Map<string, Signer>();
  #turn: Promise<unknown> = Promise.resolve();

  constructor(root: Signer, region: string, now: () => number) {
    this.#root = root;
    this.#suffix = `${region}.simulated.nitro-enclaves`;
    this.#now = now;
    this.rootPem = toPem('CERTIFICATE', root.certificate);
  }

  issueLeaf(moduleId: string, { exportable = false } = {}): Promise<IssuedLeaf> {
    // One at a time: two callers that both find a level ended would each renew it.
    const issued = this.#turn.then(() => this.#issue(moduleId, Math.floor(this.#now() / 1000), exportable));
    this.#turn = issued.catch(() => undefined);
    return issued;
  }

  async #issue(moduleId: string, at: number, exportable: boolean): Promise<IssuedLeaf> {
    const instance = await this.#instance(`${instanceIdOf(moduleId)}.${this.#suffix}`, at);
    const commonName = `${moduleId}.${this.#suffix.replace(/\.nitro-enclaves$/, '')}`;
    const serial = leafSerial(moduleId, at);
    const leaf = await createSigner({
      profile: leafProfile,
      commonName,
      issuer: instance,
      at,
      exportable,
      ...(serial && { serial }),
    });
    const cabundle: Uint8Array[] = [];
    for (let signer: Signer | undefined = instance; signer !== undefined; signer = signer.issuer) {
      cabundle.unshift(signer.certificate);
    }
    const { key, certificate, notBefore, notAfter } = leaf;
    return { key, certificate, cabundle, notBefore, notAfter };
  }

  #instance(commonName: string, at: number): Promise<Signer> {
    const level = { key: commonName, commonName, profile: instanceProfile, next: leafProfile };
    return this.#level(level, at, () => this.#zonal(at));
  }

  #zonal(at: number): Promise<Signer> {
    const commonName = `${mark()}.zonal.${this.#suffix}`;
    const level = { key: 'zonal', commonName, profile: zonalProfile, next: instanceProfile };
    return this.#level(level, at, () => this.#regional(at));
  }

  #regional(at: number): Promise<Signer> {
    const commonName = `${mark()}.${this.#suffix}`;
    const level = { key: 'region', commonName, profile: regionProfile, next: zonalProfile };
    return this.#level(level, at, () => this.#covering(at));
  }

  /** The root, which must outlive what it signs. */
  async #covering(at: number): Promise<Signer> {
    if (covers(this.#root, at, regionProfile)) return this.#root;
    const need = `${isoTime(at)} to ${isoTime(at + regionProfile.lifetimeSeconds)}`;
    const got = `${isoTime(this.#root.notBefore)} to ${isoTime(this.#root.notAfter)}`;
    throw new CaissonError<SimulatorErrorCode>(
      'SIMULATOR_STATE',
      `simulated root must be valid from ${need}, got ${got}`,
      { hint: 'check the clock, or start with an empty state folder to get a new root' },
    );
  }

  /** The kept certificate of a level while it covers the whole life of what it signs next, else a new one. */
  async #level(level: Level, at: number, issuerOf: () => Promise<Signer>): Promise<Signer> {
    const { key, commonName, profile, next } = level;
    const kept = this.#kept.get(key);
    if (kept !== undefined && covers(kept, at, next)) return kept;
    for (const [other, { notAfter }] of this.#kept) if (notAfter < at) this.#kept.delete(other);
    const signer = await createSigner({ profile, commonName, issuer: await issuerOf(), at });
    this.#kept.set(key, signer);
    return signer;
  }
}

interface Level {
  /** What it is kept under. */
  readonly key: string;
  /** Of a new certificate. */
  readonly commonName: string;
  readonly profile: ChainProfile;
  /** What it signs. */
  readonly next: ChainProfile;
}

function covers({ notBefore, notAfter }: Signer, at: number, next: ChainProfile): boolean {
  return notBefore <= at && at + next.lifetimeSeconds <= notAfter;
}

function isoTime(unixSeconds: number): string {
  return new Date(unixSeconds * 1000).toISOString();
}

function mark(): string {
  return toHex(crypto.getRandomValues(new Uint8Array(8)));
}

// As on hardware: the enclave's id and the moment of issue.
function leafSerial(moduleId: string, at: number): Uint8Array | undefined {
  const enclaveId = enclaveIdOf(moduleId);
  return enclaveId === undefined ? undefined : parseHex(`${enclaveId}${at.toString(16).padStart(16, '0')}`);
}
