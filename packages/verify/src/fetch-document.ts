// Gets bytes of a stranger over HTTP: one request, no redirect, a deadline and a byte limit. `fetch` cannot show the TLS key of the
// other end; a platform that can brings a getter of its own.
import { concatBytes } from '@caisson/core/bytes';
import { CaissonError, LimitError } from '@caisson/core/errors';
import type { VerifyErrorCode } from './error-code.ts';

export interface DocumentAnswer {
  readonly status: number;
  readonly contentType: string;
  readonly body: Uint8Array;
  /** SPKI DER of the key that this very connection's TLS proved, where the platform shows it. */
  readonly tlsPublicKey?: Uint8Array;
}

/** Must refuse redirects, a body above `maxBytes`, and give up when `signal` says so. */
export type DocumentGetter = (
  url: URL,
  limits: { readonly maxBytes: number; readonly signal: AbortSignal },
) => Promise<DocumentAnswer>;

/** Rejects with CaissonError or LimitError VERIFY_FETCH. */
export const fetchDocument: DocumentGetter = async (url, { maxBytes, signal }) => {
  // A redirect would let whoever answers choose who is asked. 'manual' makes it a status that is not 200, on every platform.
  const response = await fetch(url, { redirect: 'manual', headers: { accept: 'application/cbor' }, signal });
  return {
    status: response.status,
    contentType: response.headers.get('content-type') ?? '',
    body: await readBody(response, maxBytes),
  };
};

async function readBody(response: Response, maxBytes: number): Promise<Uint8Array> {
  const reader = response.body?.getReader();
  if (reader === undefined) return new Uint8Array();
  const parts: Uint8Array[] = [];
  let length = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return concatBytes(...parts);
    length += value.length;
    if (length > maxBytes) {
      await reader.cancel();
      throw new LimitError<VerifyErrorCode>('VERIFY_FETCH', `answer must have at most ${maxBytes} bytes, got more`);
    }
    parts.push(value);
  }
}

/** What went wrong on the way, under one code. */
export function fetchFault(message: string, cause?: unknown): CaissonError<VerifyErrorCode> {
  return new CaissonError('VERIFY_FETCH', message, cause === undefined ? {} : { cause });
}
