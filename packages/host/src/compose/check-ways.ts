// The ways that boot configs of a file open on the host, beside each other and beside `ingress`. Each holds by itself, and of two that want one port the
// second would fail at its boot, after all was built. A vsock port of the parent is one enclave's whatever the backend: a file that is simulated today is
// to run on hardware as it stands.
import { CaissonError } from '@caisson/core/errors';
import { type ConfigWays, readConfigWays } from '../argonaut/config-ways.ts';
import { configPath } from './check-config.ts';
import { type IngressRule, isSameListener, readIngressRule } from './ingress-rule.ts';
import type { ComposeIssue } from './issue-text.ts';
import type { NamedConfig } from './read-config.ts';
import type { EnclaveSpec } from './schema.ts';

export interface ConfiguredSpec {
  readonly spec: EnclaveSpec;
  readonly named: NamedConfig | undefined;
}

export interface WayIssue extends ComposeIssue {
  /** Of the enclave whose map `path` is from. */
  readonly name: string;
}

/** `httpAddress`: where the ways in of configs listen. */
export function findWayIssues(enclaves: ReadonlyMap<string, ConfiguredSpec>, httpAddress: string): readonly WayIssue[] {
  const issues: WayIssue[] = [];
  const owners = new Map<number, string>();
  const listeners = [...enclaves].flatMap(([name, { spec }]) => listenersOf(name, spec));
  for (const [name, { spec, named }] of enclaves) {
    if (named === undefined) continue;
    const add = (path: string, rule: string): void => {
      issues.push({ name, path: configPath(spec, path), message: `${named.place}: ${rule}` });
    };
    const ways = readWays(named, (message) => add('', message));
    if (ways === undefined) continue;
    if (isUnserved(spec, named, ways)) add('', unservedRule(spec));
    for (const [index, { vsockPort }] of ways.endpoints.entries()) {
      const at = `endpoints[${index}].vsockPort`;
      const owner = owners.get(vsockPort);
      owners.set(vsockPort, owner ?? name);
      if (owner !== undefined)
        add(at, `${at} of ${name} must be its own on this host, got ${vsockPort}, which the config of ${owner} has`);
    }
    if (ways.http === null) continue;
    const rule = { hostAddress: httpAddress, hostPort: ways.http.hostPort };
    const first = listeners.find((other) => other.name !== name && isSameListener(other.rule, rule));
    listeners.push({ name, rule, place: `httpPort in the config of ${name}` });
    const got = `${httpAddress}:${rule.hostPort}`;
    if (first !== undefined)
      add('httpPort', `httpPort of ${name} must be its own on this host, got ${got}, which ${first.place} has`);
  }
  return issues;
}

function readWays(named: NamedConfig, onFault: (message: string) => void): ConfigWays | undefined {
  try {
    return readConfigWays(named.bytes, named);
  } catch (error) {
    if (!(error instanceof CaissonError)) throw error;
    onFault(error.message);
    return undefined;
  }
}

interface Listener {
  readonly name: string;
  readonly rule: Pick<IngressRule, 'hostAddress' | 'hostPort'>;
  readonly place: string;
}

function listenersOf(name: string, { ingress = [] }: EnclaveSpec): Listener[] {
  return ingress.map((one, index) => ({ name, rule: readIngressRule(one), place: `ingress[${index}] of ${name}` }));
}

function unservedRule({ operators }: EnclaveSpec): string {
  const parts = ['ready', ...(operators === undefined ? [] : ['control'])].join(', ');
  return `its ways must be served inside by a component or a service, got an image that says neither; components: [${parts}, network] has the component, [${parts}] says that a service runs argonaut enclave`;
}

/**
 * Whether a service of the image serves them is not ours to guess. To give it the component because of its config would let whoever brings the config say
 * where the ways out of a measured image lead.
 */
function isUnserved(
  { components, image }: EnclaveSpec,
  { terms }: NamedConfig,
  { endpoints, http }: ConfigWays,
): boolean {
  const isBuilt = typeof image === 'object' && image.eif !== undefined;
  if (isBuilt || terms === null || terms.hasNetwork || components !== undefined) return false;
  return endpoints.length > 0 || http !== null;
}
