// The certificate an image was signed with. Unlike in an attestation document nothing is derived from it but a key, two dates and
// PCR8: no chain, no CA flag. So version 1 stands too, which is what `openssl x509 -req` of OpenSSL 1.1 makes by
// the recipe of AWS's own guide, and extensions are not looked at.
import { utf8Text } from '../bytes/index.ts';
import { contextConstructed, DER_TAG, openDer } from '../der/index.ts';
import { CaissonError, ParseError } from '../errors/index.ts';
import { type NameAttribute, nameText, type PublicKey, parseName, parsePem, parsePublicKey } from '../x509/index.ts';
import type { EifErrorCode } from './error-code.ts';

export interface EifCertificate {
  readonly der: Uint8Array;
  readonly issuer: readonly NameAttribute[];
  readonly subject: readonly NameAttribute[];
  /** The same for people, escaped (`nameText`). */
  readonly issuerText: string;
  readonly subjectText: string;
  /** Unix seconds, both inclusive. */
  readonly notBefore: number;
  readonly notAfter: number;
  readonly publicKey: PublicKey;
  /** Dotted decimal. */
  readonly signatureAlgorithm: string;
  /** The issuer's signature as it stands in the certificate, unverified. */
  readonly signature: Uint8Array;
}

// Given: RFC 5280 4.1.2.2.
const maxSerialBytes = 20;

/** `pem` is a text with exactly one block; words before it, as `openssl x509 -text` writes, are let be. Throws ParseError EIF_CERTIFICATE. */
export function parseEifCertificate(pem: Uint8Array): EifCertificate {
  try {
    const text = utf8Text(pem);
    const begins = [...text.matchAll(/-----BEGIN /g)];
    // The first of two is what AWS's reader takes; another reader might take the last.
    if (begins.length !== 1) throw fault(`must be one PEM block, got ${begins.length} in ${pem.length} bytes`);
    return parseDer(parsePem('CERTIFICATE', text.slice(begins[0]!.index)));
  } catch (cause) {
    if (!(cause instanceof CaissonError) || cause.code === 'EIF_CERTIFICATE') throw cause;
    throw fault(`must be an X.509 certificate: ${cause.message}`, cause);
  }
}

function parseDer(der: Uint8Array): EifCertificate {
  const outer = openDer(der, DER_TAG.sequence, 'certificate');
  const fields = outer.enter(DER_TAG.sequence, 'tbsCertificate');
  const { bytes: algorithm } = outer.take(DER_TAG.sequence, 'signatureAlgorithm');
  const { bytes: signature } = outer.takeBitString('signatureValue');
  outer.end();
  if (fields.isAt(contextConstructed(0))) fields.take(contextConstructed(0), 'version');
  fields.takeUnsigned('serialNumber', maxSerialBytes);
  fields.take(DER_TAG.sequence, 'signature');
  const { bytes: issuer } = fields.take(DER_TAG.sequence, 'issuer');
  const validity = fields.enter(DER_TAG.sequence, 'validity');
  const notBefore = validity.takeTime('notBefore');
  const notAfter = validity.takeTime('notAfter');
  validity.end();
  const { bytes: subject } = fields.take(DER_TAG.sequence, 'subject');
  const { bytes: spki } = fields.take(DER_TAG.sequence, 'subjectPublicKeyInfo');
  return {
    der,
    issuer: parseName(issuer),
    subject: parseName(subject),
    issuerText: nameText(issuer),
    subjectText: nameText(subject),
    notBefore,
    notAfter,
    publicKey: parsePublicKey(spki),
    signatureAlgorithm: openDer(algorithm, DER_TAG.sequence, 'signatureAlgorithm').takeOid('algorithm'),
    signature,
  };
}

function fault(what: string, cause?: unknown): ParseError<EifErrorCode> {
  return new ParseError('EIF_CERTIFICATE', `EIF signing certificate ${what}`, cause === undefined ? {} : { cause });
}
