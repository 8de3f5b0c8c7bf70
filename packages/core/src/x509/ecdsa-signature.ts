// The two forms of an ECDSA signature: r || s of fixed width (COSE, WebCrypto) and ECDSA-Sig-Value in DER (X.509, RFC 3279 2.2.3).
import { DER_TAG, derSequence, derUnsigned, openDer } from '../der/index.ts';
import { ParseError } from '../errors/index.ts';
import type { X509ErrorCode } from './error-code.ts';

/** `raw` is r || s, both of the same width. */
export function encodeEcdsaSignature(raw: Uint8Array): Uint8Array<ArrayBuffer> {
  if (raw.length === 0 || raw.length % 2 !== 0)
    throw new TypeError(`raw ECDSA signature must have an even length, got ${raw.length}`);
  const width = raw.length / 2;
  return derSequence(derUnsigned(raw.subarray(0, width)), derUnsigned(raw.subarray(width)));
}

/** r || s, each `width` bytes (48 for P-384). Refuses zero and whatever does not fit. */
export function parseEcdsaSignature(signature: Uint8Array, width: number): Uint8Array<ArrayBuffer> {
  const fields = openDer(signature, DER_TAG.sequence, 'ECDSA signature');
  const raw = new Uint8Array(width * 2);
  for (const [index, name] of (['r', 's'] as const).entries()) {
    const value = fields.takeUnsigned(name, width);
    // r = 0 or s = 0 is no signature (SEC 1 4.1.4 step 1); a lenient implementation once took it for one of anything.
    if (value.length === 1 && value[0] === 0) {
      throw new ParseError<X509ErrorCode>('X509_SIGNATURE_VALUE', `ECDSA signature ${name} must not be zero`);
    }
    raw.set(value, width * (index + 1) - value.length);
  }
  fields.end();
  return raw;
}
