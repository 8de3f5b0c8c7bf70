// A config held against a rule table. Never throws for what the config says; lists faults with their paths, up to a number that a
// person reads, and stops a config whose texts would take too long to match.
import { CaissonError } from '../../errors/index.ts';
import { MAX_CONFIG_BYTES } from '../argonaut-config.ts';
import type { ConfigFault } from '../endpoint.ts';
import { describeJson, isJsonArray, isJsonObject, JsonNumber, type JsonValue, memberPath } from '../json-value.ts';
import { compilePattern, isMatch, type MatchBudget, type Pattern } from '../pattern/match.ts';
import { parseStrictJson } from '../strict-json.ts';
import { parseSchema } from './compile.ts';
import { MAX_SCHEMA_BYTES, type RuleTable, type SchemaRule } from './rule-table.ts';
import { isEqualJson, typeOfJson } from './value.ts';

// Chosen.
const maxFaults = 64;
/** About a second of one core: 1 MiB of text against a pattern of 20 steps. */
const maxMatchSteps = 20_000_000;

/** Every fault in the order of the config, at most 64; none: the config fits. */
export function checkAgainst(table: RuleTable, value: JsonValue): readonly ConfigFault[] {
  const check = new SchemaCheck(table);
  check.visit(0, value, '');
  return check.faults;
}

/**
 * The same from files: the schema's faults are thrown (see parseSchema), the config's are listed, one that is no JSON among them.
 */
export function checkAgainstSchemaText(schema: Uint8Array, config: Uint8Array): readonly ConfigFault[] {
  const table = parseSchema(schema);
  try {
    return checkAgainst(table, parseStrictJson(config, { maxBytes: MAX_CONFIG_BYTES }));
  } catch (error) {
    if (!(error instanceof CaissonError)) throw error;
    return [{ path: '', message: error.message }];
  }
}

class SchemaCheck {
  readonly faults: ConfigFault[] = [];
  readonly #table: RuleTable;
  readonly #patterns = new Map<string, Pattern>();
  readonly #values = new Map<string, JsonValue>();
  readonly #budget: MatchBudget = { steps: maxMatchSteps };

  constructor(table: RuleTable) {
    this.#table = table;
  }

  visit(index: number, value: JsonValue, path: string): void {
    const rule = this.#table.rules[index];
    if (rule === undefined) throw new TypeError(`rule table has no rule ${index}`);
    if (this.faults.length >= maxFaults) return;
    if (!this.#hasType(rule, value, path)) return;
    this.#checkValues(rule, value, path);
    if (typeof value === 'string') this.#checkText(rule, value, path);
    else if (value instanceof JsonNumber) this.#bound(path, 'be', Number(value.literal), rule.minimum, rule.maximum);
    else if (isJsonArray(value)) this.#checkArray(rule, value, path);
    else if (isJsonObject(value)) this.#checkObject(rule, value, path);
  }

  #hasType(rule: SchemaRule, value: JsonValue, path: string): boolean {
    if (rule.types === undefined) return true;
    const actual = typeOfJson(value);
    if (rule.types.some((type) => type === actual || (type === 'number' && actual === 'integer'))) return true;
    this.#fault(path, `must be of type ${rule.types.join(' or ')}, got ${describeJson(value)}`);
    return false;
  }

  #checkValues(rule: SchemaRule, value: JsonValue, path: string): void {
    if (rule.const !== undefined && !isEqualJson(value, this.#valueOf(rule.const))) {
      this.#fault(path, `must be ${clip(rule.const)}, got ${describeJson(value)}`);
    }
    if (rule.enum !== undefined && !rule.enum.some((text) => isEqualJson(value, this.#valueOf(text)))) {
      this.#fault(path, `must be one of ${clip(rule.enum.join(', '))}, got ${describeJson(value)}`);
    }
  }

  #checkText(rule: SchemaRule, text: string, path: string): void {
    if (rule.minLength !== undefined || rule.maxLength !== undefined) {
      this.#bound(path, 'have a length', countCharacters(text), rule.minLength, rule.maxLength);
    }
    if (rule.pattern === undefined) return;
    const isFound = isMatch(this.#patternOf(rule.pattern), text, this.#budget);
    if (isFound === false) this.#fault(path, `must match ${clip(rule.pattern)}, got ${describeJson(text)}`);
    if (isFound === undefined) {
      this.#fault(path, `must be shorter: matching ${clip(rule.pattern)} took more than ${maxMatchSteps} steps`);
    }
  }

  #checkArray(rule: SchemaRule, items: readonly JsonValue[], path: string): void {
    this.#bound(path, 'have a number of items', items.length, rule.minItems, rule.maxItems);
    if (rule.items === undefined) return;
    for (const [index, item] of items.entries()) {
      if (this.faults.length >= maxFaults) return;
      this.visit(rule.items, item, `${path}[${index}]`);
    }
  }

  #checkObject(rule: SchemaRule, object: ReadonlyMap<string, JsonValue>, path: string): void {
    this.#bound(path, 'have a number of members', object.size, rule.minProperties, rule.maxProperties);
    for (const name of rule.required ?? []) {
      if (!object.has(name)) this.#fault(memberPath(path, name), 'must be there, got nothing');
    }
    const properties = new Map(rule.properties);
    for (const [name, member] of object) {
      if (this.faults.length >= maxFaults) return;
      const index = properties.get(name);
      if (index !== undefined) this.visit(index, member, memberPath(path, name));
      else if (rule.closed === true) this.#fault(memberPath(path, name), `is no member that the image's schema knows`);
    }
  }

  #bound(path: string, what: string, got: number, least: number | undefined, most: number | undefined): void {
    if (least !== undefined && !(got >= least)) this.#fault(path, `must ${what} of at least ${least}, got ${got}`);
    if (most !== undefined && !(got <= most)) this.#fault(path, `must ${what} of at most ${most}, got ${got}`);
  }

  #patternOf(text: string): Pattern {
    const known = this.#patterns.get(text) ?? compilePattern(text);
    this.#patterns.set(text, known);
    return known;
  }

  #valueOf(text: string): JsonValue {
    const known =
      this.#values.get(text) ?? parseStrictJson(new TextEncoder().encode(text), { maxBytes: MAX_SCHEMA_BYTES });
    this.#values.set(text, known);
    return known;
  }

  #fault(path: string, rule: string): void {
    if (this.faults.length < maxFaults) this.faults.push({ path, message: `${path === '' ? 'config' : path} ${rule}` });
  }
}

/** Code points, as JSON Schema counts. */
function countCharacters(text: string): number {
  let count = 0;
  for (let at = 0; at < text.length; at += text.codePointAt(at)! > 0xffff ? 2 : 1) count += 1;
  return count;
}

function clip(text: string): string {
  return text.length <= 120 ? text : `${text.slice(0, 117)}...`;
}
