// Gets an attestation document over TLS with the key that this connection proved, so that @caisson/verify can say `bound: true`. With
// `anyCertificate` no authority is asked: an enclave that terminates TLS itself has a certificate nobody issued, and the document is what
// vouches for its key. That is safe only because attest() then compares the key; nothing but the nonce is sent before.
import type { TLSSocket } from 'node:tls';
import { LimitError } from '@caisson/core/errors';
import type { DocumentAnswer, DocumentGetter, VerifyErrorCode } from '@caisson/verify';

export interface TlsGetterOptions {
  /** PEM of authorities instead of the system's. */
  readonly ca?: string;
  /** Take whatever certificate comes; its key still has to be the one that the document names. Default false. */
  readonly anyCertificate?: boolean;
}

/** For the `get` of attest(). Rejects with errors of node:https and node:tls, LimitError VERIFY_FETCH, TypeError for a url without TLS. */
export function createTlsGetter({ ca, anyCertificate = false }: TlsGetterOptions = {}): DocumentGetter {
  return (url, limits) => {
    if (url.protocol !== 'https:') throw new TypeError(`url must be https to have a TLS key, got ${url.protocol}`);
    return get(url, limits, { ...(ca !== undefined && { ca }), rejectUnauthorized: !anyCertificate });
  };
}

async function get(
  url: URL,
  { maxBytes, signal }: Parameters<DocumentGetter>[1],
  trust: { readonly ca?: string; readonly rejectUnauthorized: boolean },
): Promise<DocumentAnswer> {
  // Loaded here: it is slow to load, and most of what imports this room asks nobody.
  const { request } = await import('node:https');
  return await new Promise((resolve, reject) => {
    // A connection of its own: with a pooled one, or a resumed session, the key would be of an earlier moment.
    const options = { ...trust, agent: false, maxCachedSessions: 0, minVersion: 'TLSv1.2', signal } as const;
    const sent = request(url, { ...options, headers: { accept: 'application/cbor' } }, (response) => {
      const certificate = (response.socket as TLSSocket).getPeerX509Certificate();
      if (certificate === undefined) {
        sent.destroy(new Error('the connection has no certificate'));
        return;
      }
      const tlsPublicKey = new Uint8Array(certificate.publicKey.export({ type: 'spki', format: 'der' }));
      const chunks: Uint8Array[] = [];
      let length = 0;
      response.on('data', (chunk: Uint8Array) => {
        length += chunk.length;
        if (length <= maxBytes) chunks.push(chunk);
        else
          sent.destroy(
            new LimitError<VerifyErrorCode>('VERIFY_FETCH', `answer must have at most ${maxBytes} bytes, got more`),
          );
      });
      response.on('error', reject);
      response.on('end', () =>
        resolve({
          status: response.statusCode ?? 0,
          contentType: response.headers['content-type'] ?? '',
          body: new Uint8Array(Buffer.concat(chunks)),
          tlsPublicKey,
        }),
      );
    });
    sent.on('error', reject);
    sent.end();
  });
}
