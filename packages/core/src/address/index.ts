// Addresses of everything that listens or dials: vsock, TCP, unix.
export type { Address, AddressErrorCode, TcpAddress, UnixAddress, VsockAddress } from './address.ts';
export { ADDRESS_ERROR_CODES, formatAddress, parseAddress } from './address.ts';
export { NAME_FORM, NAME_RULE } from './name.ts';
export { CONTROL_PORT, DEFAULT_HEALTH_PORT, FRAMED_CONFIG_PORT, HEARTBEAT_PORT, RAW_CONFIG_PORT } from './own-port.ts';
export type { Cid, VsockPort } from './vsock.ts';
export {
  CID_ANY,
  CID_PARENT,
  FIRST_EGRESS_PLACE,
  FIRST_ENCLAVE_CID,
  hostPort,
  LAST_ENCLAVE_CID,
  toCid,
  toVsockPort,
} from './vsock.ts';
