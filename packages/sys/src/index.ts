// The door to the kernel.
export type { Addon } from './addon.ts';
export type { SystemError } from './errno.ts';
export type { SysErrorCode } from './error-code.ts';
export { SYS_ERROR_CODES } from './error-code.ts';
export type {
  DatagramListener,
  DatagramOptions,
  Kernel,
  NativeAddress,
  NsmDevice,
  PeerCredentials,
  Terminal,
  TerminalSize,
  VsockConnectOptions,
  VsockListenOptions,
} from './kernel.ts';
export type { LinuxKernelOptions } from './linux-kernel.ts';
export { createLinuxKernel } from './linux-kernel.ts';
export type { LoadedAddon } from './load.ts';
export { loadAddon } from './load.ts';
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
export type { OpenProcessHost, ProcessHostOptions } from './pid1/client.ts';
export { openProcessHost } from './pid1/client.ts';
export type {
  ProcessEnd,
  ProcessEntry,
  ProcessHost,
  ProcessHostEvent,
  ProcessIdentity,
  ProcessRequest,
  ProcessStreams,
} from './pid1/process-host.ts';
