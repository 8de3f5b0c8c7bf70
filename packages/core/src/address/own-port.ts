// vsock ports that are the house's own: both ends dial and listen by them, and the builder keeps everybody else off those of an enclave.
import type { VsockPort } from './vsock.ts';

// Given: docs/wire/addresses.md.
export const RAW_CONFIG_PORT = 7777 as VsockPort;
export const FRAMED_CONFIG_PORT = 7778 as VsockPort;
export const CONTROL_PORT = 53_000 as VsockPort;
/** Of the parent. */
export const HEARTBEAT_PORT = 9000 as VsockPort;
/** Where an image does not say another. */
export const DEFAULT_HEALTH_PORT = 5000 as VsockPort;
