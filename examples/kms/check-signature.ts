// The stand-in's side of Signature Version 4: whether a request was signed, now, by credentials that are known. Its errors bear the names of AWS's.
import { timingSafeEqual } from 'node:crypto';
import { type Credentials, computeSignature, type RequestToSign } from './src/sign-request.ts';

/** `name` is what KMS answers as `__type`. */
export class SignatureRefused extends Error {
  constructor(name: string, message: string) {
    super(message);
    this.name = name;
  }
}

// Given: how far the clock of a request may be off.
const toleranceMs = 300_000;
// Chosen: what the signature must cover, so that nobody on the way has another action done with it.
const neededHeaders = ['host', 'x-amz-date', 'x-amz-target'];

const form =
  /^AWS4-HMAC-SHA256 Credential=(\w+)\/(\d{8})\/([a-z0-9-]+)\/kms\/aws4_request, SignedHeaders=([a-z0-9;-]+), Signature=([0-9a-f]{64})$/;

/** Throws SignatureRefused. `request.headers` are all that came. */
export function verifySignature(request: RequestToSign, known: Credentials, region: string, now: Date): void {
  const { authorization, 'x-amz-date': time = '', 'x-amz-security-token': token } = request.headers;
  if (authorization === undefined)
    throw new SignatureRefused('MissingAuthenticationTokenException', 'request must be signed');
  const parts = form.exec(authorization);
  const names = parts?.[4]?.split(';') ?? [];
  if (parts === null || !neededHeaders.every((name) => names.includes(name)))
    throw new SignatureRefused('IncompleteSignatureException', `request must be signed with ${neededHeaders}`);
  const [, accessKeyId, date = '', signedRegion = '', , signature = ''] = parts;
  if (accessKeyId !== known.accessKeyId || token !== known.sessionToken)
    throw new SignatureRefused('UnrecognizedClientException', 'credentials must be known');
  const [, ...numbers] = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(time) ?? [];
  const [year = 0, month = 0, ...rest] = numbers.map(Number);
  const agoMs = now.getTime() - Date.UTC(year, month - 1, ...rest);
  if (numbers.length === 0 || !time.startsWith(date) || Math.abs(agoMs) > toleranceMs)
    throw new SignatureRefused('InvalidSignatureException', `request must be of now, got ${time}`);
  if (signedRegion !== region)
    throw new SignatureRefused('InvalidSignatureException', `request must be for ${region}, got ${signedRegion}`);
  const signed = Object.fromEntries(names.map((name) => [name, request.headers[name] ?? '']));
  if (token !== undefined && !names.includes('x-amz-security-token'))
    throw new SignatureRefused('InvalidSignatureException', 'session token must be signed');
  const expected = computeSignature({ ...request, headers: signed }, known.secretAccessKey, {
    date,
    region,
    service: 'kms',
  });
  if (!timingSafeEqual(Buffer.from(expected, 'hex'), Buffer.from(signature, 'hex')))
    throw new SignatureRefused('InvalidSignatureException', 'signature must be of this request');
}
