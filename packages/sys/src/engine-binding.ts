// The native bridge as the addon shows it (addon/bridge_napi.c, bridge_value.c): numbers, plain objects, no errors with
// names. engine.ts checks what goes in and gives names to what comes out.

declare const handle: unique symbol;
/** One engine: a thread. Useless after `bridgeClose`. */
export type BridgeHandle = { readonly [handle]: true };

export interface RawAddress {
  readonly kind: 'tcp' | 'unix' | 'vsock';
  /** A literal or a path; empty for vsock. */
  readonly host: string;
  readonly cid: number;
  readonly port: number;
}

export interface RawTarget extends RawAddress {
  readonly preface: ArrayBuffer;
  readonly prefix: string;
  /** 0: no reply line. */
  readonly replyBytes: number;
}

export interface RawPlan {
  readonly address: RawAddress;
  readonly backlog: number;
  readonly maxConnections: number;
  readonly idleTimeoutMs: number;
  readonly dialTimeoutMs: number;
  /** 0xFFFFFFFF: every peer. */
  readonly peerCid: number;
  /** 0: no first line. */
  readonly lineBytes: number;
  readonly lineTimeoutMs: number;
  readonly asks: boolean;
  readonly reports: boolean;
  readonly retryRefused: boolean;
  readonly targets: readonly RawTarget[] | null;
}

export interface RawListener {
  readonly number: number;
  readonly port: number;
  /** Eight u64 that the engine's thread goes on writing (enum counter in bridge.h). */
  readonly counters: ArrayBuffer;
}

export type RawPeer =
  | { readonly address: string; readonly port: number }
  | { readonly cid: number; readonly port: number };

export const noteType = { ask: 0, stopped: 1, gone: 2, quit: 3 } as const;

export interface RawNote {
  /** One of `noteType`. */
  readonly type: number;
  readonly listener: number;
  readonly id?: number;
  readonly peer?: RawPeer | null;
  /** latin1: one character a byte. */
  readonly line?: string;
}

export interface BridgeAddon {
  /** `wake` is called on this thread when notes or events wait. A number is a negated errno. */
  bridgeOpen(
    vsockWriteBytes: number,
    vsockWindowBytes: number,
    fairnessBytes: number,
    splice: boolean,
    wake: () => void,
  ): BridgeHandle | number;
  bridgeListen(bridge: BridgeHandle, plan: RawPlan): RawListener | number;
  bridgeLimits(bridge: BridgeHandle, listener: number, maxConnections: number, idleMs: number, dialMs: number): void;
  /** Answered by a `stopped` note, and by a `gone` note once no connection is left. */
  bridgeStop(bridge: BridgeHandle, listener: number): void;
  bridgeAbort(bridge: BridgeHandle, listener: number): void;
  bridgeAnswer(bridge: BridgeHandle, id: number, targets: readonly RawTarget[] | null, refuse: boolean): void;
  /** Whether the engine keeps the event loop alive; it does not after `bridgeOpen`. */
  bridgeHold(bridge: BridgeHandle, hold: boolean): void;
  bridgeTakeNotes(bridge: BridgeHandle): readonly RawNote[];
  /** Copies whole records (struct record in bridge_ring.h) and returns how many. */
  bridgeTakeEvents(bridge: BridgeHandle, records: ArrayBuffer): number;
  /** Aborts everything; answered by a `quit` note. */
  bridgeQuit(bridge: BridgeHandle): void;
  /** After the `quit` note: joins the thread and frees its memory. */
  bridgeClose(bridge: BridgeHandle): void;
}
