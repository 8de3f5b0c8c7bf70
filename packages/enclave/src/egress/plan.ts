// From an argonaut config to the bridges of the enclave's side: one way in for HTTP, one way out for each endpoint.
import { CID_ANY, CID_PARENT, type TcpAddress, toVsockPort, type VsockAddress } from '@caisson/core/address';
import type { ArgonautConfig } from '@caisson/core/config';
import {
  type ArgonautKnobs,
  type PlannedBridge,
  planBridge,
  TCP_DIAL_TIMEOUT_MS,
  VSOCK_DIAL_TIMEOUT_MS,
} from '@caisson/link/argonaut';

/** The inbound bridge first, then the endpoints in config order. */
export function planEnclaveBridges(config: ArgonautConfig<'enclave'>, knobs: ArgonautKnobs): PlannedBridge[] {
  const { maxConnections, idleTimeoutMs } = knobs;
  const limits = { maxConnections, idleTimeoutMs };
  const inbound = planBridge('inbound', 'traffic', 'inbound', {
    listen: { kind: 'vsock', cid: CID_ANY, port: toVsockPort(config.httpVsockPort) },
    dial: { kind: 'tcp', host: '127.0.0.1', port: config.httpTcpPort },
    limits: { ...limits, dialTimeoutMs: TCP_DIAL_TIMEOUT_MS },
  });
  const outbound = config.endpoints.map(({ host, localIp, localPort, vsockPort }, index) => {
    const listen: TcpAddress = { kind: 'tcp', host: localIp, port: localPort };
    const dial: VsockAddress = { kind: 'vsock', cid: CID_PARENT, port: toVsockPort(vsockPort) };
    return planBridge(`endpoints[${index}] (${host})`, 'traffic', 'outbound', {
      listen,
      dial,
      limits: { ...limits, dialTimeoutMs: VSOCK_DIAL_TIMEOUT_MS },
      retryRefused: true,
    });
  });
  return [inbound, ...outbound];
}
