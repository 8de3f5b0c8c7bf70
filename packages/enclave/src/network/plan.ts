// From what the image measures and what the boot config adds to one set of bridges and one hosts block. The image's places come first and
// the config may add to them, never take one over: two that want one name, port or address are refused with both named, because whichever
// won in silence would be the parent's choice.
import { CID_ANY, CID_PARENT, type Cid, FIRST_EGRESS_PLACE, hostPort, toVsockPort } from '@caisson/core/address';
import { PolicyError } from '@caisson/core/errors';
import {
  findNetworkConflict,
  type MeasuredImage,
  type WayIn,
  type WayOut,
  waysInOf,
  waysOutOf,
} from '@caisson/core/measured';
import {
  type ArgonautKnobs,
  type PlannedBridge,
  planBridge,
  TCP_DIAL_TIMEOUT_MS,
  VSOCK_DIAL_TIMEOUT_MS,
} from '@caisson/link/argonaut';
import { type HostsEntry, verifyEgress } from '../egress/index.ts';
import type { ConfigNetwork } from './config-part.ts';
import type { NetworkErrorCode } from './error-code.ts';

export interface NetworkPlan {
  readonly bridges: readonly PlannedBridge[];
  readonly hosts: readonly HostsEntry[];
}

export interface NetworkTerms {
  readonly image: Pick<MeasuredImage, 'ingress' | 'egress' | 'healthPort' | 'components'> & {
    readonly config: Pick<MeasuredImage['config'], 'endpoints'>;
  };
  /** null: the enclave booted without a config. */
  readonly config: ConfigNetwork | null;
  /** The enclave's own. */
  readonly cid: Cid;
  readonly knobs: Pick<ArgonautKnobs, 'maxConnections' | 'idleTimeoutMs'>;
}

/** Throws PolicyError NETWORK_CONFLICT, or EGRESS_POLICY for an endpoint of the config that the image does not list. */
export function planNetwork(terms: NetworkTerms): NetworkPlan {
  const { image, config, cid, knobs } = terms;
  const allowed = image.config.endpoints;
  if (config !== null && allowed !== null) {
    const endpoints = allowed.map(({ host, port }) => ({ host: host.toLowerCase(), tcpPort: port }));
    verifyEgress(config.endpoints, { endpoints });
  }
  const waysIn = joinWaysIn(image, config);
  const measured = waysOutOf(image).map((way, index) => ({
    ...way,
    vsockPort: hostPort(cid, FIRST_EGRESS_PLACE + index),
  }));
  const waysOut = [...measured, ...endpointsOf(config)];
  const conflict = findNetworkConflict(waysIn, waysOut, image);
  if (conflict !== undefined) {
    const { what, first, second } = conflict;
    const text = `network: ${what} is wanted by ${first} and by ${second}`;
    throw new PolicyError<NetworkErrorCode>('NETWORK_CONFLICT', text);
  }
  const limits = { maxConnections: knobs.maxConnections, idleTimeoutMs: knobs.idleTimeoutMs };
  const inbound = waysIn.map(({ name, vsockPort, targetPort }) =>
    planBridge(name, 'traffic', 'inbound', {
      listen: { kind: 'vsock', cid: CID_ANY, port: toVsockPort(vsockPort) },
      dial: { kind: 'tcp', host: '127.0.0.1', port: targetPort },
      limits: { ...limits, dialTimeoutMs: TCP_DIAL_TIMEOUT_MS },
    }),
  );
  const outbound = waysOut.map(({ name, localIp, localPort, vsockPort }) =>
    planBridge(name, 'traffic', 'outbound', {
      listen: { kind: 'tcp', host: localIp, port: localPort },
      dial: { kind: 'vsock', cid: CID_PARENT, port: toVsockPort(vsockPort) },
      limits: { ...limits, dialTimeoutMs: VSOCK_DIAL_TIMEOUT_MS },
      retryRefused: true,
    }),
  );
  // One line for each name: two ports of one host are two ways out at one address.
  const hosts = new Map(waysOut.map(({ host, localIp }) => [host.toLowerCase(), { address: localIp, host }]));
  return { bridges: [...inbound, ...outbound], hosts: [...hosts.values()] };
}

function joinWaysIn(image: NetworkTerms['image'], config: ConfigNetwork | null): WayIn[] {
  const ways = waysInOf(image);
  const http = config?.http ?? null;
  if (http === null) return ways;
  // Image and config name the same way, which is no conflict.
  const isMeasured = ways.some((one) => one.vsockPort === http.vsockPort && one.targetPort === http.targetPort);
  return isMeasured ? ways : [...ways, { name: 'httpVsockPort', ...http }];
}

function endpointsOf(config: ConfigNetwork | null): (WayOut & { readonly vsockPort: number })[] {
  return (config?.endpoints ?? []).map(({ host, localIp, localPort, vsockPort }, index) => ({
    name: `endpoints[${index}] (${host})`,
    host,
    localIp,
    localPort,
    vsockPort,
  }));
}
