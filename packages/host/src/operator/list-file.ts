// A list of operators as people write it, to be signed. YAML with the place of every fault: a slip here is somebody who may command.
import { resolve } from 'node:path';
import { ParseError } from '@caisson/core/errors';
import { type MeasuredOperator, OPERATOR_LIMITS } from '@caisson/core/measured';
import { CONTROL_VERBS, EVERY_VERB, isControlVerb } from '@caisson/link/control';
import { hashKey, readPublicKey } from '../compose/index.ts';
import { isMapValue, parseLocatedYaml } from '../located-yaml/index.ts';
import type { OperatorErrorCode } from './error-code.ts';

const keys = ['name', 'key', 'verbs', 'exec'];
// Chosen.
export const MAX_LIST_FILE_CHARACTERS = 262_144;

/** `file` names the text in messages; keys named by path are beside it. Rejects ParseError OPERATOR_LIST_FILE, COMPOSE_INPUT. */
export async function parseListFile(text: string, file: string, folder: string): Promise<readonly MeasuredOperator[]> {
  const yaml = parseLocatedYaml(text, { what: 'operator list', maxCharacters: MAX_LIST_FILE_CHARACTERS });
  const fail = (path: readonly PropertyKey[], message: string): never => {
    const { line, column } = yaml.faultAt(path, message);
    throw fault(`${file}:${line}:${column}: ${message}`);
  };
  const [first] = yaml.faults;
  if (first !== undefined) throw fault(`${file}:${first.line}:${first.column}: ${first.message}`);
  const root = yaml.value;
  if (!isMapValue(root)) return fail([], 'operator list must be a map with the key operators');
  for (const key of Object.keys(root)) if (key !== 'operators') fail([key], `${key} is no key of an operator list`);
  const list = root['operators'];
  if (!Array.isArray(list) || list.length < 1 || list.length > OPERATOR_LIMITS.operators) {
    return fail(['operators'], `operators must be a list of 1..${OPERATOR_LIMITS.operators}`);
  }
  const operators: MeasuredOperator[] = [];
  for (const [index, one] of list.entries()) {
    const at = ['operators', index];
    if (!isMapValue(one)) return fail(at, `operators[${index}] must be a map of ${keys.join(', ')}`);
    for (const key of Object.keys(one)) {
      if (!keys.includes(key)) fail([...at, key], `operators[${index}].${key} is no key of an operator`);
    }
    const { name, key, verbs = [], exec = [] } = one;
    if (typeof name !== 'string') return fail([...at, 'name'], `operators[${index}].name must be a text`);
    if (typeof key !== 'string')
      return fail([...at, 'key'], `operators[${index}].key must be a public key or its file`);
    if (!isTexts(verbs)) return fail([...at, 'verbs'], `operators[${index}].verbs must be a list of verbs`);
    const strange = verbs.find((verb) => verb !== EVERY_VERB && !isControlVerb(verb));
    if (strange !== undefined) {
      const known = [...CONTROL_VERBS, EVERY_VERB].join(', ');
      fail([...at, 'verbs'], `operators[${index}].verbs must be of ${known}; got ${JSON.stringify(strange)}`);
    }
    if (!Array.isArray(exec) || !exec.every(isTexts)) {
      return fail([...at, 'exec'], `operators[${index}].exec must be a list of lists of words`);
    }
    const spki = await readPublicKey(key, `operators[${index}].key`, resolve(folder));
    operators.push({ name, spkiSha256: hashKey(spki), verbs, execTemplates: exec });
  }
  return operators;
}

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((one) => typeof one === 'string');
}

function fault(message: string): ParseError<OperatorErrorCode> {
  return new ParseError('OPERATOR_LIST_FILE', message);
}
