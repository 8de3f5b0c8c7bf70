// Pattern text to a tree. Lazy quantifiers are read and mean what greedy ones do: whether a text matches does not depend on them.
import { LimitError } from '../../errors/index.ts';
import type { ConfigErrorCode } from '../error-code.ts';
import {
  anyCharacter,
  type PatternCursor,
  patternFault,
  readClass,
  readEscape,
  syntaxCharacters,
} from './character.ts';
import { maxPatternCharacters, maxPatternDepth, maxPatternSteps, type PatternNode } from './node.ts';

/** Throws ParseError CONFIG_SCHEMA with the construct and its place, LimitError CONFIG_SCHEMA_LIMIT. */
export function parsePattern(text: string): PatternNode {
  if (text.length > maxPatternCharacters) {
    throw new LimitError<ConfigErrorCode>(
      'CONFIG_SCHEMA_LIMIT',
      `pattern must have at most ${maxPatternCharacters} characters, got ${text.length}`,
    );
  }
  const cursor: PatternCursor = { points: [...text], at: 0 };
  const node = readChoice(cursor, 0);
  if (cursor.at < cursor.points.length) throw patternFault(cursor, 'must close only what it opened');
  return node;
}

function readChoice(cursor: PatternCursor, depth: number): PatternNode {
  if (depth > maxPatternDepth) {
    throw new LimitError<ConfigErrorCode>(
      'CONFIG_SCHEMA_LIMIT',
      `pattern must nest at most ${maxPatternDepth} deep, got more at character ${cursor.at}`,
    );
  }
  const options = [readSequence(cursor, depth)];
  while (cursor.points[cursor.at] === '|') {
    cursor.at += 1;
    options.push(readSequence(cursor, depth));
  }
  return options.length === 1 ? options[0]! : { kind: 'choice', options };
}

function readSequence(cursor: PatternCursor, depth: number): PatternNode {
  const parts: PatternNode[] = [];
  for (;;) {
    const character = cursor.points[cursor.at];
    if (character === undefined || character === '|' || character === ')') return { kind: 'sequence', parts };
    if (character === '^' || character === '$') {
      cursor.at += 1;
      parts.push({ kind: character === '^' ? 'begin' : 'end' });
    } else {
      parts.push(readQuantifier(cursor, readAtom(cursor, character, depth)));
    }
  }
}

function readAtom(cursor: PatternCursor, character: string, depth: number): PatternNode {
  if (character === '(') return readGroup(cursor, depth);
  if (character !== '\\' && character !== '[' && character !== '.' && syntaxCharacters.includes(character)) {
    throw patternFault(cursor, 'must have a backslash before a syntax character that stands for itself');
  }
  cursor.at += 1;
  if (character === '.') return { kind: 'set', ranges: anyCharacter };
  if (character === '[') return { kind: 'set', ranges: readClass(cursor) };
  if (character === '\\') return { kind: 'set', ranges: readEscape(cursor, false) };
  const code = character.codePointAt(0)!;
  return { kind: 'set', ranges: [[code, code]] };
}

function readGroup(cursor: PatternCursor, depth: number): PatternNode {
  cursor.at += 1;
  if (cursor.points[cursor.at] === '?') {
    if (cursor.points[cursor.at + 1] !== ':') {
      throw patternFault(cursor, 'must have no look-around, named group or modifier');
    }
    cursor.at += 2;
  }
  const node = readChoice(cursor, depth + 1);
  if (cursor.points[cursor.at] !== ')') throw patternFault(cursor, 'must close its parenthesis');
  cursor.at += 1;
  return node;
}

function readQuantifier(cursor: PatternCursor, part: PatternNode): PatternNode {
  const bounds = readBounds(cursor);
  if (bounds === undefined) return part;
  if (cursor.points[cursor.at] === '?') cursor.at += 1;
  return { kind: 'repeat', part, ...bounds };
}

function readBounds(cursor: PatternCursor): { readonly least: number; readonly most: number } | undefined {
  const character = cursor.points[cursor.at];
  if (character === '*' || character === '+' || character === '?') {
    cursor.at += 1;
    return { least: character === '+' ? 1 : 0, most: character === '?' ? 1 : Number.POSITIVE_INFINITY };
  }
  if (character !== '{') return undefined;
  const rest = cursor.points.slice(cursor.at, cursor.at + 12).join('');
  const [whole, first, comma, second] = /^\{([0-9]{1,4})(,?)([0-9]{0,4})\}/.exec(rest) ?? [];
  const least = Number(first);
  const most = comma === '' ? least : second === '' ? Number.POSITIVE_INFINITY : Number(second);
  if (whole === undefined || (comma === '' && second !== '') || most < least) {
    throw patternFault(cursor, 'must have a count like {2}, {2,} or {2,5} here');
  }
  if (least > maxPatternSteps || (most !== Number.POSITIVE_INFINITY && most > maxPatternSteps)) {
    throw new LimitError<ConfigErrorCode>(
      'CONFIG_SCHEMA_LIMIT',
      `pattern must repeat at most ${maxPatternSteps} times by count, got ${whole} at character ${cursor.at}`,
    );
  }
  cursor.at += whole.length;
  return { least, most };
}
