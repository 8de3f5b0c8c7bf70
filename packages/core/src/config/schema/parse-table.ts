// A rule table as an image holds it, checked again before it judges anything: closed, bounded, and without a way back to a rule that led here.
import { CaissonError, ParseError } from '../../errors/index.ts';
import type { ConfigErrorCode } from '../error-code.ts';
import { describeJson, isJsonArray, isJsonObject, JsonNumber, type JsonValue } from '../json-value.ts';
import { compilePattern } from '../pattern/match.ts';
import { parseStrictJson } from '../strict-json.ts';
import {
  BOUND_KEYWORDS,
  JSON_TYPES,
  MAX_SCHEMA_BYTES,
  maxRules,
  type RuleTable,
  type SchemaRule,
} from './rule-table.ts';

const keys: readonly string[] = [
  'types',
  'enum',
  'const',
  'properties',
  'required',
  'closed',
  'items',
  'pattern',
  ...BOUND_KEYWORDS,
];

/** `value` as the strict reader gives it. Throws ParseError CONFIG_TABLE; `what` names the place in messages. */
export function parseRuleTable(value: JsonValue, what = 'rule table'): RuleTable {
  const wrong = (path: string, rule: string, got: JsonValue | undefined): never => {
    throw new ParseError<ConfigErrorCode>('CONFIG_TABLE', `${what}${path} ${rule}, got ${describeJson(got)}`);
  };
  if (!isJsonObject(value)) return wrong('', 'must be an object', value);
  for (const key of value.keys())
    if (key !== 'v' && key !== 'rules') return wrong('', 'must have the keys v and rules', key);
  const version = value.get('v');
  if (!(version instanceof JsonNumber) || version.unsigned !== 1) return wrong('.v', 'must be 1', version);
  const rules = value.get('rules');
  if (!isJsonArray(rules) || rules.length === 0 || rules.length > maxRules) {
    return wrong('.rules', `must be an array of 1..${maxRules}`, rules);
  }
  return { v: 1, rules: rules.map((rule, index) => new RuleReader(rule, index, rules.length, wrong).read()) };
}

type Wrong = (path: string, rule: string, got: JsonValue | undefined) => never;

class RuleReader {
  readonly #rule: JsonValue;
  readonly #index: number;
  readonly #count: number;
  readonly #wrong: Wrong;

  constructor(rule: JsonValue, index: number, count: number, wrong: Wrong) {
    this.#rule = rule;
    this.#index = index;
    this.#count = count;
    this.#wrong = (path, text, got) => wrong(`.rules[${index}]${path}`, text, got);
  }

  read(): SchemaRule {
    if (!isJsonObject(this.#rule)) return this.#wrong('', 'must be an object', this.#rule);
    const entries = [...this.#rule].map(([key, value]) => [key, this.#readMember(key, value)]);
    return Object.fromEntries(entries) as SchemaRule;
  }

  #readMember(key: string, value: JsonValue): unknown {
    const at = `.${key}`;
    if (!keys.includes(key)) return this.#wrong('', `must have known keys`, key);
    if ((BOUND_KEYWORDS as readonly string[]).includes(key)) {
      const bound = value instanceof JsonNumber ? Number(value.literal) : Number.NaN;
      return Number.isFinite(bound) ? bound : this.#wrong(at, 'must be a number', value);
    }
    if (key === 'closed') return value === true ? value : this.#wrong(at, 'must be true', value);
    if (key === 'items') return this.#readIndex(value, at);
    if (key === 'properties') return this.#readProperties(value, at);
    if (key === 'const') return this.#readJson(value, at);
    if (key === 'pattern') return this.#readPattern(value, at);
    if (!isJsonArray(value)) return this.#wrong(at, 'must be an array', value);
    if (key === 'enum') return value.map((one) => this.#readJson(one, at));
    const names = key === 'types' ? (JSON_TYPES as readonly JsonValue[]) : undefined;
    const strange = value.find((one) => typeof one !== 'string' || names?.includes(one) === false);
    return strange === undefined ? value : this.#wrong(at, 'must hold known names', strange);
  }

  /** Only forward, so that no config can be judged for ever. */
  #readIndex(value: JsonValue | undefined, at: string): number {
    const index = value instanceof JsonNumber ? value.unsigned : undefined;
    if (index !== undefined && index > this.#index && index < this.#count) return index;
    return this.#wrong(at, `must be in ${this.#index + 1}..${this.#count - 1}`, value);
  }

  #readProperties(value: JsonValue, at: string): readonly (readonly [string, number])[] {
    if (!isJsonArray(value)) return this.#wrong(at, 'must be an array', value);
    return value.map((pair) => {
      const [name, index, ...rest] = isJsonArray(pair) ? pair : [];
      if (typeof name !== 'string' || rest.length > 0) return this.#wrong(at, 'must be pairs of name and rule', pair);
      return [name, this.#readIndex(index, at)];
    });
  }

  #readJson(value: JsonValue, at: string): string {
    if (typeof value !== 'string') return this.#wrong(at, 'must be JSON text', value);
    return this.#attempt(value, at, () =>
      parseStrictJson(new TextEncoder().encode(value), { maxBytes: MAX_SCHEMA_BYTES }),
    );
  }

  #readPattern(value: JsonValue, at: string): string {
    if (typeof value !== 'string') return this.#wrong(at, 'must be text', value);
    return this.#attempt(value, at, () => compilePattern(value));
  }

  #attempt(text: string, at: string, parse: () => unknown): string {
    try {
      parse();
      return text;
    } catch (error) {
      if (!(error instanceof CaissonError)) throw error;
      return this.#wrong(at, `must hold to its form (${error.message})`, text);
    }
  }
}
