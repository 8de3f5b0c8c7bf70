// A shim may be of another build than its caller. `hello` tells its protocol version; a verb that it does not know it refuses by name, and every
// version knows stop, kill and status.
import type { LogLevel } from '@caisson/core/log';
import type { RecordedState } from '../record/index.ts';

export const SHIM_PROTOCOL = 1;

export interface ShimStats {
  readonly uptimeMs: number;
  /** CPU time and memory of the enclave's processes on this machine; null on Nitro, where there are none. */
  readonly cpuMs: number | null;
  readonly residentBytes: number | null;
  readonly shimResidentBytes: number;
  readonly ingress: readonly ShimBridgeStats[];
  readonly egress: readonly ShimBridgeStats[];
}

export interface ShimBridgeStats {
  /** `127.0.0.1:8080 -> 3000`, `kms.eu-central-1.amazonaws.com:443`. */
  readonly name: string;
  readonly active: number;
  readonly accepted: number;
  /** Connections that were turned away: not ready, too many, or from another CID. */
  readonly refused: number;
  readonly failed: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
}

/** One thing that happened, in the form of a log line (docs/wire/log.md); `fields.seq` counts from 1 in this shim's life. */
export interface ShimEvent {
  readonly time: string;
  readonly level: LogLevel;
  readonly code: string;
  readonly message: string;
  readonly enclave: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

export interface ShimClient {
  /** Protocol and version of the shim, which may be of another build. */
  readonly protocol: number;
  readonly version: string;
  status(): Promise<RecordedState>;
  /** First the events that the shim still remembers, then, with `follow`, those that happen until it ends. */
  events(options: {
    readonly sinceMs?: number;
    readonly follow: boolean;
    readonly signal?: AbortSignal;
  }): AsyncIterable<ShimEvent>;
  /** Bytes of the console; needs `debug` on nitro. */
  console(options: { readonly follow: boolean; readonly signal?: AbortSignal }): AsyncIterable<Uint8Array>;
  /** Ends the enclave in order, and then the shim; nothing starts the enclave again. */
  stop(graceMs?: number): Promise<RecordedState>;
  kill(): Promise<RecordedState>;
  /** Ends the enclave and starts it again under the same shim, whatever its restart policy says. */
  restart(graceMs?: number): Promise<RecordedState>;
  stats(): Promise<ShimStats>;
  close(): Promise<void>;
}
