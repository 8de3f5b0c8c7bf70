// Rules as people write them: a JSON file of them (`--rules FILE`) or one as text (`--rule listen=...,dial=...`). Strict,
// because a misspelt limit that is passed over is a limit that is not there.
import { type Address, formatAddress, parseAddress, toCid } from '@caisson/core/address';
import {
  describeJson,
  isJsonArray,
  isJsonObject,
  JsonNumber,
  type JsonValue,
  parseDuration,
  parseStrictJson,
} from '@caisson/core/config';
import { type CaissonError, ParseError } from '@caisson/core/errors';
import type { BridgeErrorCode } from './bridge-error.ts';
import { type BridgeRule, checkBridgeRule, DEFAULT_BRIDGE_LIMITS } from './rule.ts';

/** One rule as fields of text and numbers; every field but `listen` and `dial` may be left out. */
type RuleRecord = ReadonlyMap<string, JsonValue>;

export interface RuleTextOptions {
  /** What holds where a rule says nothing. */
  readonly defaults?: Partial<Omit<BridgeRule, 'name' | 'listen' | 'dial'>>;
  /** Names the place in messages: `--rule`, `rules[3]`. */
  readonly what?: string;
}

// Chosen.
export const MAX_RULES_FILE_BYTES = 1_048_576;
const mostRules = 1_024;
const knownFields = [
  'name',
  'listen',
  'dial',
  'maxConnections',
  'idleTimeout',
  'dialTimeout',
  'peerCid',
  'allowMetadata',
  'retryRefused',
];

/**
 * The rules of a JSON file, <= 1 MiB: `[{"listen", "dial", "name"?, "maxConnections"?, "idleTimeout"?: "5m",
 * "dialTimeout"?: "30s", "peerCid"?, "allowMetadata"?, "retryRefused"?}, ...]`.
 * Throws ParseError (BRIDGE_RULES_FILE, BRIDGE_RULE, ADDRESS_FORM, CONFIG_*), LimitError, PolicyError BRIDGE_METADATA.
 */
export function parseBridgeRules(bytes: Uint8Array, options: RuleTextOptions = {}): BridgeRule[] {
  const document = parseStrictJson(bytes, { maxBytes: MAX_RULES_FILE_BYTES, maxDepth: 8 });
  if (!isJsonArray(document)) throw fault(`rules must be an array of rules, got ${describeJson(document)}`);
  if (document.length > mostRules) throw fault(`rules must have at most ${mostRules} rules, got ${document.length}`);
  const rules = document.map((record, index) => {
    if (!isJsonObject(record)) throw fault(`rules[${index}] must be an object, got ${describeJson(record)}`);
    return ruleOf(record, { ...options, what: `rules[${index}]` });
  });
  checkDistinct(rules, (index) => `rules[${index}]`);
  return rules;
}

/** One rule as `listen=vsock:any:3000,dial=tcp:127.0.0.1:8080[,maxConnections=N][,idleTimeout=5m]...`. */
export function parseBridgeRule(text: string, options: RuleTextOptions = {}): BridgeRule {
  const { what = 'rule' } = options;
  const record = new Map<string, JsonValue>();
  // A comma ends a field only where the next one begins: paths may hold commas.
  for (const field of text.split(/,(?=[A-Za-z]+=)/)) {
    const [, key, value] = /^([A-Za-z]+)=(.*)$/s.exec(field) ?? [];
    if (key === undefined || value === undefined) {
      throw fault(`${what} must be listen=ADDRESS,dial=ADDRESS[,FIELD=VALUE], got ${JSON.stringify(field)}`);
    }
    if (record.has(key)) throw fault(`${what} ${key} is given twice in ${JSON.stringify(text)}`);
    record.set(key, fieldValue(key, value));
  }
  return ruleOf(record, { ...options, what });
}

/** Throws ParseError BRIDGE_RULES_FILE when two rules listen on one address; TCP port 0 is never the same twice. */
export function checkDistinct(rules: readonly BridgeRule[], placeOf: (index: number) => string): void {
  const first = new Map<string, number>();
  for (const [index, { listen }] of rules.entries()) {
    if (listen.kind === 'tcp' && listen.port === 0) continue;
    const address = formatAddress(listen);
    const earlier = first.get(address);
    if (earlier !== undefined) {
      throw fault(`${placeOf(index)}.listen ${address} is already the address of ${placeOf(earlier)}`);
    }
    first.set(address, index);
  }
}

function ruleOf(record: RuleRecord, { defaults = {}, what = 'rule' }: RuleTextOptions): BridgeRule {
  for (const key of record.keys()) {
    if (!knownFields.includes(key)) {
      throw fault(
        `${what} must have only the fields ${knownFields.join(', ')}, got ${JSON.stringify(key.slice(0, 60))}`,
      );
    }
  }
  const limits = { ...DEFAULT_BRIDGE_LIMITS, ...defaults.limits };
  const listen = addressOf(record, 'listen', what);
  const dial = addressOf(record, 'dial', what);
  const cid = numberOf(record, 'peerCid', what);
  const peerCid = cid === undefined ? defaults.peerCid : checkedCid(cid, `${what}.peerCid`);
  const rule: BridgeRule = {
    name: textOf(record, 'name', what) ?? formatAddress(listen),
    listen,
    dial,
    limits: {
      maxConnections: numberOf(record, 'maxConnections', what) ?? limits.maxConnections,
      idleTimeoutMs: durationOf(record, 'idleTimeout', what) ?? limits.idleTimeoutMs,
      dialTimeoutMs: durationOf(record, 'dialTimeout', what) ?? limits.dialTimeoutMs,
    },
    ...(peerCid === undefined ? {} : { peerCid }),
    allowMetadata: flagOf(record, 'allowMetadata', what) ?? defaults.allowMetadata ?? false,
    retryRefused: flagOf(record, 'retryRefused', what) ?? defaults.retryRefused ?? false,
  };
  checkBridgeRule(rule, what);
  return rule;
}

function fieldValue(key: string, value: string): JsonValue {
  if (key === 'maxConnections' || key === 'peerCid') return new JsonNumber(value);
  if (key === 'allowMetadata' || key === 'retryRefused')
    return value === 'true' ? true : value === 'false' ? false : value;
  return value;
}

function addressOf(record: RuleRecord, key: string, what: string): Address {
  const text = textOf(record, key, what);
  if (text === undefined) throw fault(`${what}.${key} must be an address, got nothing`);
  return parseAddress(text, `${what}.${key}`);
}

function durationOf(record: RuleRecord, key: string, what: string): number | undefined {
  const text = textOf(record, key, what);
  // A fraction of a millisecond rounds up, so that it can never become 0, which means "never".
  return text === undefined ? undefined : Math.ceil(parseDuration(text, `${what}.${key}`));
}

function textOf(record: RuleRecord, key: string, what: string): string | undefined {
  const value = record.get(key);
  if (value === undefined || typeof value === 'string') return value;
  throw fault(`${what}.${key} must be a string, got ${describeJson(value)}`);
}

function numberOf(record: RuleRecord, key: string, what: string): number | undefined {
  const value = record.get(key);
  if (value === undefined) return undefined;
  const number = value instanceof JsonNumber ? value.unsigned : undefined;
  if (number !== undefined) return number;
  throw fault(`${what}.${key} must be a non-negative integer, got ${describeJson(value)}`);
}

function flagOf(record: RuleRecord, key: string, what: string): boolean | undefined {
  const value = record.get(key);
  if (value === undefined || typeof value === 'boolean') return value;
  throw fault(`${what}.${key} must be true or false, got ${describeJson(value)}`);
}

function checkedCid(value: number, what: string): ReturnType<typeof toCid> {
  try {
    return toCid(value);
  } catch (cause) {
    throw new ParseError<BridgeErrorCode>('BRIDGE_RULE', `${what}: ${(cause as Error).message}`, { cause });
  }
}

function fault(message: string): CaissonError<BridgeErrorCode> {
  return new ParseError('BRIDGE_RULES_FILE', message, {
    hint: '[{"listen": "vsock:any:3000", "dial": "tcp:127.0.0.1:8080"}]',
  });
}
