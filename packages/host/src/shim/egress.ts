// The ways out of one boot: host-wide vsock listeners of this enclave's own ports, for its CID alone, each to the one host and port that was asked for.
import { CID_ANY, hostPort } from '@caisson/core/address';
import { type BridgeEvent, type BridgeSet, DEFAULT_BRIDGE_LIMITS, openBridgeSet } from '@caisson/link/bridge';
import type { Kernel, NativeEngine } from '@caisson/sys';
import type { EnclavePlace } from '../backend/index.ts';
import type { ShimBridgeStats } from './client-interface.ts';
import type { EventLog } from './event-log.ts';
import { Seldom } from './seldom.ts';

export interface EgressOptions {
  readonly place: EnclavePlace;
  readonly targets: readonly { readonly host: string; readonly port: number }[];
  readonly kernel: Kernel;
  readonly engine: NativeEngine | undefined;
  readonly events: EventLog;
}

export interface Egress {
  stats(): readonly ShimBridgeStats[];
  close(): Promise<void>;
}

// Given: wire.md 1.
const firstEgressPlace = 16;

/** All or none. Throws what openBridge throws: a metadata address, a port that somebody else has. */
export async function openEgress(options: EgressOptions): Promise<Egress> {
  const { place, targets, kernel, engine, events } = options;
  const names = targets.map(({ host, port }) => `${host.includes(':') ? `[${host}]` : host}:${port}`);
  const rules = targets.map(({ host, port }, index) => ({
    name: `${names[index]}`,
    listen: { kind: 'vsock', cid: CID_ANY, port: hostPort(place.cid, firstEgressPlace + index) } as const,
    dial: { kind: 'tcp', host, port } as const,
    limits: DEFAULT_BRIDGE_LIMITS,
    peerCid: place.cid,
  }));
  // Only what did not reach its far side: that is what people look for. An enclave decides how often.
  const failures = new Seldom((count, latest) => {
    events.add('warn', 'EGRESS_FAILED', `${count} connections out failed, the last: ${latest}`, { count });
  });
  const onEvent = (event: BridgeEvent): void => {
    if (event.type === 'refused') failures.hear(`${event.bridge} ${event.reason}`);
    if (event.type === 'closed' && !event.dialled) failures.hear(`${event.bridge} ${event.forwardError ?? 'unknown'}`);
  };
  const bridges = await openBridgeSet(rules, {
    ...{ transport: place.transport, kernel, onEvent },
    ...(engine === undefined ? {} : { engine }),
  });
  bridges.ended.catch((error: Error) => events.add('error', 'EGRESS_ENDED', error.message));
  return { close: () => bridges.drain(0), stats: () => statsOf(bridges) };
}

/** Accepted is what comes out of the enclave. */
function statsOf({ bridges }: BridgeSet): readonly ShimBridgeStats[] {
  return bridges.map((bridge) => {
    const { active, accepted, refused, failed, forwardBytes, backwardBytes } = bridge.counters();
    return {
      name: bridge.rule.name,
      active,
      accepted,
      refused,
      failed,
      bytesIn: backwardBytes,
      bytesOut: forwardBytes,
    };
  });
}
