// The payload of an attestation document: what it holds, and how hardware writes it. Field order, nulls for what was not
// asked for, and the open-ended map are hardware's, so that whoever reads ours reads theirs.
import { type CborValue, encodeCbor } from '../cbor/index.ts';

export interface AttestationPayload {
  /** `i-<17 hex>-enc<16 hex>` on AWS; any other text elsewhere. */
  readonly moduleId: string;
  /** The hash of the PCRs. */
  readonly digest: 'SHA384';
  /** Unix milliseconds. */
  readonly timestamp: number;
  /** Locked PCRs by index, 48 bytes each. */
  readonly pcrs: ReadonlyMap<number, Uint8Array>;
  /** DER of the leaf, whose key signed. */
  readonly certificate: Uint8Array;
  /** DER from the root down to the leaf's issuer. */
  readonly cabundle: readonly Uint8Array[];
  /** Undefined: not asked for. An empty byte string is something else. */
  readonly publicKey: Uint8Array | undefined;
  readonly userData: Uint8Array | undefined;
  readonly nonce: Uint8Array | undefined;
}

export interface EncodePayloadOptions {
  /** bf..ff, as AWS hardware writes since 2025; false: a definite map, as before. */
  readonly indefiniteMap: boolean;
}

/** Throws only what encodeCbor throws: whoever holds the signing key decides what a document says. */
export function encodeAttestationPayload(
  payload: AttestationPayload,
  { indefiniteMap }: EncodePayloadOptions,
): Uint8Array {
  const fields = new Map<string, CborValue>([
    ['module_id', payload.moduleId],
    ['digest', payload.digest],
    ['timestamp', payload.timestamp],
    ['pcrs', new Map([...payload.pcrs].sort(([left], [right]) => left - right))],
    ['certificate', payload.certificate],
    ['cabundle', payload.cabundle],
    ['public_key', payload.publicKey ?? null],
    ['user_data', payload.userData ?? null],
    ['nonce', payload.nonce ?? null],
  ]);
  return encodeCbor(fields, { indefiniteMap });
}
