// Delivery of the boot config to an enclave.
export type { DeliveryErrorCode } from './error-code.ts';
export { DELIVERY_ERROR_CODES } from './error-code.ts';
export type { ReceiveConfigOptions } from './receive.ts';
export { receiveConfig } from './receive.ts';
export type { SendConfigOptions } from './send.ts';
export { sendConfig } from './send.ts';
