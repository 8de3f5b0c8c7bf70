// The shim as everybody else sees it: one small process for each enclave, spoken to over `sock/shim.sock` of its folder by the message channel.
// A shim of another build answers by protocol version: what it does not know it refuses by name, and stop, kill and status are in every version.
import type { LogLevel } from '@caisson/core/log';
import type { RecordedState } from '../record/index.ts';

export const SHIM_PROTOCOL = 1;

export interface ShimStats {
  readonly uptimeMs: number;
  /** Of the enclave's processes on this machine; null where there are none (nitro). */
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
  /** Not let in: not ready, too many, a stranger's CID. */
  readonly refused: number;
  readonly failed: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
}

/** One thing that happened, in the form of a log line (wire.md 10); `fields.seq` counts from 1 in this shim's life. */
export interface ShimEvent {
  readonly time: string;
  readonly level: LogLevel;
  readonly code: string;
  readonly message: string;
  readonly enclave: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

export interface ShimClient {
  /** Of the shim, which may be of another build. */
  readonly protocol: number;
  readonly version: string;
  status(): Promise<RecordedState>;
  /** From the ring, then, with `follow`, as they happen until the shim ends. */
  events(options: {
    readonly sinceMs?: number;
    readonly follow: boolean;
    readonly signal?: AbortSignal;
  }): AsyncIterable<ShimEvent>;
  /** Bytes of the console; needs `debug` on nitro. */
  console(options: { readonly follow: boolean; readonly signal?: AbortSignal }): AsyncIterable<Uint8Array>;
  /** Asks the enclave to end, and the shim after it; it is not started again. */
  stop(graceMs?: number): Promise<RecordedState>;
  kill(): Promise<RecordedState>;
  /** Ends and starts again under the same shim, whatever the restart policy. */
  restart(graceMs?: number): Promise<RecordedState>;
  stats(): Promise<ShimStats>;
  close(): Promise<void>;
}
