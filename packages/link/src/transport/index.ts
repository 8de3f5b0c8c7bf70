// Ways to reach the other side of the wall.
export type {
  NativeListenPlan,
  Transport,
  TransportConnectOptions,
  TransportListener,
  TransportListenOptions,
  TransportPeer,
} from './transport.ts';
