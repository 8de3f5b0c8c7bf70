// /etc/caisson/image.json, read by the supervisor and written by the builder. What would leave the enclave waiting for a config that nobody
// can give it, or let the parent choose what the image's owner never meant, is refused here, so it fails the build first.
import { NAME_FORM } from '../address/index.ts';
import { toUtf8 } from '../bytes/index.ts';
import {
  findHostFault,
  isForbiddenVariable,
  isVariableName,
  type JsonValue,
  MAX_SCHEMA_BYTES,
  parseRuleTable,
  parseStrictJson,
} from '../config/index.ts';
import type { MeasuredConfigTerms, MeasuredEgress, MeasuredImage, MeasuredIngress } from './image.ts';
import { keyOf } from './key.ts';
import { measuredFault, Shape, textOf } from './shape.ts';

// Chosen: a schema's table, as much again for what the compiler writes around it, and all lists at their bounds.
export const MAX_MEASURED_IMAGE_BYTES = 4 * MAX_SCHEMA_BYTES;
const imageLimits = {
  ingress: 64,
  /** Given: argonaut, and the egress places of a host port (docs/wire/addresses.md). */
  egress: 191,
  keys: 16,
  endpoints: 1_024,
  variables: 256,
  labelCharacters: 128,
  mostTimeoutMs: 3_600_000,
} as const;

export const VERSION_FORM = /^[0-9A-Za-z][0-9A-Za-z._+-]{0,63}$/;
const labelForm = /^[!-~](?:[ -~]*[!-~])?$/;

/** Throws ParseError MEASURED_FORM or CONFIG_TABLE, LimitError MEASURED_LIMIT and what parseStrictJson throws. */
export function parseMeasuredImage(bytes: Uint8Array): MeasuredImage {
  const file = new Shape(parseStrictJson(bytes, { maxBytes: MAX_MEASURED_IMAGE_BYTES, maxDepth: 8 }), '');
  file.constant('v', 1);
  const image: MeasuredImage = {
    v: 1,
    name: file.text('name', 63, NAME_FORM),
    version: file.text('version', 64, VERSION_FORM),
    profile: file.choice('profile', ['development', 'production']),
    components: file.list('components', 3, readComponent),
    ingress: file.list('ingress', imageLimits.ingress, readIngress),
    egress: file.list('egress', imageLimits.egress, readEgress),
    config: readTerms(file.take('config')),
    lastWords: file.choice('lastWords', ['inside', 'sealed']),
    lastWordsKey: file.nullable('lastWordsKey', () => keyOf(file.take('lastWordsKey'), 'lastWordsKey', 'X25519')),
    healthPort: file.nullable('healthPort', () => file.integer('healthPort', 1, 65_535)),
  };
  file.end();
  if (new Set(image.components).size !== image.components.length) {
    throw measuredFault('components', 'names given once', image.components);
  }
  // Sealed without a key would be silence, and a key without sealing looks like a promise.
  if ((image.lastWords === 'sealed') !== (image.lastWordsKey !== null)) {
    throw measuredFault('lastWordsKey', 'there exactly with "sealed"', image.lastWordsKey);
  }
  return image;
}

/** The same bytes for the same values on every machine. */
export function writeMeasuredImage(image: MeasuredImage): Uint8Array<ArrayBuffer> {
  const { name, version, profile, components, ingress, egress, config, lastWords, lastWordsKey, healthPort } = image;
  const { expect, timeoutMs, unsigned, requireSignature, minimumVersion, label, keys } = config;
  const { endpoints, environment, schema } = config;
  const terms = { expect, timeoutMs, unsigned, requireSignature, minimumVersion, label, keys };
  const whole = {
    v: 1,
    name,
    version,
    profile,
    components,
    ingress: ingress.map(orderIngress),
    egress: egress.map(orderEgress),
    config: { ...terms, endpoints: endpoints?.map(orderEgress) ?? null, environment, schema },
    lastWords,
    lastWordsKey,
    healthPort,
  };
  return toUtf8(`${JSON.stringify(whole, null, 1)}\n`);
}

const orderIngress = ({ vsockPort, targetPort }: MeasuredIngress): MeasuredIngress => ({ vsockPort, targetPort });
const orderEgress = ({ host, port }: MeasuredEgress): MeasuredEgress => ({ host, port });

function readTerms(value: JsonValue): MeasuredConfigTerms {
  const shape = new Shape(value, 'config');
  const terms: MeasuredConfigTerms = {
    expect: shape.choice('expect', ['none', 'optional', 'required']),
    timeoutMs: shape.integer('timeoutMs', 0, imageLimits.mostTimeoutMs),
    unsigned: shape.choice('unsigned', ['accept', 'refuse']),
    requireSignature: shape.boolean('requireSignature'),
    minimumVersion: shape.integer('minimumVersion', 0, Number.MAX_SAFE_INTEGER),
    label: shape.nullable('label', () => shape.text('label', imageLimits.labelCharacters, labelForm)),
    keys: shape.list('keys', imageLimits.keys, (key, path) => keyOf(key, path, 'Ed25519')),
    endpoints: shape.nullable('endpoints', () => shape.list('endpoints', imageLimits.endpoints, readEgress)),
    environment: shape.list('environment', imageLimits.variables, readVariable),
    schema: shape.nullable('schema', () => parseRuleTable(shape.take('schema'), 'measured config.schema')),
  };
  shape.end();
  checkTerms(terms);
  return terms;
}

function checkTerms({ expect, unsigned, requireSignature, keys }: MeasuredConfigTerms): void {
  if (requireSignature && unsigned === 'accept') {
    throw measuredFault('config.unsigned', '"refuse" where a signature is required', unsigned);
  }
  if (expect !== 'none' && unsigned === 'refuse' && keys.length === 0) {
    throw measuredFault('config.keys', 'filled where only signed configs count', keys);
  }
  if (new Set(keys).size !== keys.length) throw measuredFault('config.keys', 'keys given once', keys);
}

function readComponent(value: JsonValue, path: string): MeasuredImage['components'][number] {
  if (value === 'control' || value === 'ready' || value === 'network') return value;
  throw measuredFault(path, 'one of control, ready, network', value);
}

function readIngress(value: JsonValue, path: string): MeasuredIngress {
  const shape = new Shape(value, path);
  const ingress = {
    vsockPort: shape.integer('vsockPort', 1, 65_535),
    targetPort: shape.integer('targetPort', 1, 65_535),
  };
  shape.end();
  return ingress;
}

function readEgress(value: JsonValue, path: string): MeasuredEgress {
  const shape = new Shape(value, path);
  const egress = { host: shape.text('host', 253), port: shape.integer('port', 1, 65_535) };
  shape.end();
  if (findHostFault(egress.host) !== undefined)
    throw measuredFault(`${path}.host`, 'a name or an address', egress.host);
  return egress;
}

function readVariable(value: JsonValue, path: string): string {
  const name = textOf(value, path, 128);
  if (!isVariableName(name)) throw measuredFault(path, 'the name of a variable', value);
  if (isForbiddenVariable(name)) throw measuredFault(path, 'no variable of a loader, runtime or shell', value);
  return name;
}
