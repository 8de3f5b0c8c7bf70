// Is this document what a Nitro Secure Module signed, now, under a root we trust? The checklist in its order, each item a class of
// refusal: strict form, certificates, root, chain, times, signature, then what the caller asked. Nothing of a document comes
// out before all of it held; whoever wants to look at an unproven one uses parseAttestationDocument and says so.
import {
  parseAttestationCertificate,
  parseAttestationDocument,
  type UnverifiedDocument,
} from '@caisson/core/attestation';
import { encodeSigStructure } from '@caisson/core/cose';
import { VerificationError as CoreVerificationError } from '@caisson/core/errors';
import { type Certificate, importVerifyKey, verifyCertificatePath } from '@caisson/core/x509';
import type { VerificationClass } from './error-code.ts';
import { EXPECTED_FIELDS, isDebugDocument, verifyAge, verifyField, verifyNotDebug, verifyPcrs } from './expect.ts';
import { classified, refusal } from './refuse.ts';
import { findTrustRoot, parseTrustRoots } from './trust-root.ts';
import { createVerifiedDocument, type VerifiedDocument } from './verified-document.ts';

export interface VerifyDocumentOptions {
  /** DER, or PEM text, of each. Default: AWS's root alone. */
  readonly roots?: readonly (Uint8Array | string)[];
  /** Unix seconds at which certificates must be valid and the document not in the future. Default: now. */
  readonly at?: number;
  /** Refuse a document that is older at that moment. Default: any age, within its certificates' lives. */
  readonly maxAgeSeconds?: number;
  /** Accept an enclave in debug mode, whose memory the parent can read. Never makes a pinned PCR match. */
  readonly allowDebug?: boolean;
  /** Refuse payload keys that this version does not know. */
  readonly strict?: boolean;
  /** Hex by index; each must be in the document and equal. */
  readonly pcrs?: Readonly<Record<number, string>>;
  readonly nonce?: Uint8Array;
  readonly userData?: Uint8Array;
  readonly publicKey?: Uint8Array;
}

// Chosen: how far the clock of the hypervisor may be ahead of ours.
const maxClockSkewSeconds = 300;

/**
 * Rejects with VerificationError of a class other than POLICY, in the order of VERIFICATION_CLASSES; TypeError for options that
 * are none. The caller may change its buffers as soon as this returns.
 */
export async function verifyDocument(
  document: Uint8Array,
  options: VerifyDocumentOptions = {},
): Promise<VerifiedDocument> {
  return verifyDocumentAgainst(document, options, {});
}

/** The same with several accepted values for a PCR, as policies have them; those of `options` must hold besides. */
export async function verifyDocumentAgainst(
  document: Uint8Array,
  options: VerifyDocumentOptions,
  accepted: Readonly<Record<number, readonly string[]>>,
): Promise<VerifiedDocument> {
  if (!(document instanceof Uint8Array)) throw new TypeError(`document must be a Uint8Array, got ${typeof document}`);
  const roots = parseTrustRoots(options.roots);
  const at = seconds('at', options.at ?? Date.now() / 1000);
  const { maxAgeSeconds } = options;
  if (maxAgeSeconds !== undefined) seconds('maxAgeSeconds', maxAgeSeconds);
  const expected = snapshot(options);

  const { cose, payload } = parse(document);
  const [unknown] = payload.unknownFields;
  if (options.strict && unknown !== undefined) {
    const message = `attestation payload must have no unknown key under strict, got ${JSON.stringify(unknown)}`;
    throw refusal('DOC', 'VERIFY_UNKNOWN_FIELD', message);
  }
  const path = [...payload.cabundle, payload.certificate].map(parsePathCertificate);
  const root = await findTrustRoot(payload.cabundle[0]!, roots);
  await verifyPath(path, at);
  if (payload.timestamp > (at + maxClockSkewSeconds) * 1000) {
    const ahead = Math.ceil(payload.timestamp / 1000 - at);
    const message = `document timestamp must be at most ${maxClockSkewSeconds} s ahead of the verifier, got ${ahead} s`;
    throw refusal('TIME', 'VERIFY_FUTURE', message);
  }
  await verifySignature(cose, path[path.length - 1]!);

  if (maxAgeSeconds !== undefined) verifyAge(payload, at, maxAgeSeconds);
  if (!options.allowDebug) verifyNotDebug(payload);
  for (const pcrs of [expected.pcrs, accepted]) verifyPcrs(payload, pcrs);
  for (const [name, wanted] of expected.fields) verifyField(EXPECTED_FIELDS[name], payload[name], wanted);
  return createVerifiedDocument(payload, path, {
    root: root.name,
    verifiedAt: Math.floor(at),
    historical: options.at !== undefined,
    debug: isDebugDocument(payload),
  });
}

function parse(document: Uint8Array): UnverifiedDocument {
  try {
    return parseAttestationDocument(document);
  } catch (error) {
    throw classified(error, (code) => (code.startsWith('CBOR_') ? 'CBOR' : code.startsWith('COSE_') ? 'COSE' : 'DOC'));
  }
}

function parsePathCertificate(der: Uint8Array, level: number, path: readonly Uint8Array[]): Certificate {
  try {
    return parseAttestationCertificate(der);
  } catch (error) {
    throw classified(error, () => 'CERT', level === path.length - 1 ? 'certificate' : `cabundle[${level}]`);
  }
}

async function verifyPath(path: readonly Certificate[], at: number): Promise<void> {
  try {
    // RFC 5280 4.1.2.5: the last second of a certificate belongs to it whole.
    await verifyCertificatePath(path, { at: Math.floor(at) });
  } catch (error) {
    const isProof = error instanceof CoreVerificationError;
    const classOf = (code: string): VerificationClass =>
      !isProof ? 'CERT' : code === 'X509_VALIDITY' ? 'TIME' : 'CHAIN';
    throw classified(error, classOf);
  }
}

async function verifySignature(cose: UnverifiedDocument['cose'], leaf: Certificate): Promise<void> {
  let holds: boolean;
  try {
    const key = await importVerifyKey(leaf.publicKey);
    // RFC 9052 section 4.4, over the bytes as received.
    const signed = new Uint8Array(encodeSigStructure(cose));
    const signature = new Uint8Array(cose.signature);
    holds = await crypto.subtle.verify({ name: 'ECDSA', hash: 'SHA-384' }, key, signature, signed);
  } catch (error) {
    throw classified(error, () => 'CERT', 'certificate');
  }
  if (holds) return;
  throw refusal(
    'SIG',
    'VERIFY_SIGNATURE',
    'document must be signed by the key of its certificate, got another signature',
  );
}

// Taken before the first await, so that a caller that reuses its buffers does not change what was asked.
function snapshot(options: VerifyDocumentOptions): {
  readonly pcrs: Readonly<Record<string, readonly string[]>>;
  readonly fields: readonly (readonly [keyof typeof EXPECTED_FIELDS, Uint8Array])[];
} {
  const pcrs = Object.fromEntries(Object.entries(options.pcrs ?? {}).map(([index, hex]) => [index, [hex]]));
  const fields = (['nonce', 'userData', 'publicKey'] as const).flatMap((name) => {
    const wanted: unknown = options[name];
    if (wanted === undefined) return [];
    if (!(wanted instanceof Uint8Array)) throw new TypeError(`${name} must be a Uint8Array, got ${typeof wanted}`);
    return [[name, new Uint8Array(wanted)] as const];
  });
  return { pcrs, fields };
}

function seconds(name: string, value: number): number {
  if (typeof value === 'number' && value >= 0 && value <= Number.MAX_SAFE_INTEGER) return value;
  throw new TypeError(`${name} must be seconds >= 0, got ${String(value)}`);
}
