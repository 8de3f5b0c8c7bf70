// Delivery of the boot config to an enclave, both ends and both forms.
export type { ConfigForm, DeliverConfigOptions, DeliveredConfig } from './deliver.ts';
export { deliverConfig } from './deliver.ts';
export type { DeliveryErrorCode } from './error-code.ts';
export { DELIVERY_ERROR_CODES } from './error-code.ts';
export type { ConfigReply } from './messages.ts';
export {
  encodeConfigReply,
  encodeFramedConfig,
  FRAMED_CONFIG_PORT,
  parseConfigReply,
  RAW_CONFIG_PORT,
} from './messages.ts';
export type { ReceiveConfigOptions } from './receive.ts';
export { receiveConfig } from './receive.ts';
export type { ConfigReceiver, ConfigReceiverOptions } from './receiver.ts';
export { openConfigReceiver } from './receiver.ts';
export type { SendConfigOptions } from './send.ts';
export { sendConfig } from './send.ts';
