// From an argonaut config to the bridges of the parent's side: one way in for HTTP, one way out for each endpoint.
import { CID_ANY, type Cid, toVsockPort } from '@caisson/core/address';
import type { ArgonautConfig, ArgonautEndpoint } from '@caisson/core/config';
import {
  type ArgonautKnobs,
  type PlannedBridge,
  planBridge,
  TCP_DIAL_TIMEOUT_MS,
  VSOCK_DIAL_TIMEOUT_MS,
} from '@caisson/link/argonaut';

export interface HostPlanOptions {
  /** The enclave; the ways out serve no other CID. */
  readonly cid: Cid;
  readonly config: ArgonautConfig<'host'>;
  readonly knobs: ArgonautKnobs;
  readonly allowMetadata: boolean;
}

/** The inbound bridge first, then the endpoints in config order. */
export function planHostBridges({ cid, config, knobs, allowMetadata }: HostPlanOptions): PlannedBridge[] {
  const { maxConnections, idleTimeoutMs, httpBindAddress } = knobs;
  const limits = { maxConnections, idleTimeoutMs };
  const inbound = planBridge('inbound', 'host', 'inbound', {
    listen: { kind: 'tcp', host: httpBindAddress, port: config.httpPort },
    dial: { kind: 'vsock', cid, port: toVsockPort(config.httpVsockPort) },
    limits: { ...limits, dialTimeoutMs: VSOCK_DIAL_TIMEOUT_MS },
    retryRefused: true,
  });
  const outbound = config.endpoints.map((endpoint, index) =>
    planEndpoint(endpoint, index, { cid, limits, allowMetadata }),
  );
  return [inbound, ...outbound];
}

export interface EndpointPlanOptions extends Pick<HostPlanOptions, 'cid' | 'allowMetadata'> {
  readonly limits: Pick<ArgonautKnobs, 'maxConnections' | 'idleTimeoutMs'>;
}

/** The way out of one endpoint, on the vsock port that the config gives it. */
export function planEndpoint(
  { host, tcpPort, vsockPort }: Pick<ArgonautEndpoint, 'host' | 'tcpPort' | 'vsockPort'>,
  index: number,
  { cid, limits: { maxConnections, idleTimeoutMs }, allowMetadata }: EndpointPlanOptions,
): PlannedBridge {
  return planBridge(`endpoints[${index}] (${host})`, 'host', 'outbound', {
    listen: { kind: 'vsock', cid: CID_ANY, port: toVsockPort(vsockPort) },
    dial: { kind: 'tcp', host, port: tcpPort },
    limits: { maxConnections, idleTimeoutMs, dialTimeoutMs: TCP_DIAL_TIMEOUT_MS },
    // A vsock listener on the parent is heard by every enclave: without this a neighbour could use these ways out.
    peerCid: cid,
    allowMetadata,
  });
}
