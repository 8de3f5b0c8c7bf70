// What a boot config may say to an image, whoever signed it (docs/boot-config.md, P-C4): one JSON object; our own key closed and within the image's
// allow-lists; its endpoints among the image's destinations; its shape as the image's schema. Everything else in it is the application's and
// passes unchanged. The enclave obeys this, and `up` asks it before anything boots: a config that is refused inside costs a boot.
import { CaissonError } from '../errors/index.ts';
import { MAX_CONFIG_BYTES } from './argonaut-config.ts';
import { type ConfigFault, readEndpoints } from './endpoint.ts';
import { isForbiddenVariable } from './forbidden-variable.ts';
import { describeJson, isJsonObject, type JsonObject, type JsonValue, memberPath } from './json-value.ts';
import { checkAgainst, type RuleTable } from './schema/index.ts';
import { parseStrictJson } from './strict-json.ts';

/** What the image says about configs; the first three stand in `MeasuredConfigTerms`. */
export interface ConfigContentTerms {
  /** Names of variables that it lets a config set. */
  readonly environment: readonly string[];
  /** Destinations that a config's endpoints may name; null: whatever the config says. */
  readonly endpoints: readonly { readonly host: string; readonly port: number }[] | null;
  /** Null: any JSON object. */
  readonly schema: RuleTable | null;
  /** True if the image has the network service, which opens the ways of a config. */
  readonly hasNetwork: boolean;
}

/**
 * `form`: no config at all, or our own key is malformed. `variable`: one that this image does not let a config set. `endpoint`: no endpoint of
 * argonaut's. `destination`: one that is not among the image's. `schema`: not of the image's shape.
 */
export type ContentRule = 'form' | 'variable' | 'endpoint' | 'destination' | 'schema';

export interface ContentFault extends ConfigFault {
  readonly rule: ContentRule;
}

export type ConfigContent =
  | { readonly environment: Readonly<Record<string, string>> }
  | { readonly faults: readonly ContentFault[] };

/** The one top-level key that is ours: `{"caisson":{"environment":{"NAME":"value"}}}`. */
const ownKey = 'caisson';
// Chosen: PID 1 takes 8 KiB of words and variables for one process.
const maxVariables = 256;
const maxValueCharacters = 4_096;

/** Never throws for what the bytes say. All faults there are, in the order of the rules. */
export function readConfigContent(bytes: Uint8Array, terms: ConfigContentTerms): ConfigContent {
  let root: JsonValue;
  try {
    root = parseStrictJson(bytes, { maxBytes: MAX_CONFIG_BYTES });
  } catch (error) {
    if (!(error instanceof CaissonError)) throw error;
    return { faults: [{ rule: 'form', path: '', message: error.message }] };
  }
  if (!isJsonObject(root)) {
    const message = `config must be a JSON object, got ${describeJson(root)}`;
    return { faults: [{ rule: 'form', path: '', message }] };
  }
  const faults: ContentFault[] = [];
  const environment = readEnvironment(root.get(ownKey), terms.environment, faults);
  faults.push(...findEndpointFaults(root, terms));
  const shape = terms.schema === null ? [] : checkAgainst(terms.schema, root);
  faults.push(...shape.map((fault) => ({ rule: 'schema' as const, ...fault })));
  return faults.length === 0 ? { environment } : { faults };
}

function readEnvironment(
  own: JsonValue | undefined,
  allowed: readonly string[],
  faults: ContentFault[],
): Readonly<Record<string, string>> {
  const fault = (rule: ContentRule, path: string, must: string): void =>
    void faults.push({ rule, path, message: `${path} ${must}` });
  if (own === undefined) return {};
  if (!isJsonObject(own)) {
    fault('form', ownKey, `must be an object, got ${describeJson(own)}`);
    return {};
  }
  for (const key of own.keys()) {
    if (key !== 'environment')
      fault('form', memberPath(ownKey, key), 'is no key that a config may set; environment is');
  }
  const path = `${ownKey}.environment`;
  const given = own.get('environment') ?? new Map();
  if (!isJsonObject(given) || given.size > maxVariables) {
    fault('form', path, `must be an object of at most ${maxVariables} members, got ${describeJson(given)}`);
    return {};
  }
  const entries: [string, string][] = [];
  for (const [name, value] of given) {
    const at = memberPath(path, name);
    // An image's list is held to the same rule when it is built; both must hold here, whatever the file says.
    if (isForbiddenVariable(name))
      fault('form', at, 'is a variable of a loader, runtime or shell, which no config may set');
    else if (!allowed.includes(name)) {
      fault('variable', at, `is none of the ${allowed.length} variables that the image allows`);
    } else if (typeof value !== 'string' || value.includes('\0') || value.length > maxValueCharacters) {
      fault(
        'form',
        at,
        `must be text of at most ${maxValueCharacters} characters without NUL, got ${describeJson(value)}`,
      );
    } else entries.push([name, value]);
  }
  return Object.fromEntries(entries);
}

/**
 * An application may call something of its own `endpoints`; they are ours where the image lists destinations or runs the network
 * service. Names are held to the list here, addresses again by the bridges when they dial.
 */
function findEndpointFaults(root: JsonObject, { endpoints: allowed, hasNetwork }: ConfigContentTerms): ContentFault[] {
  if (allowed === null && !hasNetwork) return [];
  const { endpoints, faults } = readEndpoints(root);
  if (faults.length > 0 || allowed === null) return faults.map((fault) => ({ rule: 'endpoint', ...fault }));
  return endpoints.flatMap(({ host, tcpPort }, index): ContentFault[] => {
    if (allowed.some((one) => one.host.toLowerCase() === host.toLowerCase() && one.port === tcpPort)) return [];
    const path = `endpoints[${index}]`;
    const rule = `must be one of the ${allowed.length} destinations of the image, got ${host}:${tcpPort}`;
    return [{ rule: 'destination', path, message: `${path} ${rule}` }];
  });
}
