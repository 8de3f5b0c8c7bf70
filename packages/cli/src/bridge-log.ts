// What a bridge tells, as log lines. Connections that meet a full table of descriptors come by the hundred: of those one
// line a second says how many there were.
import type { Log } from '@caisson/core/log';
import type { BridgeClosed, BridgeEvent, BridgePeer } from '@caisson/link/bridge';

// Given: R-B6, logged once a second and not per event.
const exhaustedEveryMs = 1_000;

/** For BridgeOptions.onEvent. */
export function createBridgeLog(log: Log, now: () => number = () => performance.now()): (event: BridgeEvent) => void {
  let saidAtMs = Number.NEGATIVE_INFINITY;
  let unsaid = 0;

  function tellExhausted(bridge: string): void {
    unsaid += 1;
    if (now() - saidAtMs < exhaustedEveryMs) return;
    log.error('BRIDGE_EXHAUSTED', 'no descriptor left to dial with', { bridge, connections: unsaid });
    saidAtMs = now();
    unsaid = 0;
  }

  return (event) => {
    const about = { bridge: event.bridge, id: event.id, peer: textOf(event.peer) };
    if (event.type === 'accepted') log.debug('BRIDGE_ACCEPTED', 'accepted', { ...about, target: event.target });
    else if (event.type === 'refused') log.warn('BRIDGE_REFUSED', `refused: ${event.reason}`, about);
    else if (isExhausted(event)) tellExhausted(event.bridge);
    else tellClosed(event, about);
  };

  function tellClosed(event: BridgeClosed, about: { bridge: string; id: number; peer: string | undefined }): void {
    const { target, dialled, durationMs, forwardBytes, backwardBytes, forwardError, backwardError } = event;
    const fields = {
      ...about,
      target,
      durationMs: Math.round(durationMs),
      forwardBytes,
      backwardBytes,
      forwardError,
      backwardError,
    };
    if (dialled) log.info('BRIDGE_CLOSED', 'closed', fields);
    else log.warn('BRIDGE_FAILED', 'far side not reached', fields);
  }
}

function isExhausted({ dialled, forwardError }: BridgeClosed): boolean {
  return !dialled && (forwardError === 'EMFILE' || forwardError === 'ENFILE');
}

function textOf(peer: BridgePeer | undefined): string | undefined {
  if (peer === undefined) return undefined;
  if (peer.kind === 'vsock') return `vsock:${peer.cid}:${peer.port}`;
  return peer.address.includes(':') ? `tcp:[${peer.address}]:${peer.port}` : `tcp:${peer.address}:${peer.port}`;
}
