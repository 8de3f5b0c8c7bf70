// Asks an enclave on the web for a fresh document and verifies it (docs/attest.md). The document proves an enclave; that the
// connection ends in that enclave is proven only where the TLS key can be seen and compared, and the result says which it was.
import { maxDocumentBytes } from '@caisson/core/attestation';
import { equalBytes, parseHex, toHex } from '@caisson/core/bytes';
import { CaissonError } from '@caisson/core/errors';
import { type DocumentAnswer, type DocumentGetter, fetchDocument, fetchFault } from './fetch-document.ts';
import type { PolicySource } from './policy/index.ts';
import { refusal } from './refuse.ts';
import { sha256Of } from './trust-root.ts';
import { type VerifiedAttestation, verifyAttestation } from './verify-attestation.ts';

export interface AttestOptions {
  /** Default 10,000. */
  readonly timeoutMs?: number;
  /** Default `fetch`, which sees no TLS key. */
  readonly get?: DocumentGetter;
  readonly strict?: boolean;
}

export interface WebAttestation extends VerifiedAttestation {
  /** True: the TLS key of the connection is the one the document names. False: another machine may stand in between. */
  readonly bound: boolean;
}

// Chosen.
const defaultTimeoutMs = 10_000;
const nonceBytes = 32;
// Given: docs/attest.md.
const purpose = 'caisson-web/1';
const mediaType = 'application/cbor';

/**
 * `url` is the attestation endpoint; its own query is kept. Rejects with VerificationError as verifyAttestation does, class USERDATA
 * where the document is not of this protocol or of this connection, and CaissonError VERIFY_FETCH where none was got.
 */
export async function attest(
  url: string | URL,
  policy: PolicySource,
  options: AttestOptions = {},
): Promise<WebAttestation> {
  const nonce = crypto.getRandomValues(new Uint8Array(nonceBytes));
  const target = new URL(url);
  if (target.protocol !== 'https:' && target.protocol !== 'http:') {
    throw new TypeError(`url must be http or https, got ${target.protocol}`);
  }
  target.searchParams.set('nonce', toHex(nonce));
  const answer = await ask(target, options);
  const { strict } = options;
  const attested = await verifyAttestation(answer.body, { ...policy, nonce, ...(strict !== undefined && { strict }) });
  return { ...attested, bound: await verifyBinding(attested, answer.tlsPublicKey) };
}

async function ask(
  url: URL,
  { get = fetchDocument, timeoutMs = defaultTimeoutMs }: AttestOptions,
): Promise<DocumentAnswer> {
  const where = `${url.origin}${url.pathname}`;
  const signal = AbortSignal.timeout(timeoutMs);
  let answer: DocumentAnswer;
  try {
    answer = await get(url, { maxBytes: maxDocumentBytes, signal });
  } catch (cause) {
    if (cause instanceof CaissonError) throw cause;
    const reason = signal.aborted
      ? `none within ${timeoutMs} ms`
      : cause instanceof Error
        ? cause.message
        : String(cause);
    throw fetchFault(`attestation endpoint ${where} must answer, got ${reason}`, cause);
  }
  if (answer.status !== 200) throw fetchFault(`attestation endpoint ${where} must answer 200, got ${answer.status}`);
  const [type = ''] = answer.contentType.split(';');
  if (type.trim().toLowerCase() !== mediaType) {
    throw fetchFault(
      `attestation endpoint ${where} must answer ${mediaType}, got ${JSON.stringify(type.slice(0, 60))}`,
    );
  }
  return answer;
}

// Without this an enclave's document, asked for by a machine in between, would vouch for that machine's own key.
async function verifyBinding({ claims }: VerifiedAttestation, tlsPublicKey: Uint8Array | undefined): Promise<boolean> {
  // A document made for another protocol must not pass for one of this (docs/attest.md): its nonce may mean something else there.
  if (claims?.purpose !== purpose) {
    const seen = claims?.purpose ?? 'none of this form';
    throw refusal(
      'USERDATA',
      'VERIFY_USER_DATA',
      `user_data must have purpose ${purpose}, got ${JSON.stringify(seen)}`,
      {
        expected: purpose,
        seen,
      },
    );
  }
  if (tlsPublicKey === undefined) return false;
  const expected = await sha256Of(tlsPublicKey);
  const named = claims.tlsKeySha256;
  if (named !== undefined && equalBytes(named, parseHex(expected))) return true;
  const seen = named === undefined ? 'none' : toHex(named);
  const message = `user_data must name the TLS key of this connection, SHA-256 ${expected}, got ${seen}`;
  throw refusal('USERDATA', 'VERIFY_TLS_KEY', message, { expected, seen });
}
