// What a backslash and a bracket mean in a pattern: ECMA-262 22.2.1 with the u flag, less what could make matching slow or
// depend on tables of Unicode. Every refusal names the construct and where it stands.
import { ParseError } from '../../errors/index.ts';
import type { ConfigErrorCode } from '../error-code.ts';
import { type CodeRanges, complement, unite } from './node.ts';

/** The pattern's code points and the place of the next one. */
export interface PatternCursor {
  readonly points: readonly string[];
  at: number;
}

// Given: ECMA-262 22.2.2.9 and 12.2, 12.3 (WhiteSpace, LineTerminator).
const digits: CodeRanges = [[0x30, 0x39]];
const wordCharacters: CodeRanges = [
  [0x30, 0x39],
  [0x41, 0x5a],
  [0x5f, 0x5f],
  [0x61, 0x7a],
];
const spaces: CodeRanges = [
  [0x09, 0x0d],
  [0x20, 0x20],
  [0xa0, 0xa0],
  [0x1680, 0x1680],
  [0x2000, 0x200a],
  [0x2028, 0x2029],
  [0x202f, 0x202f],
  [0x205f, 0x205f],
  [0x3000, 0x3000],
  [0xfeff, 0xfeff],
];
const classes = new Map<string, CodeRanges>([
  ['d', digits],
  ['D', complement(digits)],
  ['w', wordCharacters],
  ['W', complement(wordCharacters)],
  ['s', spaces],
  ['S', complement(spaces)],
]);
const controls = new Map([
  ['t', 0x09],
  ['n', 0x0a],
  ['v', 0x0b],
  ['f', 0x0c],
  ['r', 0x0d],
]);
export const anyCharacter: CodeRanges = complement([
  [0x0a, 0x0a],
  [0x0d, 0x0d],
  [0x2028, 0x2029],
]);
// SyntaxCharacter: what the u flag lets a backslash stand before, and nothing else.
export const syntaxCharacters = '^$\\.*+?()[]{}|';

export function patternFault(cursor: PatternCursor, rule: string): ParseError<ConfigErrorCode> {
  const got = cursor.points[cursor.at];
  return new ParseError(
    'CONFIG_SCHEMA',
    `pattern ${rule}, got ${got === undefined ? 'its end' : JSON.stringify(got)} at character ${cursor.at}`,
  );
}

/** The cursor stands behind the backslash. */
export function readEscape(cursor: PatternCursor, isInClass: boolean): CodeRanges {
  const letter = cursor.points[cursor.at] ?? '';
  const set = classes.get(letter);
  const control = controls.get(letter);
  if (set !== undefined || control !== undefined) {
    cursor.at += 1;
    return set ?? [[control!, control!]];
  }
  if (letter !== '' && (syntaxCharacters.includes(letter) || letter === '/' || (isInClass && letter === '-'))) {
    cursor.at += 1;
    return one(letter.codePointAt(0)!);
  }
  if (letter === 'x' || letter === 'u') return one(readCode(cursor, letter));
  if (letter === '0' && !/[0-9]/.test(cursor.points[cursor.at + 1] ?? '')) {
    cursor.at += 1;
    return one(0);
  }
  if (isInClass && letter === 'b') {
    cursor.at += 1;
    return one(8);
  }
  // A backreference makes matching as hard as any puzzle: that is the attack this language is cut for.
  if (/^[1-9k]$/.test(letter)) throw patternFault(cursor, 'must have no backreference');
  throw patternFault(cursor, 'must escape a syntax character or one of d D w W s S t n v f r x u');
}

function readCode(cursor: PatternCursor, letter: 'x' | 'u'): number {
  const rest = cursor.points.slice(cursor.at + 1, cursor.at + 12).join('');
  const form = letter === 'x' ? /^([0-9a-fA-F]{2})/ : /^(?:([0-9a-fA-F]{4})|\{([0-9a-fA-F]{1,6})\})/;
  const [whole = '', short, long] = form.exec(rest) ?? [];
  const code = Number.parseInt(short ?? long ?? '', 16);
  if (whole === '' || code > 0x10ffff)
    throw patternFault(cursor, 'must have hex digits of a code point after \\x or \\u');
  cursor.at += 1 + whole.length;
  // Under the u flag two halves written one after the other are one character.
  const [, low] = /^\\u([dD][c-fC-F][0-9a-fA-F]{2})/.exec(rest.slice(whole.length)) ?? [];
  if (short === undefined || letter === 'x' || code < 0xd800 || code > 0xdbff || low === undefined) return code;
  cursor.at += 6;
  return 0x10000 + ((code - 0xd800) << 10) + (Number.parseInt(low, 16) - 0xdc00);
}

/** The cursor stands behind the opening bracket; it is left behind the closing one. */
export function readClass(cursor: PatternCursor): CodeRanges {
  const isNegated = cursor.points[cursor.at] === '^';
  if (isNegated) cursor.at += 1;
  const ranges: (readonly [number, number])[] = [];
  while (cursor.points[cursor.at] !== ']') {
    const first = readClassAtom(cursor);
    const isRange = cursor.points[cursor.at] === '-' && cursor.points[cursor.at + 1] !== ']';
    if (!isRange) {
      ranges.push(...first);
      continue;
    }
    cursor.at += 1;
    const last = readClassAtom(cursor);
    const [from, to] = [single(first), single(last)];
    if (from === undefined || to === undefined || from > to) {
      throw patternFault(cursor, 'must have ranges from one character to a later one in its brackets');
    }
    ranges.push([from, to]);
  }
  cursor.at += 1;
  return isNegated ? complement(ranges) : unite(ranges);
}

function readClassAtom(cursor: PatternCursor): CodeRanges {
  const character = cursor.points[cursor.at];
  if (character === undefined) throw patternFault(cursor, 'must close its bracket');
  cursor.at += 1;
  return character === '\\' ? readEscape(cursor, true) : one(character.codePointAt(0)!);
}

function single(ranges: CodeRanges): number | undefined {
  const [only, ...others] = ranges;
  return others.length === 0 && only?.[0] === only?.[1] ? only?.[0] : undefined;
}

function one(code: number): CodeRanges {
  return [[code, code]];
}
