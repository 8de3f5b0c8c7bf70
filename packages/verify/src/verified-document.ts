// What verifyDocument resolves with. It exists only when every check held, so its fields are facts under the named root.
import type { ParsedPayload } from '@caisson/core/attestation';
import { toHex } from '@caisson/core/bytes';
import { type Certificate, nameText } from '@caisson/core/x509';
import { type CaissonClaims, findClaims } from './claim.ts';

export interface VerifiedDocument {
  /** Which root it holds under; `custom` says nothing about AWS hardware. */
  readonly root: 'aws' | 'custom';
  /** The moment the certificates were checked for, unix seconds. */
  readonly verifiedAt: number;
  /** True when the caller gave that moment: what held then may be long over. */
  readonly historical: boolean;
  /** An enclave in debug mode: its memory is open to the parent, and what it says proves nothing. */
  readonly debug: boolean;
  /** Of a Caisson image, where its user_data tells. */
  readonly profile: 'development' | 'production' | undefined;
  readonly moduleId: string;
  readonly digest: 'SHA384';
  /** Unix milliseconds. */
  readonly timestamp: number;
  /** Hex, lower case, of the PCRs that the document has: the locked ones. */
  readonly pcrs: Readonly<Record<number, string>>;
  /** From the root down to the leaf. Revocation lists are not read: serial numbers are here for whoever does. */
  readonly certificates: readonly VerifiedCertificate[];
  readonly publicKey: Uint8Array | undefined;
  readonly userData: Uint8Array | undefined;
  readonly nonce: Uint8Array | undefined;
  /** What user_data says where it is of Caisson's form. */
  readonly claims: CaissonClaims | undefined;
  /** Payload keys this version does not know; signed, but not understood. */
  readonly unknownFields: readonly string[];
}

export interface VerifiedCertificate {
  readonly subject: string;
  /** Hex. */
  readonly serial: string;
  /** Unix seconds, both inclusive. */
  readonly notBefore: number;
  readonly notAfter: number;
}

export function createVerifiedDocument(
  payload: ParsedPayload,
  path: readonly Certificate[],
  about: Pick<VerifiedDocument, 'root' | 'verifiedAt' | 'historical' | 'debug'>,
): VerifiedDocument {
  const claims = findClaims(payload.userData);
  const { moduleId, digest, timestamp, publicKey, userData, nonce, unknownFields } = payload;
  return {
    ...about,
    profile: claims?.profile,
    moduleId,
    digest,
    timestamp,
    pcrs: Object.fromEntries([...payload.pcrs].map(([index, value]) => [index, toHex(value)])),
    certificates: path.map(({ subject, serial, notBefore, notAfter }) => ({
      subject: nameText(subject),
      serial: toHex(serial),
      notBefore,
      notAfter,
    })),
    publicKey,
    userData,
    nonce,
    claims,
    unknownFields,
  };
}
