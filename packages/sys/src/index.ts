// The door to the kernel.
export type { Kernel, NativeAddress, NsmDevice, VsockConnectOptions, VsockListenOptions } from './kernel.ts';
export type {
  NativeAsk,
  NativeCounters,
  NativeEngine,
  NativeEngineOptions,
  NativeEvent,
  NativeListener,
  NativeListenOptions,
  NativePeer,
  NativeResult,
  NativeTarget,
} from './native-engine.ts';
