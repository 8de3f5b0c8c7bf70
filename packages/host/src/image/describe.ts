// An image as `nitro-cli describe-eif` prints it: the same keys in the same order, so that scripts which read that go on
// working. Source: aws-nitro-enclaves-cli, src/common/json_output.rs (EifDescribeInfo) and aws-nitro-enclaves-image-format,
// src/utils/eif_reader.rs.
import { toHex } from '@caisson/core/bytes';
import type { EifCertificate } from '@caisson/core/eif';
import { ParseError } from '@caisson/core/errors';
import type { ImageErrorCode } from './error-code.ts';
import type { ImageInspection } from './inspect.ts';

/** What every output of nitro-cli with measurements says. */
export const NITRO_HASH_ALGORITHM = 'Sha384 { ... }';

/** Throws ParseError IMAGE_FILE for a file that ends before its sections do: nothing was measured. */
export function describeAsNitroCli(inspection: ImageInspection): Readonly<Record<string, unknown>> {
  const { survey, certificate, pcr8, signatureHolds, faults } = inspection;
  const { header, measurements, metadata } = survey;
  if (measurements === undefined) {
    const [first] = survey.faults;
    throw new ParseError<ImageErrorCode>('IMAGE_FILE', `cannot describe the image: ${first?.message}`, {
      cause: first,
    });
  }
  const { ImageName, ImageVersion } = metadata ?? {};
  return {
    EifVersion: header.version,
    Measurements: {
      HashAlgorithm: NITRO_HASH_ALGORITHM,
      PCR0: toHex(measurements.pcr0),
      PCR1: toHex(measurements.pcr1),
      PCR2: toHex(measurements.pcr2),
      ...(pcr8 !== undefined && { PCR8: toHex(pcr8) }),
    },
    IsSigned: survey.signature !== undefined,
    ...(certificate !== undefined && { SigningCertificate: describeCertificate(certificate) }),
    CheckCRC: !faults.some(({ code }) => code === 'EIF_CRC'),
    ...(signatureHolds !== undefined && { SignatureCheck: signatureHolds }),
    ...(metadata !== undefined && { ImageName, ImageVersion, Metadata: describeMetadata(metadata) }),
  };
}

function describeMetadata({ BuildMetadata, DockerInfo, CustomMetadata }: Readonly<Record<string, unknown>>): object {
  const build = (BuildMetadata ?? {}) as Readonly<Record<string, unknown>>;
  const { BuildTime, BuildTool, BuildToolVersion, OperatingSystem, KernelVersion } = build;
  // serde's flatten: the keys of a map stand beside the others; anything else has none.
  const isMap = typeof CustomMetadata === 'object' && CustomMetadata !== null && !Array.isArray(CustomMetadata);
  return {
    BuildTime,
    BuildTool,
    BuildToolVersion,
    OperatingSystem,
    KernelVersion,
    DockerInfo: DockerInfo ?? null,
    ...(isMap && CustomMetadata),
  };
}

// Given: long names of OpenSSL, which nitro-cli prints. Others stand as their number, as OpenSSL does for what it does not know.
const longNames: Readonly<Record<string, string>> = {
  '2.5.4.3': 'commonName',
  '2.5.4.5': 'serialNumber',
  '2.5.4.6': 'countryName',
  '2.5.4.7': 'localityName',
  '2.5.4.8': 'stateOrProvinceName',
  '2.5.4.10': 'organizationName',
  '2.5.4.11': 'organizationalUnitName',
  '1.2.840.113549.1.9.1': 'emailAddress',
  '1.2.840.10045.4.3.2': 'ecdsa-with-SHA256',
  '1.2.840.10045.4.3.3': 'ecdsa-with-SHA384',
  '1.2.840.10045.4.3.4': 'ecdsa-with-SHA512',
  '1.2.840.113549.1.1.11': 'sha256WithRSAEncryption',
  '1.2.840.113549.1.1.12': 'sha384WithRSAEncryption',
};

function describeCertificate({ issuer, signatureAlgorithm, notBefore, notAfter, signature }: EifCertificate): object {
  const names = issuer.map(({ oid, value }) => [longNames[oid] ?? oid, value] as const);
  return {
    // Rust's BTreeMap: by key, the last of equal ones.
    IssuerName: Object.fromEntries(names.toSorted(([one], [other]) => (one < other ? -1 : Number(one > other)))),
    Algorithm: longNames[signatureAlgorithm] ?? signatureAlgorithm,
    NotBefore: openSslTime(notBefore),
    NotAfter: openSslTime(notAfter),
    Signature: (toHex(signature).toUpperCase().match(/../g) ?? []).join(':'),
  };
}

/** ASN1_TIME_print: `Jan  2 03:04:05 2026 GMT`. */
function openSslTime(unixSeconds: number): string {
  const [, day = '', month = '', year = '', time = ''] =
    /^\w+, (\d+) (\w+) (\d+) ([\d:]+) GMT$/.exec(new Date(unixSeconds * 1000).toUTCString()) ?? [];
  return `${month} ${String(Number(day)).padStart(2)} ${time} ${year} GMT`;
}
