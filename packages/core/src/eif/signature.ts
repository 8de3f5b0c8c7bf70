// The signature section: a CBOR array with one map of a certificate (PEM text) and a COSE_Sign1 over PCR0, each byte of both written
// as an integer, because the writer's Rust type is Vec<u8>. Source: aws-nitro-enclaves-image-format, src/utils/mod.rs
// (PcrSignature, PcrInfo) and its eif_signer. The algorithm is the key's, never the message's choice.
import { equalBytes } from '../bytes/index.ts';
import { type CborValue, decodeCbor, encodeCbor } from '../cbor/index.ts';
import {
  type CoseSign1,
  encodeCoseSign1,
  encodeProtectedHeader,
  encodeSigStructure,
  parseCoseSign1,
} from '../cose/index.ts';
import { CaissonError, ParseError, VerificationError } from '../errors/index.ts';
import { type EifCertificate, parseEifCertificate } from './certificate.ts';
import type { EifErrorCode } from './error-code.ts';

export interface EifSignature {
  readonly certificate: EifCertificate;
  /** An untagged COSE_Sign1. */
  readonly message: Uint8Array;
}

export interface EifSignatureTerms {
  /** As computed from the sections. */
  readonly pcr0: Uint8Array;
  /** Unix seconds at which the certificate must be valid; undefined: any. */
  readonly at?: number;
}

/** Of a signing key: WebCrypto's names, the COSE number, the width of r || s. */
export interface EifSignatureAlgorithm {
  readonly curve: 'P-256' | 'P-384' | 'P-521';
  readonly hash: 'SHA-256' | 'SHA-384' | 'SHA-512';
  readonly cose: number;
  readonly bytes: number;
}

// Given: RFC 9053 section 2.1 with the widths of FIPS 186-4, by named curve (RFC 5480 section 2.1.1.1).
const algorithms: Readonly<Record<string, EifSignatureAlgorithm>> = {
  '1.2.840.10045.3.1.7': { curve: 'P-256', hash: 'SHA-256', cose: -7, bytes: 64 },
  '1.3.132.0.34': { curve: 'P-384', hash: 'SHA-384', cose: -35, bytes: 96 },
  '1.3.132.0.35': { curve: 'P-521', hash: 'SHA-512', cose: -36, bytes: 132 },
};
// Chosen: every byte is an item, and the section has at most 64 KiB.
const maxItems = 65_536;
const maxMessageBytes = 4_096;

/** Throws ParseError EIF_SIGNATURE_FORM, EIF_CERTIFICATE, or of the CBOR room. */
export function parseEifSignature(section: Uint8Array): EifSignature {
  const list = decodeCbor(section, { maxItems });
  // AWS's reader looks at the first only: whoever counted on a second would have counted on nothing.
  if (!Array.isArray(list) || list.length !== 1) {
    const got = Array.isArray(list) ? `${list.length}` : 'another item';
    throw form(`must be an array of one signature, got ${got}`);
  }
  const entry: CborValue = list[0];
  if (!(entry instanceof Map) || entry.size !== 2) throw form('must hold a map of signing_certificate and signature');
  const message = bytesOf(entry, 'signature');
  return { certificate: parseEifCertificate(bytesOf(entry, 'signing_certificate')), message };
}

/** Rejects with the first of `faultsOfEifSignature`. */
export async function verifyEifSignature(signature: EifSignature, terms: EifSignatureTerms): Promise<void> {
  const [first] = await faultsOfEifSignature(signature, terms);
  if (first !== undefined) throw first;
}

/** VerificationErrors EIF_SIGNATURE, EIF_SIGNATURE_PCR0, EIF_SIGNATURE_DATE; empty when it holds. TypeError for an `at` that is no second. */
export async function faultsOfEifSignature(
  { certificate, message }: EifSignature,
  { pcr0, at }: EifSignatureTerms,
): Promise<VerificationError<EifErrorCode>[]> {
  // NaN would be within any two dates.
  if (at !== undefined && !Number.isSafeInteger(at)) throw new TypeError(`at must be whole unix seconds, got ${at}`);
  const faults: VerificationError<EifErrorCode>[] = [];
  const parsed = await verified(certificate, message).catch((error: unknown) => {
    if (!(error instanceof VerificationError)) throw error;
    faults.push(error);
    return undefined;
  });
  const expected = encodePayload(pcr0);
  // As bytes: another way to write the same register would be another message.
  if (parsed !== undefined && !equalBytes(parsed.payload, expected)) {
    faults.push(broken('EIF_SIGNATURE_PCR0', 'EIF signature must be over PCR0 of these sections, got another payload'));
  }
  const { notBefore, notAfter } = certificate;
  if (at !== undefined && (at < notBefore || at > notAfter)) {
    const [from, to, when] = [notBefore, notAfter, at].map(timeText);
    faults.push(broken('EIF_SIGNATURE_DATE', `EIF signing certificate must be valid at ${when}, got ${from} to ${to}`));
  }
  return faults;
}

/**
 * The signature section. `sign` gets the bytes to sign and gives r || s of the width that the certificate's curve has. Rejects with
 * ParseError EIF_CERTIFICATE, VerificationError EIF_SIGNATURE (another curve; a signature that does not hold), and what `sign` rejects with.
 */
export async function signEif(
  pcr0: Uint8Array,
  certificatePem: Uint8Array,
  sign: (toBeSigned: Uint8Array, algorithm: EifSignatureAlgorithm) => Promise<Uint8Array> | Uint8Array,
): Promise<Uint8Array> {
  const certificate = parseEifCertificate(certificatePem);
  const algorithm = algorithmOf(certificate);
  const unsigned = { protectedHeader: encodeProtectedHeader(algorithm.cose), payload: encodePayload(pcr0) };
  const signature = await sign(encodeSigStructure(unsigned), algorithm);
  const message = encodeCoseSign1({ ...unsigned, signature });
  // Somebody else's key would make an image that no hypervisor starts; better here than there.
  await verifyEifSignature({ certificate, message }, { pcr0 });
  return encodeCbor([
    new Map<string, CborValue>([
      ['signing_certificate', [...certificatePem]],
      ['signature', [...message]],
    ]),
  ]);
}

function encodePayload(pcr0: Uint8Array): Uint8Array {
  return encodeCbor(
    new Map<string, CborValue>([
      ['register_index', 0],
      ['register_value', [...pcr0]],
    ]),
  );
}

function algorithmOf({ publicKey }: EifCertificate): EifSignatureAlgorithm {
  const algorithm = algorithms[publicKey.curve ?? ''];
  if (algorithm !== undefined) return algorithm;
  const got = publicKey.curve ?? publicKey.algorithm;
  throw broken('EIF_SIGNATURE', `EIF signing certificate must have a key on P-256, P-384 or P-521, got ${got}`);
}

async function verified(certificate: EifCertificate, message: Uint8Array): Promise<CoseSign1> {
  const { curve, hash, cose, bytes } = algorithmOf(certificate);
  try {
    const rules = { algorithm: cose, signatureBytes: bytes, maxPayloadBytes: 512, maxBytes: maxMessageBytes };
    const parsed = parseCoseSign1(message, rules);
    const spki = new Uint8Array(certificate.publicKey.spki);
    const key = await crypto.subtle.importKey('spki', spki, { name: 'ECDSA', namedCurve: curve }, false, ['verify']);
    const [signature, signed] = [new Uint8Array(parsed.signature), new Uint8Array(encodeSigStructure(parsed))];
    if (await crypto.subtle.verify({ name: 'ECDSA', hash }, key, signature, signed)) return parsed;
  } catch (cause) {
    const why = cause instanceof CaissonError ? cause.message : 'its key is no point of the curve';
    throw new VerificationError<EifErrorCode>('EIF_SIGNATURE', `EIF signature by a ${curve} key must hold: ${why}`, {
      cause,
    });
  }
  throw broken('EIF_SIGNATURE', `EIF signature must be made by the ${curve} key of its certificate, got another`);
}

function bytesOf(entry: ReadonlyMap<unknown, CborValue>, name: string): Uint8Array {
  const value = entry.get(name);
  if (!Array.isArray(value) || !value.every((byte) => Number.isInteger(byte) && byte >= 0 && byte <= 255)) {
    throw form(`must have ${name} as an array of bytes`);
  }
  return Uint8Array.from(value as number[]);
}

function timeText(unixSeconds: number): string {
  return new Date(unixSeconds * 1000).toISOString().replace('.000Z', 'Z');
}

function form(what: string): ParseError<EifErrorCode> {
  return new ParseError('EIF_SIGNATURE_FORM', `EIF signature section ${what}`);
}

function broken(code: EifErrorCode, message: string): VerificationError<EifErrorCode> {
  return new VerificationError(code, message);
}
