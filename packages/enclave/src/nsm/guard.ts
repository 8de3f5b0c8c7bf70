// The NSM as one caller of the supervisor's socket has it: every request read, judged, and written anew before it reaches the device, so that what
// was judged is what is asked. Answers of refusals are the NSM's own words, since callers are programs of AWS's library.
import {
  encodeNsmRequest,
  encodeNsmResponse,
  FIRST_OWN_PCR,
  isReservedUserData,
  type NsmErrorName,
  type NsmRequest,
  PCR_COUNT,
  parseNsmRequest,
  toNsmErrorName,
} from '@caisson/core/nitro';
import type { NsmDevice } from '@caisson/sys';
import type { NsmCaller, NsmRefusal, NsmRefusalKind } from './caller.ts';
import type { NsmRate } from './rate.ts';

export interface GuardOptions {
  readonly device: NsmDevice;
  /** Resolved before the first request is judged. */
  readonly caller: Promise<NsmCaller>;
  readonly rate: NsmRate;
  readonly onRefusal?: ((refusal: NsmRefusal) => void) | undefined;
}

/** Rejects with what the device rejects; a refusal is an answer. Closing it leaves the device open. */
export function createGuardedNsm({ device, caller, rate, onRefusal }: GuardOptions): NsmDevice {
  return {
    async request(bytes) {
      const who = await caller;
      await rate.admit(who.uid);
      let request: NsmRequest;
      try {
        request = parseNsmRequest(bytes);
      } catch (error) {
        onRefusal?.({ kind: 'malformed', caller: who });
        return refuse(toNsmErrorName(error));
      }
      const refusal = judge(request, who);
      if (refusal === undefined) return await device.request(encodeNsmRequest(request));
      if (refusal.kind !== undefined) onRefusal?.({ kind: refusal.kind, caller: who });
      return refuse(refusal.error);
    },
    async close() {},
  };
}

interface Refusal {
  readonly error: NsmErrorName;
  /** Absent for what the device itself would have refused. */
  readonly kind?: NsmRefusalKind;
}

function judge(request: NsmRequest, caller: NsmCaller): Refusal | undefined {
  switch (request.type) {
    case 'ExtendPCR':
    case 'LockPCR':
      return judgePcr(request.index, caller);
    case 'LockPCRs':
      // It would lock the registers of other services along with one's own.
      return { error: 'InvalidOperation', kind: 'lock_range' };
    case 'Attestation':
      return judgeFields(request, caller);
    default:
      return undefined;
  }
}

function judgePcr(index: number, { pcrs }: NsmCaller): Refusal | undefined {
  if (index >= PCR_COUNT) return { error: 'InvalidIndex' };
  // 0 to 15 are locked at boot and 16 by the supervisor: no list can hold them.
  if (index <= FIRST_OWN_PCR) return { error: 'ReadOnlyIndex' };
  return pcrs.includes(index) ? undefined : { error: 'InvalidOperation', kind: 'pcr_not_listed' };
}

function judgeFields(request: NsmRequest & { type: 'Attestation' }, caller: NsmCaller): Refusal | undefined {
  const fields = [request.nonce, request.userData, request.publicKey];
  if (fields.some((field) => field !== null && field.length > caller.fieldLimitBytes)) {
    return { error: 'InputTooLarge', kind: 'field_too_large' };
  }
  if (request.userData === null || !isReservedUserData(request.userData)) return undefined;
  return { error: 'InvalidArgument', kind: 'reserved_user_data' };
}

function refuse(error: NsmErrorName): Uint8Array {
  return encodeNsmResponse({ type: 'Error', error });
}
