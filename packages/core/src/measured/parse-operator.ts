// /etc/caisson/operators.json, read by the supervisor and written by the builder: who may command the enclave, by key.
import { toUtf8 } from '../bytes/index.ts';
import { type JsonValue, parseStrictJson } from '../config/index.ts';
import { readFileRoots } from './file-root.ts';
import { keyOf } from './key.ts';
import type { MeasuredOperator, MeasuredOperators } from './operator.ts';
import { measuredFault, Shape, textOf } from './shape.ts';

// Chosen.
export const MAX_MEASURED_OPERATORS_BYTES = 1 << 20;
export const OPERATOR_LIMITS = {
  /** Given: docs/operators.md. */
  operators: 64,
  verbs: 64,
  templates: 64,
  words: 64,
  wordCharacters: 1_024,
} as const;

const nameForm = /^[A-Za-z0-9][A-Za-z0-9_.@-]{0,62}$/;
const verbForm = /^[a-z][a-z0-9.-]{0,63}$/;
const hashForm = /^[0-9a-f]{64}$/;

/** Throws ParseError MEASURED_FORM, LimitError MEASURED_LIMIT and what parseStrictJson throws. */
export function parseMeasuredOperators(bytes: Uint8Array): MeasuredOperators {
  const file = new Shape(parseStrictJson(bytes, { maxBytes: MAX_MEASURED_OPERATORS_BYTES, maxDepth: 6 }), '');
  file.constant('v', 1);
  const operators: MeasuredOperators = {
    v: 1,
    rootKey: file.nullable('rootKey', () => keyOf(file.take('rootKey'), 'rootKey', 'Ed25519')),
    threshold: file.integer('threshold', 1, OPERATOR_LIMITS.operators),
    operators: file.list('operators', OPERATOR_LIMITS.operators, readOperator),
    ...(file.has('fileRoots') && { fileRoots: readFileRoots(file) }),
  };
  file.end();
  // Two entries of one key would count twice where several must agree.
  for (const key of ['name', 'spkiSha256'] as const) {
    const seen = new Set<string>();
    for (const [index, operator] of operators.operators.entries()) {
      if (seen.has(operator[key])) throw measuredFault(`operators[${index}].${key}`, 'given once', operator[key]);
      seen.add(operator[key]);
    }
  }
  return operators;
}

/** The same bytes for the same values on every machine. */
export function writeMeasuredOperators(file: MeasuredOperators): Uint8Array<ArrayBuffer> {
  const operators = file.operators.map(({ name, spkiSha256, verbs, execTemplates }) => {
    return { name, spkiSha256, verbs, execTemplates };
  });
  const { rootKey, threshold, fileRoots = [] } = file;
  const roots = fileRoots.length === 0 ? {} : { fileRoots: fileRoots.map(({ name, path }) => ({ name, path })) };
  return toUtf8(`${JSON.stringify({ v: 1, rootKey, threshold, operators, ...roots }, null, 1)}\n`);
}

function readOperator(value: JsonValue, path: string): MeasuredOperator {
  const shape = new Shape(value, path);
  const operator = {
    name: shape.text('name', 63, nameForm),
    spkiSha256: shape.text('spkiSha256', 64, hashForm),
    verbs: shape.list('verbs', OPERATOR_LIMITS.verbs, (verb, at) => textOf(verb, at, 64, verbForm)),
    execTemplates: shape.list('execTemplates', OPERATOR_LIMITS.templates, readTemplate),
  };
  shape.end();
  return operator;
}

function readTemplate(value: JsonValue, path: string): readonly string[] {
  // A list of lists: the shape of one member serves for the bounds.
  const shape = new Shape(new Map([['words', value]]), path);
  const words = shape.list('words', OPERATOR_LIMITS.words, (word, at) =>
    textOf(word, at, OPERATOR_LIMITS.wordCharacters),
  );
  if (words.length === 0 || words[0] === '') throw measuredFault(path, 'words beginning with a program', value);
  return words;
}
