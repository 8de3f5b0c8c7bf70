// The five kinds of certificate in an attestation document: names, lifetimes and extensions as measured on documents of AWS
// hardware. Only the names differ, and say so: whoever prints the root sees that it is simulated.
import {
  encodeAuthorityKeyIdentifier,
  encodeBasicConstraints,
  encodeKeyUsage,
  encodeName,
  encodeSubjectKeyIdentifier,
  KEY_USAGE,
  OID,
} from '@caisson/core/x509';

export interface KeyIdentifiers {
  readonly subject: Uint8Array;
  readonly authority: Uint8Array;
}

export interface ChainProfile {
  readonly lifetimeSeconds: number;
  /** How long before the moment of issue it begins. */
  readonly backdateSeconds: number;
  /** In the order of hardware. */
  extensions(identifiers: KeyIdentifiers): readonly Uint8Array[];
}

const hour = 3600;
const day = 24 * hour;
const { digitalSignature, nonRepudiation, keyCertSign, cRLSign } = KEY_USAGE;
const authorityUsage = (): Uint8Array => encodeKeyUsage([digitalSignature, keyCertSign, cRLSign], true);

// Chosen: a CA begins a minute early, so that a verifier whose clock is behind by less does not refuse a fresh chain.
const authorityBackdateSeconds = 60;

// Given: lifetimes and extensions of hardware's chains.
export const rootProfile: ChainProfile = {
  lifetimeSeconds: (30 * 365 + 8) * day + hour,
  backdateSeconds: authorityBackdateSeconds,
  extensions: ({ subject }) => [encodeBasicConstraints(true), encodeSubjectKeyIdentifier(subject), authorityUsage()],
};

export const regionProfile: ChainProfile = { ...intermediate(2), lifetimeSeconds: 20 * day + hour };
export const zonalProfile: ChainProfile = { ...intermediate(1), lifetimeSeconds: 139 * hour };

export const instanceProfile: ChainProfile = {
  lifetimeSeconds: day,
  backdateSeconds: authorityBackdateSeconds,
  extensions: ({ subject, authority }) => [
    encodeBasicConstraints(true, 0),
    encodeKeyUsage([keyCertSign], true),
    encodeSubjectKeyIdentifier(subject),
    encodeAuthorityKeyIdentifier(authority),
  ],
};

export const leafProfile: ChainProfile = {
  lifetimeSeconds: 3 * hour + 3,
  backdateSeconds: 3,
  extensions: () => [encodeBasicConstraints(false), encodeKeyUsage([digitalSignature, nonRepudiation], false)],
};

function intermediate(pathLength: number): Omit<ChainProfile, 'lifetimeSeconds'> {
  return {
    backdateSeconds: authorityBackdateSeconds,
    extensions: ({ subject, authority }) => [
      encodeBasicConstraints(true, pathLength),
      encodeAuthorityKeyIdentifier(authority),
      encodeSubjectKeyIdentifier(subject),
      authorityUsage(),
    ],
  };
}

/** The common name of every simulated root. */
export const rootCommonName = 'SIMULATED.nitro-enclaves';

/** DER of a subject with this common name, the organisation saying again where it comes from. */
export function subjectName(commonName: string): Uint8Array {
  return encodeName([
    { oid: OID.country, value: 'US' },
    { oid: OID.organization, value: 'Caisson' },
    { oid: OID.organizationalUnit, value: 'SIMULATED' },
    { oid: OID.commonName, value: commonName },
  ]);
}
