// A policy document of IAM's language, as far as a key policy uses it (IAM user guide, "Grammar of the IAM JSON policy
// language"). Strict JSON; names of elements as they are, since KMS refuses others; nothing is judged here.
import {
  describeJson,
  isJsonArray,
  isJsonObject,
  type JsonObject,
  type JsonValue,
  parseStrictJson,
} from '@caisson/core/config';
import { ParseError } from '@caisson/core/errors';
import type { KmsPolicyErrorCode } from './error-code.ts';

export interface PolicyStatement {
  /** `Statement[2]`. */
  readonly path: string;
  readonly sid: string | undefined;
  readonly isAllow: boolean;
  /** `*`, ARNs, account numbers; others as `Service:NAME`. Empty with `isEveryoneBut`. */
  readonly principals: readonly string[];
  /** NotPrincipal. */
  readonly isEveryoneBut: boolean;
  /** Patterns, as written. */
  readonly actions: readonly string[];
  /** NotAction: `actions` are what it is not about. */
  readonly isAllActionsBut: boolean;
  readonly resources: readonly string[];
  /** All must hold. */
  readonly conditions: readonly PolicyCondition[];
}

export interface PolicyCondition {
  readonly operator: string;
  readonly key: string;
  /** One must hold; for a negated operator none may. */
  readonly values: readonly string[];
}

/** Bytes of a policy file: KMS takes 32 KiB, and people indent. */
export const MAX_KEY_POLICY_BYTES = 131_072;
const maxDepth = 8;

/** Throws ParseError KMS_POLICY_FORM and what parseStrictJson throws. */
export function parseKeyPolicy(bytes: Uint8Array): PolicyStatement[] {
  const policy = parseStrictJson(bytes, { maxBytes: MAX_KEY_POLICY_BYTES, maxDepth });
  if (!isJsonObject(policy)) throw fault('policy', 'an object', policy);
  const list = policy.get('Statement');
  const statements = isJsonArray(list) ? list : [list];
  if (statements.length === 0) throw fault('Statement', 'at least one statement', list);
  return statements.map((statement, index) => parseStatement(statement, `Statement[${index}]`));
}

/** Whether the statement is about `action`, such as `kms:Decrypt`. Patterns take * and ?, in any case. */
export function coversAction({ actions, isAllActionsBut }: PolicyStatement, action: string): boolean {
  return actions.some((pattern) => isMatch(pattern, action)) !== isAllActionsBut;
}

// Two cursors and one place to go back to: patterns come from a file, and a regular expression of many stars takes forever.
function isMatch(pattern: string, action: string): boolean {
  const [wanted, text] = [pattern.toLowerCase(), action.toLowerCase()];
  let [at, inText, star, starText] = [0, 0, -1, 0];
  while (inText < text.length) {
    if (wanted[at] === '*') {
      star = at;
      starText = inText;
      at += 1;
    } else if (wanted[at] === '?' || wanted[at] === text[inText]) {
      at += 1;
      inText += 1;
    } else if (star >= 0) {
      starText += 1;
      at = star + 1;
      inText = starText;
    } else return false;
  }
  return /^\**$/.test(wanted.slice(at));
}

function parseStatement(value: JsonValue | undefined, path: string): PolicyStatement {
  if (!isJsonObject(value)) throw fault(path, 'an object', value);
  const effect = value.get('Effect');
  if (effect !== 'Allow' && effect !== 'Deny') throw fault(`${path}.Effect`, 'Allow or Deny', effect);
  const sid = value.get('Sid');
  if (sid !== undefined && typeof sid !== 'string') throw fault(`${path}.Sid`, 'text', sid);
  const [principal, isEveryoneBut] = oneOf(value, path, 'Principal', 'NotPrincipal');
  const [action, isAllActionsBut] = oneOf(value, path, 'Action', 'NotAction');
  return {
    path,
    sid,
    isAllow: effect === 'Allow',
    principals: parsePrincipals(principal, `${path}.Principal`),
    isEveryoneBut,
    actions: parseTexts(action, `${path}.Action`),
    isAllActionsBut,
    resources: parseTexts(value.get('Resource'), `${path}.Resource`),
    conditions: parseConditions(value.get('Condition'), `${path}.Condition`),
  };
}

function oneOf(statement: JsonObject, path: string, plain: string, negated: string): [JsonValue | undefined, boolean] {
  if (statement.has(plain) === statement.has(negated)) {
    throw fault(path, `either ${plain} or ${negated}`, statement);
  }
  return statement.has(negated) ? [statement.get(negated), true] : [statement.get(plain), false];
}

function parsePrincipals(value: JsonValue | undefined, path: string): string[] {
  if (value === '*') return ['*'];
  if (!isJsonObject(value)) throw fault(path, '"*" or an object', value);
  return [...value].flatMap(([kind, names]) =>
    parseTexts(names, `${path}.${kind}`).map((name) => (kind === 'AWS' ? name : `${kind}:${name}`)),
  );
}

function parseConditions(value: JsonValue | undefined, path: string): PolicyCondition[] {
  if (value === undefined) return [];
  if (!isJsonObject(value)) throw fault(path, 'an object', value);
  return [...value].flatMap(([operator, keys]) => {
    if (!isJsonObject(keys)) throw fault(`${path}.${operator}`, 'an object', keys);
    return [...keys].map(([key, values]) => ({
      operator,
      key,
      values: parseTexts(values, `${path}.${operator}.${key}`),
    }));
  });
}

function parseTexts(value: JsonValue | undefined, path: string): string[] {
  const list = (isJsonArray(value) ? value : [value]).map((item) => (typeof item === 'boolean' ? String(item) : item));
  const texts = list.filter((item) => typeof item === 'string');
  if (texts.length !== list.length || list.length === 0) throw fault(path, 'text or an array of text', value);
  return texts;
}

function fault(path: string, rule: string, got: JsonValue | undefined): ParseError<KmsPolicyErrorCode> {
  return new ParseError('KMS_POLICY_FORM', `key policy ${path} must be ${rule}, got ${describeJson(got)}`);
}
