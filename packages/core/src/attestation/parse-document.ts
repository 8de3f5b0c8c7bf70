// A whole attestation document to its parts. The result is called unverified because nothing in it may be believed: no chain,
// signature, time or policy was looked at. Verifiers build on it; everything else shows it with that word.
import { COSE_ALGORITHM, type CoseSign1, parseCoseSign1 } from '../cose/index.ts';
import { maxDocumentBytes, maxPayloadBytes, signatureBytes } from './limit.ts';
import { type ParsedPayload, parseAttestationPayload } from './parse-payload.ts';

export interface UnverifiedDocument {
  /** The signed bytes and the signature, as received. */
  readonly cose: CoseSign1;
  readonly payload: ParsedPayload;
}

/** Throws errors of the CBOR, COSE and ATTESTATION rooms. */
export function parseAttestationDocument(document: Uint8Array): UnverifiedDocument {
  const cose = parseCoseSign1(document, {
    algorithm: COSE_ALGORITHM.es384,
    signatureBytes,
    maxPayloadBytes,
    maxBytes: maxDocumentBytes,
  });
  return { cose, payload: parseAttestationPayload(cose.payload) };
}
