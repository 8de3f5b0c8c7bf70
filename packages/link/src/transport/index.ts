// Ways to reach the other side of the wall.

export type { TransportErrorCode } from './error-code.ts';
export { TRANSPORT_ERROR_CODES } from './error-code.ts';
export type { FabricOptions } from './fabric/fabric.ts';
export { createFabricTransport } from './fabric/fabric.ts';
export type {
  NativeListenPlan,
  Transport,
  TransportConnectOptions,
  TransportListener,
  TransportListenOptions,
  TransportPeer,
} from './transport.ts';
