// What an NSM answers, as values and as bytes. The reader goes by name: real devices and QEMU order keys differently, and a
// newer NSM may add some. An unknown variant or a field of another kind is an error.
import type { CborKey, CborValue } from '../cbor/index.ts';
import { decodeCbor, encodeCbor } from '../cbor/index.ts';
import { LimitError, ParseError } from '../errors/index.ts';
import { MAX_NSM_RESPONSE_BYTES } from './constant.ts';
import type { NitroErrorCode, NsmErrorName } from './error-code.ts';
import { isNsmErrorName } from './error-code.ts';
import { asBytes, asMap, asU16, asU16List, type CborMap, kindOf, tagged } from './field.ts';

// Given: Digest of aws-nitro-enclaves-nsm-api. Hardware says SHA384.
const digests = ['SHA256', 'SHA384', 'SHA512'] as const;
export type NsmDigest = (typeof digests)[number];

export interface NsmDescription {
  readonly versionMajor: number;
  readonly versionMinor: number;
  readonly versionPatch: number;
  /** On hardware `i-<17 hex>-enc<16 hex>`; other NSMs have other forms, so nothing may depend on it. */
  readonly moduleId: string;
  readonly maxPcrs: number;
  readonly lockedPcrs: readonly number[];
  readonly digest: NsmDigest;
}

export type NsmResponse =
  | { readonly type: 'DescribePCR'; readonly lock: boolean; readonly data: Uint8Array }
  /** `data` is the PCR's new value. */
  | { readonly type: 'ExtendPCR'; readonly data: Uint8Array }
  | { readonly type: 'LockPCR' }
  | { readonly type: 'LockPCRs' }
  | ({ readonly type: 'DescribeNSM' } & NsmDescription)
  /** `document` is a COSE_Sign1, not looked into here. */
  | { readonly type: 'Attestation'; readonly document: Uint8Array }
  | { readonly type: 'GetRandom'; readonly random: Uint8Array }
  | { readonly type: 'Error'; readonly error: NsmErrorName };

/** The bytes a device gives. Throws TypeError for what has no form, LimitError NSM_RESPONSE beyond 12,288 bytes. */
export function encodeNsmResponse(response: NsmResponse): Uint8Array<ArrayBuffer> {
  const bytes = encodeCbor(toCbor(response));
  if (bytes.length > MAX_NSM_RESPONSE_BYTES) throw tooLarge(`nsm response ${response.type}`, bytes.length);
  return bytes;
}

function toCbor(response: NsmResponse): CborValue {
  switch (response.type) {
    case 'LockPCR':
    case 'LockPCRs':
      return response.type;
    case 'Error':
      return new Map([['Error', response.error]]);
    case 'DescribePCR':
      return tagged(response.type, [
        ['lock', response.lock],
        ['data', response.data],
      ]);
    case 'ExtendPCR':
      return tagged(response.type, [['data', response.data]]);
    case 'Attestation':
      return tagged(response.type, [['document', response.document]]);
    case 'GetRandom':
      return tagged(response.type, [['random', response.random]]);
    case 'DescribeNSM':
      return tagged(response.type, [
        ['version_major', response.versionMajor],
        ['version_minor', response.versionMinor],
        ['version_patch', response.versionPatch],
        ['module_id', response.moduleId],
        ['max_pcrs', response.maxPcrs],
        ['locked_pcrs', response.lockedPcrs],
        ['digest', response.digest],
      ]);
  }
}

/** Throws ParseError NSM_RESPONSE with the CBOR error as its cause, or LimitError NSM_RESPONSE. */
export function parseNsmResponse(bytes: Uint8Array): NsmResponse {
  if (bytes.length > MAX_NSM_RESPONSE_BYTES) throw tooLarge('nsm response', bytes.length);
  let value: CborValue;
  try {
    // Hardware has written the maps of its documents as bf..ff since 2025; its answers may follow one day. They come from
    // the hypervisor, whom everything in an enclave trusts, so that form is no attack here.
    value = decodeCbor(bytes, { allowIndefiniteMap: 'everywhere' });
  } catch (cause) {
    throw fault(`nsm response of ${bytes.length} bytes is not CBOR as an NSM writes it`, cause);
  }
  if (value === 'LockPCR' || value === 'LockPCRs') return { type: value };
  const [entry, ...others] = asMap(value)?.entries() ?? [];
  if (entry === undefined || others.length > 0) {
    throw fault(`nsm response must be a name or a map of one name, got ${kindOf(value)}`);
  }
  const [name, content] = entry;
  if (name === 'Error') return { type: name, error: errorName(content) };
  const fields = new Fields(name, content);
  switch (name) {
    case 'DescribePCR':
      return { type: name, lock: fields.flag('lock'), data: fields.bytes('data') };
    case 'ExtendPCR':
      return { type: name, data: fields.bytes('data') };
    case 'Attestation':
      return { type: name, document: fields.bytes('document') };
    case 'GetRandom':
      return { type: name, random: fields.bytes('random') };
    case 'DescribeNSM':
      return {
        type: name,
        versionMajor: fields.u16('version_major'),
        versionMinor: fields.u16('version_minor'),
        versionPatch: fields.u16('version_patch'),
        moduleId: fields.text('module_id'),
        maxPcrs: fields.u16('max_pcrs'),
        lockedPcrs: fields.u16List('locked_pcrs'),
        digest: fields.digest('digest'),
      };
    default:
      throw fault(`nsm response has a variant that no NSM is known to send, named by ${kindOf(name)}`);
  }
}

function errorName(value: CborValue): NsmErrorName {
  if (!isNsmErrorName(value)) throw fault(`nsm response Error must carry a known error name, got ${kindOf(value)}`);
  return value;
}

/** Readers of one response's fields, each with the error that names response and field. */
class Fields {
  readonly #name: CborKey;
  readonly #map: CborMap;

  constructor(name: CborKey, content: CborValue) {
    const map = asMap(content);
    if (map === undefined) throw fault(`nsm response ${String(name)} must carry a map, got ${kindOf(content)}`);
    this.#name = name;
    this.#map = map;
  }

  bytes(field: string): Uint8Array {
    return asBytes(this.#map.get(field)) ?? this.#refuse(field, 'bytes');
  }

  flag(field: string): boolean {
    const value = this.#map.get(field);
    return typeof value === 'boolean' ? value : this.#refuse(field, 'true or false');
  }

  text(field: string): string {
    const value = this.#map.get(field);
    return typeof value === 'string' ? value : this.#refuse(field, 'text');
  }

  u16(field: string): number {
    return asU16(this.#map.get(field)) ?? this.#refuse(field, 'an integer in 0..65535');
  }

  u16List(field: string): readonly number[] {
    return asU16List(this.#map.get(field)) ?? this.#refuse(field, 'an array of integers in 0..65535');
  }

  digest(field: string): NsmDigest {
    const value = this.#map.get(field);
    return digests.find((one) => one === value) ?? this.#refuse(field, digests.join(', '));
  }

  #refuse(field: string, rule: string): never {
    throw fault(`nsm response ${String(this.#name)}: ${field} must be ${rule}, got ${kindOf(this.#map.get(field))}`);
  }
}

function fault(message: string, cause?: unknown): ParseError<NitroErrorCode> {
  return new ParseError('NSM_RESPONSE', message, cause === undefined ? {} : { cause });
}

function tooLarge(what: string, length: number): LimitError<NitroErrorCode> {
  return new LimitError('NSM_RESPONSE', `${what} must have at most ${MAX_NSM_RESPONSE_BYTES} bytes, got ${length}`);
}
