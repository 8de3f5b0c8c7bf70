// The measured list of places an enclave may reach. The boot config comes from the parent, who is the adversary: with a policy in the
// image, he can choose among these places and name no other. `{"endpoints":[{"host":"api.example.com","tcpPort":443}]}`
import {
  type ArgonautEndpoint,
  describeJson,
  findHostFault,
  isJsonArray,
  isJsonObject,
  JsonNumber,
  type JsonValue,
  parseStrictJson,
} from '@caisson/core/config';
import { CaissonError, ParseError, PolicyError } from '@caisson/core/errors';
import type { EgressErrorCode } from './error-code.ts';

export interface EgressPolicy {
  readonly endpoints: readonly AllowedEndpoint[];
}

export interface AllowedEndpoint {
  /** Lower case. */
  readonly host: string;
  readonly tcpPort: number;
}

// Chosen: a policy is written by hand; the number of entries follows from the size.
export const MAX_POLICY_BYTES = 1 << 20;

/** Throws ParseError EGRESS_POLICY_FILE with the path of the first fault. An empty list allows nothing. */
export function parseEgressPolicy(bytes: Uint8Array): EgressPolicy {
  const root = readJson(bytes);
  if (!isJsonObject(root)) throw fault(`must be a JSON object, got ${describeJson(root)}`);
  for (const key of root.keys()) if (key !== 'endpoints') throw fault(`has an unknown key ${JSON.stringify(key)}`);
  const list = root.get('endpoints');
  if (!isJsonArray(list)) throw fault(`endpoints must be an array, got ${describeJson(list)}`);
  return { endpoints: list.map(readAllowed) };
}

/** Throws PolicyError EGRESS_POLICY with the index of the first endpoint that is not listed. */
export function verifyEgress(endpoints: readonly ArgonautEndpoint[], policy: EgressPolicy): void {
  for (const [index, { host, tcpPort }] of endpoints.entries()) {
    const isAllowed = policy.endpoints.some(
      (allowed) => allowed.host === host.toLowerCase() && allowed.tcpPort === tcpPort,
    );
    if (isAllowed) continue;
    throw new PolicyError<EgressErrorCode>(
      'EGRESS_POLICY',
      `endpoints[${index}] must be one of the ${policy.endpoints.length} endpoints of the policy, got ${host}:${tcpPort}`,
    );
  }
}

function readJson(bytes: Uint8Array): JsonValue {
  try {
    return parseStrictJson(bytes, { maxBytes: MAX_POLICY_BYTES, maxDepth: 3 });
  } catch (cause) {
    if (!(cause instanceof CaissonError)) throw cause;
    throw new ParseError<EgressErrorCode>('EGRESS_POLICY_FILE', `egress policy: ${cause.message}`, { cause });
  }
}

function readAllowed(entry: JsonValue, index: number): AllowedEndpoint {
  const path = `endpoints[${index}]`;
  if (!isJsonObject(entry)) throw fault(`${path} must be an object, got ${describeJson(entry)}`);
  for (const key of entry.keys()) {
    if (key !== 'host' && key !== 'tcpPort') throw fault(`${path} has an unknown key ${JSON.stringify(key)}`);
  }
  const host = entry.get('host');
  if (typeof host !== 'string') throw fault(`${path}.host must be a non-empty string, got ${describeJson(host)}`);
  const wrong = findHostFault(host);
  if (wrong !== undefined) throw fault(`${path}.host ${wrong}`);
  const port = entry.get('tcpPort');
  const tcpPort = port instanceof JsonNumber ? port.unsigned : undefined;
  if (tcpPort === undefined || tcpPort < 1 || tcpPort > 65535) {
    throw fault(`${path}.tcpPort must be an integer in 1..65535, got ${describeJson(port)}`);
  }
  return { host: host.toLowerCase(), tcpPort };
}

function fault(rule: string): ParseError<EgressErrorCode> {
  return new ParseError('EGRESS_POLICY_FILE', `egress policy ${rule}`);
}
