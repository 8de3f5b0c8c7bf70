// The native data plane as JavaScript sees it: control, counters and results. Bytes never come up here.
// One engine is one epoll thread with any number of listeners; a listener is a bridge rule's ear.
import type { Cid } from '@caisson/core/address';
import type { NativeAddress } from './kernel.ts';

export interface NativeEngineOptions {
  /** Greatest single write to a vsock, bytes; default 32,768 (a kernel hazard: docs/wire/addresses.md). */
  readonly vsockWriteBytes?: number;
  /** Receive window asked for on every vsock, bytes; default 8 MiB. */
  readonly vsockWindowBytes?: number;
  /** Bytes moved for one connection before another gets its turn; default 1 MiB. */
  readonly fairnessBytes?: number;
  /** Splice for TCP to unix after some large reads; default true. */
  readonly splice?: boolean;
}

/** Where a connection goes, with what must be said first on the way (fabric and hybrid transports). */
export interface NativeTarget {
  readonly address: NativeAddress;
  /** Written before any relayed byte; <= 64 bytes. */
  readonly preface?: Uint8Array;
  /** A line the far side must answer before relaying starts: at most `maxBytes` with its newline, begins with `prefix`. */
  readonly replyLine?: { readonly prefix: string; readonly maxBytes: number };
}

export interface NativeListenOptions {
  /** Where to bind. Port 0 on TCP lets the kernel choose; see NativeListener.address. */
  readonly address: NativeAddress;
  /** Default 4,096. */
  readonly backlog?: number;
  /** Connections alive at once; one more is accepted and reset within 50 ms, and counted. */
  readonly maxConnections: number;
  /**
   * Per direction; 0 = off. A connection whose open directions have all been idle for it is aborted. An EOF starts the
   * other direction's clock anew.
   */
  readonly idleTimeoutMs: number;
  /** From accept to a usable far side, retries and every address included. */
  readonly dialTimeoutMs: number;
  /**
   * Try a refused vsock or unix far side (for unix also one whose file is missing) again with jitter until
   * `dialTimeoutMs`: its backlog may be full. A unix backlog that says so itself (EAGAIN) is always waited for.
   */
  readonly retryRefused?: boolean;
  /** On vsock: only this peer CID; others are reset before a byte is read, and counted as refused. */
  readonly peerCid?: Cid;
  /** First line of every accepted connection, read before dialling and handed to `onAsk` (fabric's preamble). */
  readonly acceptLine?: { readonly maxBytes: number; readonly timeoutMs: number };
  /** Fixed far side, 1..16 tried in order with happy eyeballs (RFC 8305) staggering. Absent: `onAsk` decides for each. */
  readonly targets?: readonly NativeTarget[];
  /** Called for each connection when `targets` is absent or `acceptLine` is set; answer with `dial` or `refuse`. */
  readonly onAsk?: (ask: NativeAsk) => void;
  /** Connections that began or ended since the last call, in batches; never on the data path. */
  readonly onEvents?: (events: readonly NativeEvent[]) => void;
}

export interface NativeAsk {
  /** Unique within the engine. */
  readonly id: number;
  /** With `acceptLine`: the line without its newline. */
  readonly line?: string;
  readonly peer: NativePeer | undefined;
  /** Omit `targets` to use the listener's fixed ones. */
  dial(targets?: readonly NativeTarget[]): void;
  refuse(reason: string): void;
}

export type NativePeer =
  | { readonly kind: 'tcp'; readonly address: string; readonly port: number }
  | { readonly kind: 'vsock'; readonly cid: number; readonly port: number };

export type NativeEvent =
  | { readonly type: 'accepted'; readonly id: number; readonly peer: NativePeer | undefined; readonly atMs: number }
  | { readonly type: 'refused'; readonly id: number; readonly reason: string; readonly atMs: number }
  | ({ readonly type: 'closed' } & NativeResult);

/** One finished connection. `forward` is from the accepted side to the dialled side, `backward` the other way. */
export interface NativeResult {
  readonly id: number;
  readonly peer: NativePeer | undefined;
  /** True when a far side was reached. */
  readonly dialled: boolean;
  readonly durationMs: number;
  readonly forwardBytes: number;
  readonly backwardBytes: number;
  /** Errno names (`ECONNRESET`), `idle timeout`, `dial timeout`, `drained`; undefined for a clean end. */
  readonly forwardError: string | undefined;
  readonly backwardError: string | undefined;
}

export interface NativeCounters {
  /** Taken into service; what is turned away at the door (cap, CID, no descriptor) is not among them. */
  readonly accepted: number;
  readonly active: number;
  /** Over the cap, wrong CID, bad first line, or refused by `onAsk`. */
  readonly refused: number;
  /** Far side not reached. */
  readonly failed: number;
  readonly forwardBytes: number;
  readonly backwardBytes: number;
  /** Accepts that met EMFILE or ENFILE and were turned away with the reserve descriptor. */
  readonly exhausted: number;
  /** Events dropped because JavaScript did not take them in time. */
  readonly eventsDropped: number;
}

export interface NativeListener {
  /** With the port the kernel chose. */
  readonly address: NativeAddress;
  /** Reads shared memory; never waits for the thread. */
  counters(): NativeCounters;
  /** New limits for connections accepted from now on. */
  setLimits(limits: { maxConnections?: number; idleTimeoutMs?: number; dialTimeoutMs?: number }): void;
  /** Stops accepting and frees the address; living connections go on. Resolves when no accept can happen any more. */
  stop(): Promise<void>;
  /** `stop`, then waits at most `graceMs` for living connections, then aborts what is left. */
  drain(graceMs: number): Promise<void>;
}

export interface NativeEngine {
  listen(options: NativeListenOptions): NativeListener;
  /** Aborts everything and joins the thread. */
  close(): Promise<void>;
}
