// An X.509 v3 certificate (RFC 5280 4.1) to its fields. Strict DER, exact length; the signed bytes and both names are kept as
// received. It says what a certificate states, not whether that is true or allowed: chains and profiles are decided elsewhere.
import { equalBytes } from '../bytes/index.ts';
import { contextConstructed, contextPrimitive, DER_TAG, type DerCursor, openDer } from '../der/index.ts';
import { LimitError, ParseError } from '../errors/index.ts';
import type { X509ErrorCode } from './error-code.ts';
import {
  type BasicConstraints,
  type Extension,
  type KeyUsage,
  parseBasicConstraints,
  parseExtensions,
  parseKeyUsage,
} from './extension.ts';
import { parseName } from './name.ts';
import { OID } from './oid.ts';

export interface Certificate {
  readonly der: Uint8Array;
  /** The signed bytes, as received. */
  readonly tbs: Uint8Array;
  /** Magnitude, without leading zero. */
  readonly serial: Uint8Array;
  /** DER of the name. */
  readonly issuer: Uint8Array;
  readonly subject: Uint8Array;
  /** Unix seconds, both inclusive. */
  readonly notBefore: number;
  readonly notAfter: number;
  readonly publicKey: PublicKey;
  /** Dotted decimal; the inner and outer one are the same. */
  readonly signatureAlgorithm: string;
  /** Whether the algorithm has parameters; ECDSA (RFC 5758 3.2) has none. */
  readonly hasSignatureParameters: boolean;
  /** Content of the outer BIT STRING: for ECDSA an ECDSA-Sig-Value. */
  readonly signature: Uint8Array;
  readonly basicConstraints: BasicConstraints | undefined;
  readonly keyUsage: KeyUsage | undefined;
  readonly extensions: readonly Extension[];
}

export interface PublicKey {
  /** DER of SubjectPublicKeyInfo. */
  readonly spki: Uint8Array;
  /** Dotted decimal. */
  readonly algorithm: string;
  /** Dotted decimal of a named curve; undefined for other parameters or none. */
  readonly curve: string | undefined;
  readonly bytes: Uint8Array;
}

// Chosen: four times what an attestation document may hold, so that other certificates of the house fit too.
const defaultMaxBytes = 4096;
// Given: RFC 5280 4.1.2.2.
const maxSerialBytes = 20;

/**
 * Throws LimitError X509_SIZE; ParseError X509_VERSION, X509_ALGORITHM, X509_EXTENSION, or one of the DER and BYTES rooms.
 * The result's arrays are views of `der`.
 */
export function parseCertificate(der: Uint8Array, maxBytes = defaultMaxBytes): Certificate {
  if (der.length > maxBytes) {
    throw new LimitError<X509ErrorCode>(
      'X509_SIZE',
      `certificate must have at most ${maxBytes} bytes, got ${der.length}`,
    );
  }
  const outer = openDer(der, DER_TAG.sequence, 'certificate');
  const { bytes: tbs } = outer.take(DER_TAG.sequence, 'tbsCertificate');
  const { bytes: algorithm } = outer.take(DER_TAG.sequence, 'signatureAlgorithm');
  const signature = outer.takeBitString('signatureValue');
  outer.end();
  if (signature.unusedBits !== 0) {
    throw fault(
      'X509_ALGORITHM',
      `certificate signatureValue must be whole octets, got ${signature.unusedBits} unused bits`,
    );
  }
  return { der, tbs, ...parseTbs(tbs, algorithm), signature: signature.bytes };
}

function parseTbs(tbs: Uint8Array, outerAlgorithm: Uint8Array): Omit<Certificate, 'der' | 'tbs' | 'signature'> {
  const fields = openDer(tbs, DER_TAG.sequence, 'certificate');
  requireVersion3(fields);
  const serial = fields.takeUnsigned('serialNumber', maxSerialBytes);
  const { bytes: innerAlgorithm } = fields.take(DER_TAG.sequence, 'signature');
  // RFC 5280 4.1.1.2: both must be the same; only the inner one is signed.
  if (!equalBytes(innerAlgorithm, outerAlgorithm)) {
    throw fault('X509_ALGORITHM', 'certificate must name one signature algorithm, got two that differ');
  }
  const { bytes: issuer } = fields.take(DER_TAG.sequence, 'issuer');
  const validity = fields.enter(DER_TAG.sequence, 'validity');
  const notBefore = validity.takeTime('notBefore');
  const notAfter = validity.takeTime('notAfter');
  validity.end();
  const { bytes: subject } = fields.take(DER_TAG.sequence, 'subject');
  const { bytes: spki } = fields.take(DER_TAG.sequence, 'subjectPublicKeyInfo');
  const extensions = parseOptionalExtensions(fields);
  fields.end();
  for (const name of [issuer, subject]) parseName(name);
  const basicConstraints = extensions.find(({ oid }) => oid === OID.basicConstraints);
  const keyUsage = extensions.find(({ oid }) => oid === OID.keyUsage);
  return {
    serial,
    issuer,
    subject,
    notBefore,
    notAfter,
    publicKey: parsePublicKey(spki),
    ...parseAlgorithm(innerAlgorithm),
    basicConstraints: basicConstraints && parseBasicConstraints(basicConstraints),
    keyUsage: keyUsage && parseKeyUsage(keyUsage),
    extensions,
  };
}

function requireVersion3(fields: DerCursor): void {
  // Version DEFAULT v1 is left out, so its absence is a v1 certificate: no extensions, hence no CA flag to trust.
  if (!fields.isAt(contextConstructed(0))) throw fault('X509_VERSION', 'certificate must have version 3, got 1');
  const wrapper = fields.enter(contextConstructed(0), 'version');
  const version = wrapper.takeSmallInteger('number', 255) + 1;
  wrapper.end();
  if (version !== 3) throw fault('X509_VERSION', `certificate must have version 3, got ${version}`);
}

function parseOptionalExtensions(fields: DerCursor): Extension[] {
  // Obsolete issuerUniqueID and subjectUniqueID (RFC 5280 4.1.2.8) would hide behind a lenient reader, so they are refused by name.
  if (fields.isAt(contextPrimitive(1)) || fields.isAt(contextPrimitive(2))) {
    throw fault('X509_EXTENSION', 'certificate must have no unique identifiers, got one');
  }
  if (!fields.isAt(contextConstructed(3))) return [];
  return parseExtensions(fields.take(contextConstructed(3), 'extensions').content);
}

function parseAlgorithm(identifier: Uint8Array): { signatureAlgorithm: string; hasSignatureParameters: boolean } {
  const fields = openDer(identifier, DER_TAG.sequence, 'certificate signature algorithm');
  return { signatureAlgorithm: fields.takeOid('algorithm'), hasSignatureParameters: !fields.isAtEnd };
}

/** The fields of a SubjectPublicKeyInfo (RFC 5280 4.1.2.7, RFC 5480 2). */
export function parsePublicKey(spki: Uint8Array): PublicKey {
  const fields = openDer(spki, DER_TAG.sequence, 'public key');
  const identifier = fields.enter(DER_TAG.sequence, 'algorithm');
  const algorithm = identifier.takeOid('algorithm');
  const curve = identifier.isAt(DER_TAG.oid) ? identifier.takeOid('curve') : undefined;
  if (!identifier.isAtEnd) identifier.takeAny('parameters');
  identifier.end();
  const key = fields.takeBitString('subjectPublicKey');
  fields.end();
  if (key.unusedBits !== 0)
    throw fault('X509_ALGORITHM', `public key must be whole octets, got ${key.unusedBits} unused bits`);
  return { spki, algorithm, curve, bytes: key.bytes };
}

function fault(code: X509ErrorCode, message: string): ParseError<X509ErrorCode> {
  return new ParseError(code, message);
}
