// The Nitro Secure Module's messages and numbers.
export type { AttestationFields, NsmClient, NsmClientOptions, NsmPipe } from './client.ts';
export { createNsmClient } from './client.ts';
export {
  FIRST_OWN_PCR,
  isReservedUserData,
  MAX_ATTESTATION_FIELD_BYTES,
  MAX_NSM_REQUEST_BYTES,
  MAX_NSM_RESPONSE_BYTES,
  NSM_RANDOM_BYTES,
  PCR_BYTES,
  PCR_COUNT,
  RESERVED_USER_DATA,
} from './constant.ts';
export type { NitroErrorCode, NsmErrorName } from './error-code.ts';
export { isNsmErrorName, NITRO_ERROR_CODES, NSM_ERROR_NAMES, NsmDeviceError, toNsmErrorName } from './error-code.ts';
export type { PcrIndex } from './pcr-index.ts';
export { toPcrIndex } from './pcr-index.ts';
export type { NsmOperation, NsmRequest } from './request.ts';
export { encodeNsmRequest, parseNsmRequest } from './request.ts';
export type { NsmDescription, NsmDigest, NsmResponse } from './response.ts';
export { encodeNsmResponse, parseNsmResponse } from './response.ts';
