// The seven requests as functions, over any byte pipe to an NSM: the device, the socket of a supervisor, a simulator.
// Refuses what would be wrong before the NSM sees it, and an answer that belongs to another request after.
import { LimitError, ParseError } from '../errors/index.ts';
import { MAX_ATTESTATION_FIELD_BYTES, PCR_COUNT } from './constant.ts';
import type { NitroErrorCode } from './error-code.ts';
import { NsmDeviceError } from './error-code.ts';
import { toPcrIndex } from './pcr-index.ts';
import type { NsmOperation, NsmRequest } from './request.ts';
import { encodeNsmRequest } from './request.ts';
import type { NsmDescription, NsmResponse } from './response.ts';
import { parseNsmResponse } from './response.ts';

/** One request's CBOR in, one response's CBOR out. The pipe has its own deadline. */
export interface NsmPipe {
  request(bytes: Uint8Array): Promise<Uint8Array>;
}

export interface NsmClientOptions {
  /** Bytes of publicKey, nonce and userData, each. Default 1,024. The NSM itself bounds only the whole request. */
  readonly fieldLimitBytes?: number;
}

/** Absent and null are one thing; a field of zero bytes is another and stands in the document. */
export interface AttestationFields {
  readonly publicKey?: Uint8Array | null | undefined;
  readonly nonce?: Uint8Array | null | undefined;
  readonly userData?: Uint8Array | null | undefined;
}

/**
 * Each rejects with NsmDeviceError when the NSM says no, ParseError NSM_RESPONSE when its answer is no answer, LimitError
 * NSM_FIELD_TOO_LARGE or NSM_REQUEST_TOO_LARGE before anything is sent, TypeError for an index or range that no NSM has,
 * and with the pipe's own errors.
 */
export interface NsmClient {
  describePcr(index: number): Promise<{ readonly lock: boolean; readonly data: Uint8Array }>;
  /** Resolves with the new value, SHA-384(old || data). */
  extendPcr(index: number, data: Uint8Array): Promise<Uint8Array>;
  /** For as long as the enclave lives. Only locked PCRs stand in documents. */
  lockPcr(index: number): Promise<void>;
  /** Locks PCR 0 up to, not including, `range`. */
  lockPcrs(range: number): Promise<void>;
  describeNsm(): Promise<NsmDescription>;
  /** Resolves with the signed document (COSE_Sign1), as it came. */
  attestation(fields?: AttestationFields): Promise<Uint8Array>;
  /** 256 bytes on hardware; at least one. */
  getRandom(): Promise<Uint8Array>;
}

export function createNsmClient(pipe: NsmPipe, options: NsmClientOptions = {}): NsmClient {
  const fieldLimitBytes = options.fieldLimitBytes ?? MAX_ATTESTATION_FIELD_BYTES;

  async function ask<Type extends NsmOperation>(
    request: NsmRequest & { readonly type: Type },
  ): Promise<NsmResponse & { readonly type: Type }> {
    const response = parseNsmResponse(await pipe.request(encodeNsmRequest(request)));
    if (response.type === 'Error') throw new NsmDeviceError(describe(request), response.error);
    if (response.type !== request.type) {
      throw wrongAnswer(`nsm answered ${request.type} with ${response.type}`);
    }
    return response as NsmResponse & { readonly type: Type };
  }

  function field(name: string, value: Uint8Array | null | undefined): Uint8Array | null {
    if (value === undefined || value === null) return null;
    if (value.length > fieldLimitBytes) {
      throw new LimitError<NitroErrorCode>(
        'NSM_FIELD_TOO_LARGE',
        `nsm request Attestation: ${name} must have at most ${fieldLimitBytes} bytes, got ${value.length}`,
      );
    }
    return value;
  }

  return {
    async describePcr(index) {
      const { lock, data } = await ask({ type: 'DescribePCR', index: toPcrIndex(index) });
      return { lock, data };
    },
    async extendPcr(index, data) {
      return (await ask({ type: 'ExtendPCR', index: toPcrIndex(index), data })).data;
    },
    async lockPcr(index) {
      await ask({ type: 'LockPCR', index: toPcrIndex(index) });
    },
    async lockPcrs(range) {
      if (!Number.isInteger(range) || range < 0 || range > PCR_COUNT) {
        throw new TypeError(`PCR range must be an integer in 0..${PCR_COUNT}, got ${range}`);
      }
      await ask({ type: 'LockPCRs', range });
    },
    async describeNsm() {
      const { type: _, ...description } = await ask({ type: 'DescribeNSM' });
      return description;
    },
    async attestation(fields = {}) {
      const { document } = await ask({
        type: 'Attestation',
        userData: field('userData', fields.userData),
        nonce: field('nonce', fields.nonce),
        publicKey: field('publicKey', fields.publicKey),
      });
      return document;
    },
    async getRandom() {
      const { random } = await ask({ type: 'GetRandom' });
      // Zero bytes would make every seed drawn from them the same.
      if (random.length === 0) throw wrongAnswer('nsm answered GetRandom with 0 bytes, at least 1 is needed');
      return random;
    },
  };
}

function describe(request: NsmRequest): string {
  if ('index' in request) return `${request.type} of PCR ${request.index}`;
  return 'range' in request ? `${request.type} with range ${request.range}` : request.type;
}

function wrongAnswer(message: string): ParseError<NitroErrorCode> {
  return new ParseError('NSM_RESPONSE', message);
}
