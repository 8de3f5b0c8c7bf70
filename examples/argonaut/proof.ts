// Checks the document that came out of the enclave: what it says against what was measured and asked, and chain and signature by
// openssl, an implementation independent of ours.
import { readFileSync } from 'node:fs';
import { parseAttestationDocument } from '@caisson/core/attestation';
import { toHex } from '@caisson/core/bytes';
import { verifyWithOpenssl } from '@caisson/host/simulator';

export interface Proof {
  readonly bytes: number;
  readonly moduleId: string;
  readonly pcrs: readonly string[];
  readonly chain: string;
  readonly signature: string;
}

/** Throws with the first thing that does not hold. */
export async function checkDocument(given: {
  readonly document: Uint8Array;
  readonly nonce: Uint8Array;
  readonly rootFile: string;
  readonly pcrs: readonly string[];
}): Promise<Proof> {
  // openssl first: nothing of a document is worth reading before its signature holds.
  const { chain, signature } = await verifyWithOpenssl(given.document, readFileSync(given.rootFile, 'utf8'));
  const { payload } = parseAttestationDocument(given.document);
  const pcrs = given.pcrs.map((_, index) => toHex(payload.pcrs.get(index) ?? new Uint8Array()));
  for (const [index, expected] of given.pcrs.entries()) {
    if (pcrs[index] !== expected) throw new Error(`PCR${index} is ${pcrs[index]}, expected ${expected}`);
  }
  if (payload.nonce === undefined || toHex(payload.nonce) !== toHex(given.nonce)) {
    throw new Error('the nonce of the document is not the one that was sent');
  }
  return { bytes: given.document.length, moduleId: payload.moduleId, pcrs, chain, signature };
}
