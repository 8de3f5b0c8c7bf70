// What a config may say to this image, whoever signed it: one JSON object; our own key closed and within the image's allow-lists; its
// endpoints among the measured ones; its shape as the image's schema. Everything else in it is the application's and passes unchanged.
import {
  type ConfigFault,
  checkAgainst,
  describeJson,
  findEndpointFaults,
  isForbiddenVariable,
  isJsonArray,
  isJsonObject,
  type JsonObject,
  type JsonValue,
  MAX_CONFIG_BYTES,
  memberPath,
  parseStrictJson,
} from '@caisson/core/config';
import { CaissonError } from '@caisson/core/errors';
import type { MeasuredImage } from '@caisson/core/measured';
import type { ReasonCode } from '@caisson/link/ready';

/** The one top-level key that is ours: `{"caisson":{"environment":{"NAME":"value"}}}`. */
const ownKey = 'caisson';
// Chosen: PID 1 takes 8 KiB of words and variables for one process.
const maxVariables = 256;
const maxValueCharacters = 4_096;

export type ReadContent =
  | { readonly environment: Readonly<Record<string, string>> }
  | { readonly reason: ReasonCode; readonly faults: readonly ConfigFault[] };

/** Never throws for what the bytes say. The reason is that of the first rule that did not hold; the faults are all of them. */
export function readContent(bytes: Uint8Array, image: MeasuredImage): ReadContent {
  let root: JsonValue;
  try {
    root = parseStrictJson(bytes, { maxBytes: MAX_CONFIG_BYTES });
  } catch (error) {
    if (!(error instanceof CaissonError)) throw error;
    return { reason: 'config-refused', faults: [{ path: '', message: error.message }] };
  }
  if (!isJsonObject(root)) {
    const message = `config must be a JSON object, got ${describeJson(root)}`;
    return { reason: 'config-refused', faults: [{ path: '', message }] };
  }
  const own: ConfigFault[] = [];
  const environment = readEnvironment(root.get(ownKey), image.config.environment, own);
  const endpoints = findStrangeEndpoints(root, image);
  const shape = image.config.schema === null ? [] : checkAgainst(image.config.schema, root);
  const faults = [...own, ...endpoints, ...shape];
  if (faults.length === 0) return { environment };
  return {
    reason: own.length > 0 ? 'config-refused' : endpoints.length > 0 ? 'config-endpoint' : 'config-schema',
    faults,
  };
}

function readEnvironment(
  own: JsonValue | undefined,
  allowed: readonly string[],
  faults: ConfigFault[],
): Readonly<Record<string, string>> {
  const fault = (path: string, rule: string): void => void faults.push({ path, message: `${path} ${rule}` });
  if (own === undefined) return {};
  if (!isJsonObject(own)) {
    fault(ownKey, `must be an object, got ${describeJson(own)}`);
    return {};
  }
  for (const key of own.keys()) {
    if (key !== 'environment') fault(memberPath(ownKey, key), 'is no key that a config may set; environment is');
  }
  const path = `${ownKey}.environment`;
  const given = own.get('environment') ?? new Map();
  if (!isJsonObject(given) || given.size > maxVariables) {
    fault(path, `must be an object of at most ${maxVariables} members, got ${describeJson(given)}`);
    return {};
  }
  const entries: [string, string][] = [];
  for (const [name, value] of given) {
    const at = memberPath(path, name);
    // The measured list is held to the same rule when the image is built; both must hold here, whatever the file says.
    if (isForbiddenVariable(name)) fault(at, 'is a variable of a loader, runtime or shell, which no config may set');
    else if (!allowed.includes(name)) fault(at, `is none of the ${allowed.length} variables that the image allows`);
    else if (typeof value !== 'string' || value.includes('\0') || value.length > maxValueCharacters) {
      fault(at, `must be text of at most ${maxValueCharacters} characters without NUL, got ${describeJson(value)}`);
    } else entries.push([name, value]);
  }
  return Object.fromEntries(entries);
}

/**
 * An application may call something of its own `endpoints`; they are ours where the image lists destinations or runs the network
 * service. Names are held to the list here, addresses again by the bridges when they dial.
 */
function findStrangeEndpoints(root: JsonObject, image: MeasuredImage): readonly ConfigFault[] {
  const list = root.get('endpoints');
  const allowed = image.config.endpoints;
  if (list === undefined || (allowed === null && !image.components.includes('network'))) return [];
  if (!isJsonArray(list) || list.length > 191) {
    return [{ path: 'endpoints', message: `endpoints must be an array of at most 191, got ${describeJson(list)}` }];
  }
  const { endpoints, faults } = findEndpointFaults(list, { refuseMetadata: false, warnLoopback: false });
  if (faults.length > 0 || allowed === null) return faults;
  return endpoints.flatMap(({ host, tcpPort }, index) => {
    if (allowed.some((one) => one.host.toLowerCase() === host.toLowerCase() && one.port === tcpPort)) return [];
    const path = `endpoints[${index}]`;
    return [
      {
        path,
        message: `${path} must be one of the ${allowed.length} destinations of the image, got ${host}:${tcpPort}`,
      },
    ];
  });
}
