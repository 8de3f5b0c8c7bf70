// Ways to reach the other side of the wall.

export type { TransportErrorCode } from './error-code.ts';
export { TRANSPORT_ERROR_CODES } from './error-code.ts';
export type { FabricOptions } from './fabric/fabric.ts';
export { createFabricTransport } from './fabric/fabric.ts';
export { openTransportFromEnvironment } from './from-environment.ts';
export type { HybridOptions } from './hybrid/hybrid.ts';
export { createHybridTransport } from './hybrid/hybrid.ts';
export { createKernelTransport } from './kernel.ts';
export type {
  NativeListenPlan,
  Transport,
  TransportConnectOptions,
  TransportListener,
  TransportListenOptions,
  TransportPeer,
} from './transport.ts';
