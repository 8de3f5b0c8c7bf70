// A chain in hardware's shape (root, region, zonal, instance, leaf) under a root of the test's own, each level open to bends.
import {
  encodeBasicConstraints,
  encodeKeyUsage,
  encodeName,
  KEY_USAGE,
  OID,
  parsePublicKey,
  toPem,
} from '@caisson/core/x509';
import { type CertificateBend, forgeCertificate, type WebKey } from './forge-certificate.ts';

export interface ForgedChain {
  readonly rootPem: string;
  /** DER from the root down to the leaf, and the key of each. */
  readonly path: readonly Uint8Array[];
  readonly keys: readonly WebKey[];
  /** All but the leaf, as a document carries them. */
  readonly cabundle: readonly Uint8Array[];
  readonly certificate: Uint8Array;
  readonly leafKey: WebKey;
}

export interface ForgeChainOptions {
  /** Unix seconds in the middle of every life. */
  readonly at: number;
  /** By level, 0 the root. */
  readonly bends?: Readonly<Record<number, CertificateBend>>;
  /** Of all levels, the root and the leaf included. Default 5. */
  readonly levels?: number;
  /** Path length constraint by level; default hardware's. */
  readonly pathLengths?: Readonly<Record<number, number | undefined>>;
  /** Of one level instead of P-384. */
  readonly curves?: Readonly<Record<number, 'P-256' | 'P-521'>>;
}

const { digitalSignature, nonRepudiation, keyCertSign, cRLSign } = KEY_USAGE;

export const authorityUsage = encodeKeyUsage([digitalSignature, keyCertSign, cRLSign], true);
export const leafUsage = encodeKeyUsage([digitalSignature, nonRepudiation], false);

export const nameOf = (commonName: string): Uint8Array => encodeName([{ oid: OID.commonName, value: commonName }]);

export async function forgeKey(curve = 'P-384'): Promise<{ readonly key: WebKey; readonly spki: Uint8Array }> {
  const pair = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: curve }, true, ['sign', 'verify']);
  return { key: pair.privateKey, spki: new Uint8Array(await crypto.subtle.exportKey('spki', pair.publicKey)) };
}

export async function forgeChain({ at, bends = {}, levels = 5, ...rest }: ForgeChainOptions): Promise<ForgedChain> {
  const leaf = levels - 1;
  const pathLengths = rest.pathLengths ?? Object.fromEntries(hardwareLengths(leaf));
  const path: Uint8Array[] = [];
  const keys: WebKey[] = [];
  let issuer: { readonly name: Uint8Array; readonly key: WebKey } | undefined;
  for (let level = 0; level < levels; level += 1) {
    const { key, spki } = await forgeKey(rest.curves?.[level]);
    const subject = nameOf(`test level ${level}`);
    const isLeaf = level === leaf;
    const sound = {
      issuer: issuer?.name ?? subject,
      subject,
      notBefore: at - 3600,
      notAfter: at + 3600,
      spki,
      extensions: [
        encodeBasicConstraints(!isLeaf, isLeaf ? undefined : pathLengths[level]),
        isLeaf ? leafUsage : authorityUsage,
      ],
    };
    const bend = bends[level] ?? {};
    path.push(await forgeCertificate(sound, bend, issuer?.key ?? key));
    keys.push(key);
    issuer = { name: bend.subject ?? subject, key };
  }
  const certificate = path[leaf]!;
  return {
    rootPem: toPem('CERTIFICATE', path[0]!),
    path,
    keys,
    cabundle: path.slice(0, leaf),
    certificate,
    leafKey: keys[leaf]!,
  };
}

/** The point of a key, 97 bytes for P-384. */
export function pointOf(spki: Uint8Array): Uint8Array {
  return parsePublicKey(spki).bytes;
}

// None on the root, then what is needed and no more.
function hardwareLengths(leaf: number): [number, number][] {
  return Array.from({ length: leaf }, (_, level): [number, number] => [level, leaf - level - 1]).slice(1);
}
