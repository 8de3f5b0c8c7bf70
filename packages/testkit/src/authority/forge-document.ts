// Documents that no NSM would sign, signed all the same: payload and envelope can be bent at the level of values or of bytes, with the
// signature over what results.
import { concatBytes } from '@caisson/core/bytes';
import { type CborKey, type CborValue, encodeCbor } from '@caisson/core/cbor';
import { COSE_ALGORITHM, encodeProtectedHeader, encodeSigStructure } from '@caisson/core/cose';
import type { WebKey } from './forge-certificate.ts';
import type { ForgedChain } from './forge-chain.ts';

/** A payload as entries, so that a key can stand twice. Values are CBOR values, or bytes already encoded. */
export type PayloadEntry = readonly [CborKey | EncodedCbor, CborValue | EncodedCbor];

export class EncodedCbor {
  readonly bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }
}

export interface DocumentBend {
  readonly payload?: (entries: PayloadEntry[]) => readonly PayloadEntry[];
  /** The last word on the payload's bytes, before the signature. */
  readonly payloadBytes?: (bytes: Uint8Array) => Uint8Array;
  /** Open-ended map, as current hardware. Default true. */
  readonly indefiniteMap?: boolean;
  readonly protectedHeader?: Uint8Array;
  readonly unprotected?: CborValue;
  readonly signWith?: WebKey;
  /** What is signed instead of the Sig_structure. */
  readonly signed?: (parts: { protectedHeader: Uint8Array; payload: Uint8Array }) => Uint8Array;
  readonly signature?: (raw: Uint8Array) => CborValue;
  /** The four items, before they become bytes. */
  readonly items?: (items: CborValue[]) => CborValue;
  /** The last word on the document's bytes. */
  readonly bytes?: (document: Uint8Array) => Uint8Array;
}

export interface SoundPayload {
  /** Unix milliseconds. */
  readonly timestamp: number;
  readonly pcrs?: ReadonlyMap<number, Uint8Array>;
  readonly publicKey?: Uint8Array;
  readonly userData?: Uint8Array;
  readonly nonce?: Uint8Array;
}

export const testModuleId = 'i-0123456789abcdef0-enc0123456789abcdef';

/** PCR0 to PCR15 where PCR `n` is 48 times n + 1. */
export function testPcrs(): Map<number, Uint8Array> {
  return new Map(Array.from({ length: 16 }, (_, index) => [index, new Uint8Array(48).fill(index + 1)]));
}

export async function forgeDocument(
  chain: ForgedChain,
  sound: SoundPayload,
  bend: DocumentBend = {},
): Promise<Uint8Array> {
  const entries = soundEntries(chain, sound);
  const encoded = encodeEntries(bend.payload?.(entries) ?? entries, bend.indefiniteMap ?? true);
  const payload = bend.payloadBytes?.(encoded) ?? encoded;
  const protectedHeader = bend.protectedHeader ?? encodeProtectedHeader(COSE_ALGORITHM.es384);
  const signed = (bend.signed ?? encodeSigStructure)({ protectedHeader, payload });
  const key = bend.signWith ?? chain.leafKey;
  const raw = await crypto.subtle.sign({ name: 'ECDSA', hash: 'SHA-384' }, key, Uint8Array.from(signed));
  const signature = bend.signature?.(new Uint8Array(raw)) ?? new Uint8Array(raw);
  const items = [protectedHeader, bend.unprotected === undefined ? new Map() : bend.unprotected, payload, signature];
  const document = encodeCbor(bend.items?.(items) ?? items);
  return bend.bytes?.(document) ?? document;
}

function soundEntries({ certificate, cabundle }: ForgedChain, sound: SoundPayload): PayloadEntry[] {
  return [
    ['module_id', testModuleId],
    ['digest', 'SHA384'],
    ['timestamp', sound.timestamp],
    ['pcrs', sound.pcrs ?? testPcrs()],
    ['certificate', certificate],
    ['cabundle', [...cabundle]],
    ['public_key', sound.publicKey ?? null],
    ['user_data', sound.userData ?? null],
    ['nonce', sound.nonce ?? null],
  ];
}

function encodeEntries(entries: readonly PayloadEntry[], indefiniteMap: boolean): Uint8Array {
  const parts = entries.flatMap((pair) =>
    pair.map((one) => (one instanceof EncodedCbor ? one.bytes : encodeCbor(one))),
  );
  // RFC 8949 section 3: bf ... ff, or a map's head with its count; the counts here are below 24.
  return indefiniteMap
    ? concatBytes(Uint8Array.of(0xbf), ...parts, Uint8Array.of(0xff))
    : concatBytes(Uint8Array.of(0xa0 | entries.length), ...parts);
}
