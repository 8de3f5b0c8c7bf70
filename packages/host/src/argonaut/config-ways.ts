// The ways that a boot config opens on the parent where an enclave is kept by a shim: those of `caisson host`, from the same file. A config is
// argonaut's where all of it is, or where the image takes `endpoints` from whatever config it gets; otherwise it is the application's own, and what it
// calls endpoints leads nowhere. Its user wrote it: these are the destinations that he asked for, and no others.
import { HEARTBEAT_PORT } from '@caisson/core/address';
import {
  type ArgonautEndpoint,
  checkArgonautConfig,
  classifyHost,
  isJsonObject,
  isSignedConfig,
  JsonNumber,
  type JsonObject,
  MAX_CONFIG_BYTES,
  parseSignedConfig,
  parseStrictJson,
  readEndpoints,
} from '@caisson/core/config';
import { ParseError } from '@caisson/core/errors';
import type { HostArgonautErrorCode } from './error-code.ts';

export interface ConfigWays {
  readonly endpoints: readonly Pick<ArgonautEndpoint, 'host' | 'tcpPort' | 'vsockPort'>[];
  /** Null: no way in. `targetPort` is the application's, where the config says it. */
  readonly http: { readonly hostPort: number; readonly vsockPort: number; readonly targetPort: number } | null;
  /** A sentence each. */
  readonly warnings: readonly string[];
}

export interface ConfigWaysOptions {
  /** The image runs the network service, or lists the destinations that a config may name. */
  readonly takesEndpoints: boolean;
}

/** `bytes` as they are sent, a signature included. Throws ParseError HOST_CONFIG_WAYS with the first fault. */
export function readConfigWays(bytes: Uint8Array, { takesEndpoints }: ConfigWaysOptions): ConfigWays {
  const content = contentOf(bytes);
  const root = content && rootOf(content);
  // If this is no config at all, the enclave will say so itself.
  if (content === undefined || root === undefined) return none;
  const checked = checkArgonautConfig(content, 'host');
  if (!('config' in checked) && !takesEndpoints) {
    const isMeant = ['httpPort', 'httpVsockPort', 'endpoints'].every((key) => root.has(key));
    const [first] = checked.faults;
    return isMeant ? { ...none, warnings: [`no way of it is opened on this side: ${first?.message}`] } : none;
  }
  const warnings = 'config' in checked ? checked.config.warnings : [];
  const { endpoints, faults } = readEndpoints(root);
  const messages = [...faults.map(({ message }) => message), ...endpoints.flatMap(findHostFaults)];
  const http = readHttp(root, messages);
  const [first] = messages;
  if (first !== undefined) {
    throw new ParseError<HostArgonautErrorCode>('HOST_CONFIG_WAYS', `ways of the boot config: ${first}`, {
      ...(messages.length > 1 && {
        hint: `${messages.length - 1} more; caisson config check --mode host FILE lists them`,
      }),
    });
  }
  return { endpoints: endpoints.map(({ host, tcpPort, vsockPort }) => ({ host, tcpPort, vsockPort })), http, warnings };
}

const none: ConfigWays = { endpoints: [], http: null, warnings: [] };

function contentOf(bytes: Uint8Array): Uint8Array | undefined {
  if (!isSignedConfig(bytes)) return bytes;
  try {
    return parseSignedConfig(bytes).config;
  } catch {
    return undefined;
  }
}

function rootOf(content: Uint8Array): JsonObject | undefined {
  try {
    const root = parseStrictJson(content, { maxBytes: MAX_CONFIG_BYTES });
    return isJsonObject(root) ? root : undefined;
  } catch {
    return undefined;
  }
}

/** Hosts that the enclave accepts and this side must refuse, because here the listeners already stand while the enclave boots. */
function findHostFaults({ host, vsockPort }: ArgonautEndpoint, index: number): string[] {
  const at = `endpoints[${index}]`;
  return [
    ...(classifyHost(host) === 'metadata'
      ? [`${at}.host must not be an address that hands out this machine's credentials, got ${JSON.stringify(host)}`]
      : []),
    ...(vsockPort === HEARTBEAT_PORT
      ? [`${at}.vsockPort must not be ${HEARTBEAT_PORT}, where enclaves give their heartbeat`]
      : []),
  ];
}

/** Both ports of the way in; without both of them it has none on this side. */
function readHttp(root: JsonObject, faults: string[]): ConfigWays['http'] {
  const read = (key: string): number | undefined => {
    const value = root.get(key);
    if (value === undefined || value === null) return undefined;
    const port = value instanceof JsonNumber ? (value.unsigned ?? -1) : -1;
    if (port >= 0 && port <= 65_535) return port === 0 ? undefined : port;
    faults.push(`${key} must be an integer in 1..65535`);
    return undefined;
  };
  const [hostPort, vsockPort, targetPort] = [read('httpPort'), read('httpVsockPort'), read('httpTcpPort')];
  if (hostPort === undefined || vsockPort === undefined) return null;
  return { hostPort, vsockPort, targetPort: targetPort ?? vsockPort };
}
