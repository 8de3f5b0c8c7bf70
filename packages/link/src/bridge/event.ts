// What a bridge tells about its connections: who came, who was turned away, how each ended. Never a byte of the stream.

export type BridgePeer =
  | { readonly kind: 'tcp'; readonly address: string; readonly port: number }
  | { readonly kind: 'vsock'; readonly cid: number; readonly port: number };

interface BridgeConnectionEvent {
  /** Name of the rule. */
  readonly bridge: string;
  /** Counts up within one bridge. */
  readonly id: number;
  /** Undefined where the family has no addresses (unix). */
  readonly peer: BridgePeer | undefined;
}

/** Taken in; the far side is being dialled. */
export interface BridgeAccepted extends BridgeConnectionEvent {
  readonly type: 'accepted';
  /** The rule's far side, as text. */
  readonly target: string;
}

/** Turned away, by the cap or by policy. */
export interface BridgeRefused extends BridgeConnectionEvent {
  readonly type: 'refused';
  readonly reason: string;
}

/** Over, in whatever way. `forward` is from the accepted side to the dialled side, `backward` the other way. */
export interface BridgeClosed extends BridgeConnectionEvent {
  readonly type: 'closed';
  readonly target: string;
  /** False when the far side was never reached. */
  readonly dialled: boolean;
  readonly durationMs: number;
  readonly forwardBytes: number;
  readonly backwardBytes: number;
  /** Errno names, `idle timeout`, `dial timeout`, `drained`; undefined for a direction that ended cleanly. */
  readonly forwardError: string | undefined;
  readonly backwardError: string | undefined;
}

export type BridgeEvent = BridgeAccepted | BridgeRefused | BridgeClosed;

export interface BridgeCounters {
  /** Taken in. */
  readonly accepted: number;
  readonly active: number;
  /** Over the cap, of another CID, or against policy. */
  readonly refused: number;
  /** Taken in, but the far side was not reached. */
  readonly failed: number;
  readonly forwardBytes: number;
  readonly backwardBytes: number;
}

export const noCounts: BridgeCounters = {
  accepted: 0,
  active: 0,
  refused: 0,
  failed: 0,
  forwardBytes: 0,
  backwardBytes: 0,
};

export function addCounters(left: BridgeCounters, right: BridgeCounters): BridgeCounters {
  return {
    accepted: left.accepted + right.accepted,
    active: left.active + right.active,
    refused: left.refused + right.refused,
    failed: left.failed + right.failed,
    forwardBytes: left.forwardBytes + right.forwardBytes,
    backwardBytes: left.backwardBytes + right.backwardBytes,
  };
}
