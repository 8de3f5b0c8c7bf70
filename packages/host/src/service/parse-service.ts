// One service file: TOML with the keys in a [Service] table or without any header. All its faults at once, each with its place.
import { isServiceName, type MeasuredService, SERVICE_NAME_RULE } from '@caisson/core/measured';
import { parse, TomlError, type TomlTable } from 'smol-toml';
import type { ServiceFault } from './fault.ts';
import { draftService, keyRules, readyKeys } from './key-rule.ts';
import { KeyFault } from './key-value.ts';
import { locateKeys, type Place } from './locate-key.ts';
import { nearestWord } from './nearest-word.ts';

// Chosen.
export const MAX_SERVICE_FILE_BYTES = 64 << 10;

export interface ServiceFileName {
  /** For messages. */
  readonly file: string;
  readonly name: string;
  /** `NAME.service.disabled`. */
  readonly disabled: boolean;
}

export interface ParsedService {
  /** Without a command where the file gives none; undefined when there are faults. */
  readonly service: MeasuredService | undefined;
  /** What could be read of a file with faults too, for what others say of it and it of them; undefined for what is no TOML. */
  readonly draft: MeasuredService | undefined;
  readonly faults: readonly ServiceFault[];
  /** Where a fault of the whole service is shown. */
  readonly place: Place;
  /** Of a key that is there; else of the service. */
  placeOf(key: string): Place;
}

const first: Place = { line: 1, column: 1 };
const serviceTable = 'Service';

/** `nats` of `nats.service`, undefined for a name that is no service file's. */
export function parseFileName(file: string): Omit<ServiceFileName, 'file'> | undefined {
  const [, name, disabled] = /(?:^|\/)([^/]+)\.service(\.disabled)?$/.exec(file) ?? [];
  return name === undefined ? undefined : { name, disabled: disabled !== undefined };
}

/** Never throws for what a text may be. */
export function parseServiceText(text: string, { file, name, disabled }: ServiceFileName): ParsedService {
  const faults: ServiceFault[] = [];
  const fail = (place: Place, message: string, hint?: string): void =>
    void faults.push({ level: 'fault', file, ...place, message, ...(hint === undefined ? {} : { hint }) });
  if (!isServiceName(name)) fail(first, `service name must be ${SERVICE_NAME_RULE}, got ${JSON.stringify(name)}`);

  let document: TomlTable;
  try {
    document = parse(text, { integersAsBigInt: true, unsafeKeyBehaviour: 'throw', maxDepth: 8 });
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    const [summary = ''] = error.message.replace('Invalid TOML document: ', '').split('\n');
    fail({ line: error.line, column: error.column }, `not TOML: ${summary}`);
    return { service: undefined, draft: undefined, faults, place: first, placeOf: () => first };
  }

  const keys = locateKeys(text);
  const inner = document[serviceTable];
  const isNested = typeof inner === 'object' && !Array.isArray(inner);
  const table = isNested ? serviceTable : '';
  const members = (isNested ? inner : document) as TomlTable;
  for (const key of isNested ? Object.keys(document) : []) {
    if (key === serviceTable) continue;
    const place = typeof document[key] === 'object' ? keys.header(key) : keys.find('', key);
    fail(place, `${key} stands outside of [Service], which holds all keys where it is there`);
  }

  const draft = draftService(name, !disabled);
  for (const [key, value] of Object.entries(members)) {
    const place = keys.find(table, key);
    const read = keyRules.get(key);
    if (read === undefined) {
      const nearest = nearestWord(key, keyRules.keys());
      const question = nearest === undefined ? '' : ` (did you mean ${nearest}?)`;
      fail(place, `unknown key ${key}${question}`, 'docs/service.md lists the keys');
      continue;
    }
    try {
      read(draft, value);
    } catch (error) {
      if (!(error instanceof KeyFault)) throw error;
      fail(place, `${key} ${error.message}`, error.hint);
    }
  }
  const probes = readyKeys.filter((key) => members[key] !== undefined && members[key] !== false);
  if (probes.length > 1) {
    fail(keys.find(table, probes[1] ?? ''), `${probes.join(' and ')} cannot stand together: readiness has one sign`);
  }
  const place = keys.header(table);
  const placeOf = (key: string): Place => (members[key] === undefined ? place : keys.find(table, key));
  return { service: faults.length === 0 ? draft : undefined, draft, faults, place, placeOf };
}

/** As the kernel counts them for exec: a NUL behind each. */
export function startBytes({ argv, environment }: Pick<MeasuredService, 'argv' | 'environment'>): number {
  const variables = Object.entries(environment).map(([name, value]) => `${name}=${value}`);
  return [...argv, ...variables].reduce((sum, text) => sum + Buffer.byteLength(text) + 1, 0);
}
