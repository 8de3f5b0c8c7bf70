// The endpoints of an argonaut config, one by one and then against each other: two with one name, one vsock port or one
// local address would shadow each other without a word.
import { classifyHost, findHostFault, isLoopbackIpv4 } from './endpoint-host.ts';
import {
  describeJson,
  isJsonArray,
  isJsonObject,
  type JsonArray,
  JsonNumber,
  type JsonObject,
  memberPath,
} from './json-value.ts';

export interface ArgonautEndpoint {
  readonly host: string;
  readonly vsockPort: number;
  readonly tcpPort: number;
  readonly localPort: number;
  /** IPv4 loopback; 127.0.0.(64 + index) when the config names none. */
  readonly localIp: string;
}

export interface ConfigFault {
  /** `endpoints[3].vsockPort`; empty when the text as a whole is at fault. */
  readonly path: string;
  /** A sentence that begins with the path. */
  readonly message: string;
}

export interface EndpointRules {
  readonly refuseMetadata: boolean;
  readonly warnLoopback: boolean;
}

export interface JudgedEndpoints {
  /** In config order; meaningful only when there is no fault. */
  readonly endpoints: readonly ArgonautEndpoint[];
  readonly faults: readonly ConfigFault[];
  readonly warnings: readonly string[];
}

// Given: argonaut config v0.1. 127.0.0.64 to 127.0.0.254.
export const MAX_ENDPOINTS = 191;
const endpointKeys = ['host', 'vsockPort', 'tcpPort', 'localPort', 'localIP'];
const defaultPort = 443;
const firstLocalOctet = 64;

/** Reads the endpoints of a config that need not be argonaut's in any other respect, as the enclave reads it. Without `endpoints` there are none. */
export function readEndpoints(root: JsonObject): Omit<JudgedEndpoints, 'warnings'> {
  const list = root.get('endpoints');
  if (list === undefined) return { endpoints: [], faults: [] };
  if (!isJsonArray(list) || list.length > MAX_ENDPOINTS) {
    const message = `endpoints must be an array of at most ${MAX_ENDPOINTS}, got ${describeJson(list)}`;
    return { endpoints: [], faults: [{ path: 'endpoints', message }] };
  }
  return findEndpointFaults(list, { refuseMetadata: false, warnLoopback: false });
}

/** Judges at most MAX_ENDPOINTS, which is the caller's bound. */
export function findEndpointFaults(list: JsonArray, rules: EndpointRules): JudgedEndpoints {
  const faults: ConfigFault[] = [];
  const endpoints: ArgonautEndpoint[] = [];
  for (const [index, value] of list.entries()) {
    const path = `endpoints[${index}]`;
    if (isJsonObject(value)) endpoints.push(readEndpoint(value, index, rules, faults));
    else faults.push({ path, message: `${path} must be an object, got ${describeJson(value)}` });
  }
  findDuplicates(endpoints, list, faults);
  return { endpoints, faults, warnings: rules.warnLoopback ? warnOfLoopback(endpoints) : [] };
}

function readEndpoint(value: JsonObject, index: number, rules: EndpointRules, faults: ConfigFault[]): ArgonautEndpoint {
  const path = `endpoints[${index}]`;
  const fault = (key: string, rule: string): void => {
    const at = memberPath(path, key);
    faults.push({ path: at, message: `${at} ${rule}` });
  };
  for (const key of value.keys()) {
    if (!endpointKeys.includes(key)) fault(key, `is no key of an endpoint; known are ${endpointKeys.join(', ')}`);
  }
  return {
    host: readHost(value, rules, fault),
    vsockPort: readPort(value, 'vsockPort', undefined, fault),
    tcpPort: readPort(value, 'tcpPort', defaultPort, fault),
    localPort: readPort(value, 'localPort', defaultPort, fault),
    localIp: readLocalIp(value, index, fault),
  };
}

type Fault = (key: string, rule: string) => void;

function readHost(endpoint: JsonObject, rules: EndpointRules, fault: Fault): string {
  const host = endpoint.get('host');
  if (typeof host !== 'string') {
    fault('host', `must be a non-empty string, got ${describeJson(host)}`);
    return '';
  }
  const wrong = findHostFault(host);
  if (wrong !== undefined) fault('host', wrong);
  else if (rules.refuseMetadata && classifyHost(host) === 'metadata') {
    fault('host', `must not be an address that hands out this machine's credentials, got ${JSON.stringify(host)}`);
  }
  return host;
}

function readPort(endpoint: JsonObject, key: string, absent: number | undefined, fault: Fault): number {
  const value = endpoint.get(key);
  if (value === undefined && absent !== undefined) return absent;
  const port = value instanceof JsonNumber ? value.unsigned : undefined;
  if (port !== undefined && port >= 1 && port <= 65535) return port;
  fault(key, `must be an integer in 1..65535, got ${describeJson(value)}`);
  return 0;
}

function readLocalIp(endpoint: JsonObject, index: number, fault: Fault): string {
  const value = endpoint.get('localIP');
  if (value === undefined) return `127.0.0.${firstLocalOctet + index}`;
  if (typeof value === 'string' && isLoopbackIpv4(value)) return value;
  fault('localIP', `must be an IPv4 loopback address in 127.0.0.0/8, got ${describeJson(value)}`);
  return '';
}

function findDuplicates(endpoints: readonly ArgonautEndpoint[], list: JsonArray, faults: ConfigFault[]): void {
  // The position in the file, which differs from that in `endpoints` when an entry before was no object.
  const positions = [...list.keys()].filter((index) => isJsonObject(list[index]));
  const seen = new Map<string, number>();
  for (const [number, { host, vsockPort, localIp, localPort }] of endpoints.entries()) {
    const index = positions[number]!;
    const keys = [
      { name: 'host', text: host === '' ? '' : host.toLowerCase() },
      { name: 'vsockPort', text: vsockPort === 0 ? '' : String(vsockPort) },
      { name: 'local address', text: localIp === '' || localPort === 0 ? '' : `${localIp}:${localPort}` },
    ];
    for (const { name, text } of keys.filter((key) => key.text !== '')) {
      const first = seen.get(`${name} ${text}`);
      if (first === undefined) {
        seen.set(`${name} ${text}`, index);
        continue;
      }
      const path = name === 'local address' ? `endpoints[${index}]` : `endpoints[${index}].${name}`;
      const what = name === 'local address' ? ' local bind address' : '';
      const other = name === 'local address' ? `endpoints[${first}]` : `endpoints[${first}].${name}`;
      faults.push({ path, message: `${path}${what} duplicates ${other}, got ${text}` });
    }
  }
}

/** One sentence for all of them: an operator may mean it, and must not learn to skip a page of warnings. */
function warnOfLoopback(endpoints: readonly ArgonautEndpoint[]): readonly string[] {
  const found = endpoints.flatMap(({ host }, index) =>
    classifyHost(host) === 'loopback' ? [`endpoints[${index}].host (${host})`] : [],
  );
  if (found.length === 0) return [];
  return [`${found.join(', ')} reaches services on this machine's loopback: the enclave can dial them`];
}
