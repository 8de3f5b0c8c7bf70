// caisson.yaml with nothing left to guess: variables in their places, short forms long, what was left out as it will be. What a variable puts
// into a boot config is shown by its name: that is where secrets are, and printing a file is no reason to show one.
import { splitWords } from '@caisson/core/measured';
import { type Document, isNode, parseDocument, stringify } from 'yaml';
import { parseLocatedYaml } from '../located-yaml/index.ts';
import { readIngressRule } from './ingress-rule.ts';
import { type Compose, MAX_COMPOSE_CHARACTERS } from './parse-compose.ts';
import type { EnclaveSpec } from './schema.ts';

/** As caisson.yaml has it, which `parseCompose` takes. `text` is what `compose` was read from. */
export function formatCompose(compose: Compose, text: string): string {
  const enclaves = Object.fromEntries(
    [...compose.enclaves].map(([name, spec]) => [name, escapeDollars(resolveSpec(spec))] as const),
  );
  const document = parseDocument(stringify({ enclaves }, { aliasDuplicateObjects: false, lineWidth: 0 }));
  const written = documentOf(text);
  for (const [name, { config }] of compose.enclaves) {
    if (typeof config !== 'object') continue;
    const path = written.hasIn(['enclaves', name]) ? ['enclaves', name, 'config'] : ['config'];
    const node = written.getIn(path, true);
    if (isNode(node)) document.setIn(['enclaves', name, 'config'], node);
  }
  return document.toString({ lineWidth: 0 });
}

/** The same as plain values, by name. */
export function resolveCompose(compose: Compose, text: string): Record<string, Record<string, unknown>> {
  const written = documentOf(text).toJS({ maxAliasCount: 0 }) as Record<string, unknown>;
  const many = written['enclaves'] as Record<string, Record<string, unknown>> | undefined;
  return Object.fromEntries(
    [...compose.enclaves].map(([name, spec]) => {
      const resolved = resolveSpec(spec);
      if (typeof spec.config === 'object') resolved['config'] = (many?.[name] ?? written)['config'];
      return [name, resolved];
    }),
  );
}

/** Every key in the order of docs/caisson-yaml.md. */
function resolveSpec(spec: EnclaveSpec): Record<string, unknown> {
  const image = typeof spec.image === 'string' ? { source: spec.image } : spec.image;
  const words = typeof spec.cmd === 'string' ? splitWords(spec.cmd) : spec.cmd;
  const { version, profile, cmd, ingress, egress, image: _, backend, debug, restart, ...rest } = spec;
  const all = {
    version,
    image,
    profile: profile ?? (image?.eif === undefined ? 'production' : undefined),
    // A text that is no list of words is a fault of its own, and shown as it is.
    cmd: words !== undefined && 'message' in words ? cmd : words,
    ...rest,
    ingress: ingress?.map(readIngressRule).map(({ hostAddress, hostPort, port, vsockPort, holdMs }) => ({
      listen: `${hostAddress.includes(':') ? `[${hostAddress}]` : hostAddress}:${hostPort}`,
      port,
      vsock_port: vsockPort,
      ...(holdMs > 0 && { hold: `${holdMs}ms` }),
    })),
    egress: egress?.map((one) => {
      if (typeof one === 'object') return one;
      const at = one.lastIndexOf(':');
      return { host: one.slice(0, at), port: Number(one.slice(at + 1)) };
    }),
    backend: backend ?? 'auto',
    debug: debug ?? false,
    restart: restart ?? 'no',
  };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
}

/** The file before its variables were put in. */
function documentOf(text: string): Document {
  let kept: Document | undefined;
  parseLocatedYaml(text, {
    what: 'caisson.yaml',
    maxCharacters: MAX_COMPOSE_CHARACTERS,
    rewrite: (document) => {
      kept = document;
      return [];
    },
  });
  if (kept === undefined) throw new TypeError('text must be what the file was read from');
  return kept;
}

function escapeDollars<Value>(value: Value): Value {
  if (typeof value === 'string') return value.replaceAll('$', '$$$$') as Value;
  if (Array.isArray(value)) return value.map(escapeDollars) as Value;
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, escapeDollars(one)])) as Value;
}
