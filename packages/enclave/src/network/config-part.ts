// What a boot config says about the network: `endpoints` and the HTTP pair of argonaut's schema v0.1, each only where it is there. The rest
// of the config is the application's. The parent may have written it, so nothing of it counts before all of it has been judged.
import {
  type ArgonautEndpoint,
  type ConfigFault,
  describeJson,
  isJsonObject,
  JsonNumber,
  type JsonObject,
  MAX_CONFIG_BYTES,
  parseStrictJson,
  readEndpoints,
} from '@caisson/core/config';
import { ParseError } from '@caisson/core/errors';
import type { NetworkErrorCode } from './error-code.ts';

export interface ConfigNetwork {
  readonly endpoints: readonly ArgonautEndpoint[];
  /** vsock port of the enclave, and the port on 127.0.0.1 that it leads to. */
  readonly http: { readonly vsockPort: number; readonly targetPort: number } | null;
}

/** Throws ParseError NETWORK_CONFIG with the first fault, and what parseStrictJson throws. */
export function readConfigNetwork(bytes: Uint8Array): ConfigNetwork {
  const root = parseStrictJson(bytes, { maxBytes: MAX_CONFIG_BYTES });
  if (!isJsonObject(root)) throw fault(`must be a JSON object, got ${describeJson(root)}`);
  const { endpoints, faults: strange } = readEndpoints(root);
  const faults: ConfigFault[] = [...strange];
  const http = readHttp(root, faults);
  const version = root.get('schemaVersion');
  if ((endpoints.length > 0 || http !== null) && version !== undefined && version !== 'v0.1') {
    faults.unshift({
      path: 'schemaVersion',
      message: `schemaVersion must be "v0.1" or absent, got ${describeJson(version)}`,
    });
  }
  const [first] = faults;
  if (first !== undefined) throw fault(first.message, faults.length - 1);
  return { endpoints, http };
}

function readHttp(root: JsonObject, faults: ConfigFault[]): ConfigNetwork['http'] {
  const isThere = (key: string): boolean => root.get(key) !== undefined && root.get(key) !== null;
  if (!isThere('httpVsockPort') && !isThere('httpTcpPort')) return null;
  const readPort = (key: string): number => {
    const value = root.get(key);
    const port = value instanceof JsonNumber ? (value.unsigned ?? 0) : 0;
    if (port >= 1 && port <= 65_535) return port;
    faults.push({ path: key, message: `${key} must be an integer in 1..65535, got ${describeJson(value)}` });
    return 0;
  };
  return { vsockPort: readPort('httpVsockPort'), targetPort: readPort('httpTcpPort') };
}

function fault(message: string, more = 0): ParseError<NetworkErrorCode> {
  return new ParseError(
    'NETWORK_CONFIG',
    `network of the boot config: ${message}`,
    more === 0 ? {} : { hint: `${more} more; caisson config check --mode enclave FILE lists them` },
  );
}
