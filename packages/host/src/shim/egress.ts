// The ways out of one boot: vsock listeners of the host that let in only this enclave's CID, each leading to one host and port that was asked for.
// Ways of the image have ports of the enclave's own (docs/wire/addresses.md); ways of its boot config have the port that the config names, and on
// Nitro only one enclave of a parent can have that.
import { CID_ANY, FIRST_EGRESS_PLACE, hostPort } from '@caisson/core/address';
import { CaissonError } from '@caisson/core/errors';
import {
  type BridgeEvent,
  type BridgeRule,
  type BridgeSet,
  DEFAULT_BRIDGE_LIMITS,
  openBridgeSet,
} from '@caisson/link/bridge';
import type { Kernel, NativeEngine } from '@caisson/sys';
import { planEndpoint } from '../argonaut/plan.ts';
import type { EnclavePlace } from '../backend/index.ts';
import type { RecordedSpec } from '../record/index.ts';
import type { ShimBridgeStats } from './client-interface.ts';
import type { ShimErrorCode } from './error-code.ts';
import type { EventLog } from './event-log.ts';
import { Seldom } from './seldom.ts';
import { vsockPortFault } from './vsock-holder.ts';

export interface EgressOptions {
  readonly place: EnclavePlace;
  readonly spec: Pick<RecordedSpec, 'name' | 'egress' | 'endpoints'>;
  /** Name of the other enclave of this host that holds the vsock port; undefined where none does. */
  findVsockHolder(port: number): Promise<string | undefined>;
  readonly kernel: Kernel;
  readonly engine: NativeEngine | undefined;
  readonly events: EventLog;
}

export interface Egress {
  stats(): readonly ShimBridgeStats[];
  close(): Promise<void>;
}

/** Opens all or none. Throws what openBridge throws (a metadata address), and CaissonError SHIM_PORT for a port that is taken. */
export async function openEgress(options: EgressOptions): Promise<Egress> {
  const { place, kernel, engine, events } = options;
  const rules = rulesOf(options);
  // Only failures to reach the far side are events: that is what people look for. The rate is bounded, because the enclave decides how often it
  // dials.
  const failures = new Seldom((count, latest) => {
    events.add('warn', 'EGRESS_FAILED', `${count} connections out failed, the last: ${latest}`, { count });
  });
  const onEvent = (event: BridgeEvent): void => {
    if (event.type === 'refused') failures.hear(`${event.bridge} ${event.reason}`);
    if (event.type === 'closed' && !event.dialled) failures.hear(`${event.bridge} ${event.forwardError ?? 'unknown'}`);
  };
  const bridges = await openBridgeSet(rules, {
    transport: place.transport,
    kernel,
    onEvent,
    ...(engine === undefined ? {} : { engine }),
  }).catch(async (error: unknown) => {
    throw await describeTaken(error, options);
  });
  if (rules.length > 0) {
    const ways = rules.map(({ name }) => name);
    events.add('info', 'EGRESS_BOUND', `ways out: ${ways.join(', ')}`, { count: rules.length });
  }
  bridges.ended.catch((error: Error) => events.add('error', 'EGRESS_ENDED', error.message));
  return { close: () => bridges.drain(0), stats: () => statsOf(bridges) };
}

function rulesOf({ place: { cid }, spec: { egress, endpoints = [] } }: EgressOptions): readonly BridgeRule[] {
  const limits = DEFAULT_BRIDGE_LIMITS;
  return [
    ...egress.map(({ host, port }, index) => ({
      name: nameOf(host, port),
      listen: { kind: 'vsock', cid: CID_ANY, port: hostPort(cid, FIRST_EGRESS_PLACE + index) } as const,
      dial: { kind: 'tcp', host, port } as const,
      limits,
      peerCid: cid,
    })),
    ...endpoints.map(({ host, port, vsockPort }, index) => ({
      ...planEndpoint({ host, tcpPort: port, vsockPort }, index, { cid, limits, allowMetadata: false }).rule,
      name: nameOf(host, port),
    })),
  ];
}

function nameOf(host: string, port: number): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}

/** Names who has the port: another enclave of this host, or else some `caisson host` or a stranger's program. */
async function describeTaken(error: unknown, { spec, findVsockHolder }: EgressOptions): Promise<unknown> {
  const cause = (error as Error).cause as NodeJS.ErrnoException | undefined;
  if (cause?.code !== 'EADDRINUSE') return error;
  for (const { vsockPort } of spec.endpoints ?? []) {
    const holder = await findVsockHolder(vsockPort);
    if (holder !== undefined) return vsockPortFault(spec.name, vsockPort, holder, error);
  }
  return new CaissonError<ShimErrorCode>(
    'SHIM_PORT',
    `a vsock port of this host must be free for enclave ${spec.name}: ${(error as Error).message}`,
    { cause: error, hint: 'caisson host or another program listens there: end it, or give the endpoint another port' },
  );
}

/** For a way out, the accepted side is the enclave. */
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
