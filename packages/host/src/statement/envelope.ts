// DSSE (secure-systems-lab/dsse, protocol.md, version 1.0.2): a payload, its type, and signatures over both, so that bytes which were signed
// as one thing are never read as another. One signature; the payload is parsed only after it holds.
import { createHash, createPrivateKey, createPublicKey, type KeyObject, sign, verify } from 'node:crypto';
import { ParseError, VerificationError } from '@caisson/core/errors';
import type { StatementErrorCode } from './error-code.ts';

interface Envelope {
  readonly payloadType: string;
  readonly payload: string;
  readonly signatures: readonly { readonly keyid: string; readonly sig: string }[];
}

// Given: the hash that goes with each curve (FIPS 186-5, and what sigstore's tools expect); Ed25519 hashes by itself.
const hashes: Readonly<Record<string, string | null>> = {
  prime256v1: 'sha256',
  secp384r1: 'sha384',
  secp521r1: 'sha512',
};

/** Throws ParseError STATEMENT_KEY. */
export function signEnvelope(
  payload: Uint8Array,
  payloadType: string,
  keyPem: Uint8Array,
  passphrase?: string,
): string {
  const key = openPrivateKey(keyPem, passphrase);
  const signature = sign(hashOf(key), encodePreAuth(payloadType, payload), key);
  const envelope: Envelope = {
    payloadType,
    payload: Buffer.from(payload).toString('base64'),
    signatures: [{ keyid: keyIdOf(createPublicKey(key)), sig: signature.toString('base64') }],
  };
  return `${JSON.stringify(envelope)}\n`;
}

/**
 * The payload of an envelope that the key signed. Throws ParseError STATEMENT_FORM, STATEMENT_KEY; VerificationError STATEMENT_SIGNATURE.
 */
export function openEnvelope(text: string, payloadType: string, publicKeyPem: Uint8Array): Uint8Array {
  const key = openPublicKey(publicKeyPem);
  const envelope = parseEnvelope(text);
  if (envelope.payloadType !== payloadType) {
    throw form(`payloadType must be ${payloadType}, got ${JSON.stringify(envelope.payloadType.slice(0, 80))}`);
  }
  const payload = fromBase64(envelope.payload, 'payload');
  const signed = encodePreAuth(payloadType, payload);
  // The key id is a hint of whoever wrote the envelope; what counts is the key that was given.
  const holds = envelope.signatures.some(({ sig }) => verify(hashOf(key), signed, key, fromBase64(sig, 'sig')));
  if (holds) return payload;
  throw new VerificationError<StatementErrorCode>(
    'STATEMENT_SIGNATURE',
    `statement must be signed by key ${keyIdOf(key)}, got signatures of ${envelope.signatures.map(({ keyid }) => keyid.slice(0, 80)).join(', ')}`,
  );
}

/** PAE(type, body) of the protocol. */
export function encodePreAuth(payloadType: string, payload: Uint8Array): Buffer {
  const type = Buffer.from(payloadType);
  return Buffer.concat([Buffer.from(`DSSEv1 ${type.length} `), type, Buffer.from(` ${payload.length} `), payload]);
}

/** SHA-256 of the SubjectPublicKeyInfo, hex. */
function keyIdOf(key: KeyObject): string {
  return createHash('sha256')
    .update(key.export({ format: 'der', type: 'spki' }))
    .digest('hex');
}

function hashOf(key: KeyObject): string | null {
  if (key.asymmetricKeyType === 'ed25519') return null;
  const hash = hashes[key.asymmetricKeyDetails?.namedCurve ?? ''];
  if (key.asymmetricKeyType === 'ec' && hash !== undefined) return hash;
  throw badKey(
    `must be Ed25519, P-256, P-384 or P-521, got ${key.asymmetricKeyDetails?.namedCurve ?? key.asymmetricKeyType}`,
  );
}

function openPrivateKey(pem: Uint8Array, passphrase: string | undefined): KeyObject {
  try {
    return createPrivateKey({ key: Buffer.from(pem), format: 'pem', ...(passphrase !== undefined && { passphrase }) });
  } catch {
    // Without what OpenSSL says, which may quote the key.
    throw badKey('must be a private key as PEM, with its passphrase in CAISSON_KEY_PASSPHRASE when it has one');
  }
}

function openPublicKey(pem: Uint8Array): KeyObject {
  try {
    return createPublicKey({ key: Buffer.from(pem), format: 'pem' });
  } catch (cause) {
    throw badKey('must be a public key or a certificate as PEM', cause);
  }
}

function parseEnvelope(text: string): Envelope {
  let parsed: Envelope;
  try {
    parsed = JSON.parse(text) as Envelope;
  } catch (cause) {
    throw form('must be one JSON object', cause);
  }
  const isText = (value: unknown): value is string => typeof value === 'string';
  const signatures: unknown = parsed?.signatures;
  if (
    !isText(parsed?.payload) ||
    !isText(parsed.payloadType) ||
    !Array.isArray(signatures) ||
    signatures.length === 0
  ) {
    throw form('must have payload, payloadType and signatures');
  }
  if (signatures.length > 16) throw form(`must have at most 16 signatures, got ${signatures.length}`);
  const known = (signatures as readonly Partial<Envelope['signatures'][number]>[]).map((one) => {
    if (!isText(one?.sig)) throw form('must have a sig in each signature');
    return { keyid: isText(one.keyid) ? one.keyid : '', sig: one.sig };
  });
  return { payload: parsed.payload, payloadType: parsed.payloadType, signatures: known };
}

/** Node takes anything for base64 and leaves out what is none. */
function fromBase64(text: string, what: string): Buffer {
  const bytes = Buffer.from(text, 'base64');
  if (bytes.toString('base64') === text) return bytes;
  throw form(`must have its ${what} in base64`);
}

function form(what: string, cause?: unknown): ParseError<StatementErrorCode> {
  return new ParseError('STATEMENT_FORM', `statement ${what}`, cause === undefined ? {} : { cause });
}

function badKey(what: string, cause?: unknown): ParseError<StatementErrorCode> {
  return new ParseError('STATEMENT_KEY', `key of a statement ${what}`, cause === undefined ? {} : { cause });
}
