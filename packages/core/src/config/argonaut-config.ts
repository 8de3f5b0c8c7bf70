// argonaut's config, schema v0.1: one JSON object that both sides read, each for its own mode. Lists every fault with its
// path. Unknown top-level keys are the application's and pass; an unknown endpoint key is a typing error and does not.
import { CaissonError, ParseError } from '../errors/index.ts';
import { type ArgonautEndpoint, type ConfigFault, findEndpointFaults, MAX_ENDPOINTS } from './endpoint.ts';
import type { ConfigErrorCode } from './error-code.ts';
import { describeJson, isJsonArray, isJsonObject, JsonNumber, type JsonObject, type JsonValue } from './json-value.ts';
import { parseStrictJson } from './strict-json.ts';

export type ConfigMode = 'host' | 'enclave';

/** `httpPort` is there in host mode, `httpTcpPort` in enclave mode. */
export interface ArgonautConfig<Mode extends ConfigMode = ConfigMode> {
  readonly mode: Mode;
  readonly schemaVersion: 'v0.1';
  readonly httpPort: Mode extends 'host' ? number : undefined;
  readonly httpVsockPort: number;
  readonly httpTcpPort: Mode extends 'enclave' ? number : undefined;
  readonly endpoints: readonly ArgonautEndpoint[];
  /** Things a person should see once, each a sentence that begins with its path. */
  readonly warnings: readonly string[];
}

export interface ArgonautConfigOptions {
  /** Let an endpoint name a credentials service of AWS (host mode). Default false. */
  readonly allowMetadata?: boolean;
}

// Given: argonaut config v0.1.
export const MAX_CONFIG_BYTES = 1_048_576;

/** Never throws for what the bytes say. Faults come in the order of the schema; there is at least one, or a config. */
export function checkArgonautConfig<Mode extends ConfigMode>(
  bytes: Uint8Array,
  mode: Mode,
  options: ArgonautConfigOptions = {},
): { readonly config: ArgonautConfig<Mode> } | { readonly faults: readonly ConfigFault[] } {
  let root: JsonValue;
  try {
    root = parseStrictJson(bytes, { maxBytes: MAX_CONFIG_BYTES });
  } catch (error) {
    if (!(error instanceof CaissonError)) throw error;
    return { faults: [{ path: '', message: error.message }] };
  }
  if (!isJsonObject(root)) {
    return { faults: [{ path: '', message: `config must be a JSON object, got ${describeJson(root)}` }] };
  }
  return new ConfigCheck(root, mode, options).run();
}

/** Throws ParseError or LimitError of the JSON reader, or ParseError CONFIG_FAULT with the first fault. */
export function parseArgonautConfig<Mode extends ConfigMode>(
  bytes: Uint8Array,
  mode: Mode,
  options: ArgonautConfigOptions = {},
): ArgonautConfig<Mode> {
  const result = checkArgonautConfig(bytes, mode, options);
  if ('config' in result) return result.config;
  const [first, ...others] = result.faults;
  throw new ParseError<ConfigErrorCode>(
    'CONFIG_FAULT',
    `invalid ${mode} config: ${first?.message}`,
    others.length === 0 ? {} : { hint: `${others.length} more; caisson config check --mode ${mode} FILE lists them` },
  );
}

class ConfigCheck<Mode extends ConfigMode> {
  readonly #root: JsonObject;
  readonly #mode: Mode;
  readonly #options: ArgonautConfigOptions;
  readonly #faults: ConfigFault[] = [];

  constructor(root: JsonObject, mode: Mode, options: ArgonautConfigOptions) {
    this.#root = root;
    this.#mode = mode;
    this.#options = options;
  }

  run(): { readonly config: ArgonautConfig<Mode> } | { readonly faults: readonly ConfigFault[] } {
    this.#checkSchemaVersion();
    const httpPort = this.#readPort('httpPort', this.#mode === 'host');
    const httpVsockPort = this.#readPort('httpVsockPort', true);
    const httpTcpPort = this.#readPort('httpTcpPort', this.#mode === 'enclave');
    const { endpoints, warnings } = this.#readEndpoints();
    if (this.#faults.length > 0) return { faults: this.#faults };
    const config = {
      mode: this.#mode,
      schemaVersion: 'v0.1',
      httpPort: this.#mode === 'host' ? httpPort : undefined,
      httpVsockPort,
      httpTcpPort: this.#mode === 'enclave' ? httpTcpPort : undefined,
      endpoints,
      warnings,
    };
    // The conditional types follow from the two lines above, which the compiler cannot see for a type parameter.
    return { config: config as ArgonautConfig<Mode> };
  }

  #checkSchemaVersion(): void {
    const version = this.#root.get('schemaVersion');
    if (version !== undefined && version !== 'v0.1') {
      this.#fault('schemaVersion', `must be "v0.1" or absent, got ${describeJson(version)}`);
    }
  }

  #readPort(key: string, required: boolean): number {
    const value = this.#root.get(key);
    // A port that this mode does not use may be left empty, as Go's zero value always allowed.
    if (!required && (value === undefined || value === null)) return 0;
    const port = value instanceof JsonNumber ? value.unsigned : undefined;
    if (!required && port === 0) return 0;
    if (port !== undefined && port >= 1 && port <= 65535) return port;
    this.#fault(key, `must be an integer in 1..65535, got ${describeJson(value)}`);
    return 0;
  }

  #readEndpoints(): { endpoints: readonly ArgonautEndpoint[]; warnings: readonly string[] } {
    const list = this.#root.get('endpoints');
    if (!isJsonArray(list)) {
      this.#fault('endpoints', `must be an array, got ${describeJson(list)}`);
      return { endpoints: [], warnings: [] };
    }
    if (list.length > MAX_ENDPOINTS) {
      this.#fault('endpoints', `must have at most ${MAX_ENDPOINTS} entries, got ${list.length}`);
    }
    const judgeHosts = this.#mode === 'host';
    const judged = findEndpointFaults(list.slice(0, MAX_ENDPOINTS), {
      refuseMetadata: judgeHosts && this.#options.allowMetadata !== true,
      warnLoopback: judgeHosts,
    });
    this.#faults.push(...judged.faults);
    return judged;
  }

  #fault(path: string, rule: string): void {
    this.#faults.push({ path, message: `${path} ${rule}` });
  }
}
