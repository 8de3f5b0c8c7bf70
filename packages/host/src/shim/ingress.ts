// The ways in: TCP listeners that stay for the shim's whole life, also while the enclave boots, ends and starts again. So nobody else takes the
// port meanwhile, and a caller learns at once that nothing is ready.
import { CID_ANY, CID_PARENT, toVsockPort } from '@caisson/core/address';
import { PolicyError } from '@caisson/core/errors';
import { type Bridge, DEFAULT_BRIDGE_LIMITS, openBridge } from '@caisson/link/bridge';
import type { Transport } from '@caisson/link/transport';
import type { Kernel, NativeEngine } from '@caisson/sys';
import type { IngressRule } from '../compose/index.ts';
import type { ShimBridgeStats } from './client-interface.ts';
import type { EventLog } from './event-log.ts';
import { portFault } from './free-port.ts';
import type { Gate } from './gate.ts';
import { Seldom } from './seldom.ts';

export interface IngressOptions {
  readonly enclave: string;
  readonly rules: readonly IngressRule[];
  readonly gate: Gate;
  readonly kernel: Kernel;
  readonly engine: NativeEngine | undefined;
  readonly events: EventLog;
}

export interface Ingress {
  stats(): readonly ShimBridgeStats[];
  close(): Promise<void>;
}

// Chosen.
const drainMs = 1_000;

/** Opens all or none. Throws CaissonError SHIM_PORT, which names the holder of the port. */
export async function openIngress(options: IngressOptions): Promise<Ingress> {
  const open: OpenRule[] = [];
  const close = async (): Promise<void> => {
    await Promise.all(open.map(({ bridge }) => bridge.drain(drainMs)));
  };
  try {
    for (const rule of options.rules) open.push(await openOne(rule, options));
  } catch (error) {
    await close();
    throw error;
  }
  return { close, stats: () => open.map(statsOf) };
}

interface OpenRule {
  readonly rule: IngressRule;
  readonly bridge: Bridge;
  /** Connections that the bridge accepted and the gate turned away. */
  readonly door: { turnedAway: number };
}

async function openOne(rule: IngressRule, options: IngressOptions): Promise<OpenRule> {
  const { enclave, gate, kernel, engine, events } = options;
  const { hostAddress, hostPort, vsockPort, holdMs } = rule;
  const port = toVsockPort(vsockPort);
  const name = nameOf(rule);
  const door = { turnedAway: 0 };
  const refusals = new Seldom((count, reason) => {
    events.add('warn', 'INGRESS_REFUSED', `${name} refused ${count} connections: ${reason}`, { count, reason });
  });
  const { dialTimeoutMs } = DEFAULT_BRIDGE_LIMITS;
  try {
    const bridge = await openBridge(
      {
        name,
        listen: { kind: 'tcp', host: hostAddress, port: hostPort },
        dial: { kind: 'vsock', cid: CID_ANY, port },
        limits: { ...DEFAULT_BRIDGE_LIMITS, dialTimeoutMs: dialTimeoutMs + holdMs },
        // The enclave has said that it is ready. On vsock a full backlog is refused just as a missing listener is, so a refusal is tried again.
        retryRefused: true,
      },
      {
        transport: untold,
        kernel,
        onEvent: (event) => event.type === 'refused' && refusals.hear(event.reason),
        route: (_, gone) =>
          gate.admit(port, holdMs, gone).catch((error: unknown) => {
            if (error instanceof PolicyError) door.turnedAway += 1;
            throw error;
          }),
        ...(engine === undefined ? {} : { engine }),
      },
    );
    const { address } = bridge;
    const bound = address.kind === 'tcp' ? address.port : hostPort;
    events.add('info', 'INGRESS_BOUND', `${nameOf({ ...rule, hostPort: bound })} listens`, { port: bound });
    return { rule, bridge, door };
  } catch (error) {
    throw await portFault(enclave, rule, error);
  }
}

/** `route` names the far side of each connection; the rule's own `dial` is never used. */
const untold: Transport = {
  kind: 'kernel',
  localCid: CID_PARENT,
  connect: () => Promise.reject(new TypeError('a connection must be routed')),
  listen: () => Promise.reject(new TypeError('ingress listens on tcp')),
  planListen: async () => undefined,
  planDial: () => undefined,
};

/** `127.0.0.1:8080 -> 3000`. */
function nameOf({ hostAddress, hostPort, port }: IngressRule): string {
  return `${hostAddress.includes(':') ? `[${hostAddress}]` : hostAddress}:${hostPort} -> ${port}`;
}

function statsOf({ rule, bridge, door }: OpenRule): ShimBridgeStats {
  const { active, accepted: taken, refused, failed, forwardBytes, backwardBytes } = bridge.counters();
  const { address } = bridge;
  const bound = address.kind === 'tcp' ? address.port : rule.hostPort;
  const name = nameOf({ ...rule, hostPort: bound });
  const accepted = taken - door.turnedAway;
  return { name, active, accepted, refused, failed, bytesIn: forwardBytes, bytesOut: backwardBytes };
}
