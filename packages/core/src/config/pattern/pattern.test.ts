// Patterns: the same answers as the platform's regular expressions, in time that no pattern can blow up.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { laneBoundMs } from '@caisson/testkit/contract';
import fc from 'fast-check';
import { CaissonError } from '../../errors/index.ts';
import { compilePattern, isMatch } from './match.ts';

const matches = (pattern: string, text: string): boolean | undefined =>
  isMatch(compilePattern(pattern), text, { steps: 10_000_000 });

test('matches anywhere in a text, by code points, as RegExp under the u flag', () => {
  const patterns = [
    '',
    'a',
    '^a$',
    'a|b|',
    '^(?:a|bc)*$',
    '^[a-c]{2,3}$',
    '^a{0}b{2,}$',
    '^(a{1,2}){2}$',
    '^[^a-b]+$',
    '^[\\w.-]+@[a-z]+\\.(?:com|org)$',
    '^\\d+(?:\\.\\d*)?$',
    '^.$',
    '^\\u{1F600}$',
    '^\\uD83D\\uDE00$',
    '^[\\u{1F600}-\\u{1F64F}]$',
    '^[]$',
    '^[^]$',
    '[-a]',
    '[a-]',
    '^\\s\\S\\W\\D$',
    '(^a|b$)',
    '^(a*)*$',
    '^(|a)+$',
    '^a+?b*?$',
    '\\/\\.\\^',
    '^[\\b\\-]$',
    '\\x41\\0',
  ];
  const texts = [
    '',
    'a',
    'b',
    'aa',
    'ab',
    'abc',
    'bcbc',
    'bbb',
    '1.',
    '12.5',
    'x@y.com',
    '😀',
    '\n',
    '.',
    '/.^',
    'A\0',
    '\b',
    '-',
    ' a-z',
  ];
  for (const pattern of patterns) {
    for (const text of texts) {
      assert.equal(
        matches(pattern, text),
        new RegExp(pattern, 'u').test(text),
        `${pattern} on ${JSON.stringify(text)}`,
      );
    }
  }
});

const atom = fc.constantFrom(
  'a',
  'b',
  '.',
  '[ab]',
  '[^a]',
  '\\d',
  '\\W',
  '(?:ab)',
  '(a|b)',
  '(a*)',
  '1',
  '😀',
  '^',
  '$',
);
const quantifier = fc.constantFrom('', '', '', '*', '+', '?', '{2}', '{1,3}', '{0,2}?', '*?');
const patternText = fc
  .array(fc.tuple(atom, quantifier), { minLength: 1, maxLength: 6 })
  .map((parts) => parts.map(([one, count]) => (one === '^' || one === '$' ? one : one + count)).join(''))
  .chain((text) => fc.constantFrom(text, `^${text}$`, `(${text})*`, `${text}|b`));

test('answers as the platform does, for random patterns and texts', () => {
  fc.assert(
    fc.property(
      patternText,
      fc.array(fc.constantFrom('a', 'b', '1', ' ', '😀'), { maxLength: 8 }),
      (pattern, letters) => {
        const text = letters.join('');
        assert.equal(matches(pattern, text), new RegExp(pattern, 'u').test(text), `${pattern} on ${text}`);
      },
    ),
    { seed: 11, numRuns: 3_000 },
  );
});

test('refuses what could take exponential time or what it does not know, with its place', () => {
  const refused: Readonly<Record<string, RegExp>> = {
    '(a)\\1': /no backreference, got "1" at character 4/,
    '(?<n>a)\\k<n>': /no look-around, named group or modifier/,
    '(?=a)': /no look-around/,
    '(?!a)': /no look-around/,
    '(?<=a)': /no look-around/,
    '(?i:a)': /no look-around, named group or modifier/,
    '\\bword': /must escape a syntax character/,
    '\\p{L}': /must escape a syntax character/,
    '(a': /close its parenthesis, got its end/,
    'a)': /close only what it opened/,
    '[a': /close its bracket/,
    '[b-a]': /from one character to a later one/,
    '[\\d-z]': /from one character to a later one/,
    '*a': /a backslash before a syntax character/,
    'a**': /a backslash before a syntax character/,
    'a{2,1}': /a count like/,
    'a{,3}': /a count like/,
    '{': /a backslash before/,
    '\\': /must escape a syntax character/,
    '\\u{110000}': /hex digits of a code point/,
    '\\-': /must escape a syntax character/,
  };
  for (const [pattern, message] of Object.entries(refused)) {
    assert.throws(() => compilePattern(pattern), { code: 'CONFIG_SCHEMA', message }, pattern);
  }
});

test('bounds what a pattern may be: characters, depth, counts, and steps with all counts written out', () => {
  for (const pattern of [
    'a'.repeat(1_001),
    '('.repeat(40) + ')'.repeat(40),
    'a{1001}',
    'a{2,1001}',
    '((a{90}){90}){90}',
    '((){900}){900}',
  ]) {
    const startedAtMs = performance.now();
    assert.throws(() => compilePattern(pattern), { code: 'CONFIG_SCHEMA_LIMIT' }, pattern.slice(0, 40));
    assert.ok(performance.now() - startedAtMs < laneBoundMs(200), 'and says so at once');
  }
});

test('a text that drives backtracking engines mad costs its length', () => {
  const text = `${'a'.repeat(50_000)}!`;
  for (const pattern of [
    '^(a+)+$',
    '^(a|a)*$',
    '^(a|aa)+$',
    '^(.*a){10}$',
    '^([a-zA-Z]+)*$',
    '(x+x+)+y',
    '^(a?){50}a{50}$',
  ]) {
    const startedAtMs = performance.now();
    const answer = isMatch(compilePattern(pattern), text, { steps: 20_000_000 });
    assert.equal(answer, false, pattern);
    assert.ok(
      performance.now() - startedAtMs < laneBoundMs(3_000),
      `${pattern}: ${performance.now() - startedAtMs} ms`,
    );
  }
});

test('says that it gave up, never that it matched, when its budget is out', () => {
  assert.equal(isMatch(compilePattern('^(a+)+$'), 'a'.repeat(1_000), { steps: 100 }), undefined);
  const budget = { steps: 1_000 };
  assert.equal(isMatch(compilePattern('b'), 'aaaa', budget), false);
  assert.ok(budget.steps < 1_000, 'the work is taken off');
});

test('never throws anything but a fault of the house, for any text as a pattern', () => {
  const letters = fc.constantFrom(...'()[]{}^$.*+?|\\dwsuxb01a,-:=!<'.split(''));
  fc.assert(
    fc.property(fc.array(letters, { maxLength: 24 }), (parts) => {
      const pattern = parts.join('');
      try {
        compilePattern(pattern);
      } catch (error) {
        assert.ok(error instanceof CaissonError && /^CONFIG_SCHEMA/.test(error.code), pattern);
        return;
      }
      // What it accepts, the platform accepts.
      new RegExp(pattern, 'u');
    }),
    { seed: 12, numRuns: 5_000 },
  );
});
