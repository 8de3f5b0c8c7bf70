// Words of a stranger on a terminal, and the line that says how far a copy is.

import { deepEqual, doesNotMatch, equal, ok, throws } from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { test } from 'node:test';
import { createLog } from '@caisson/core/log';
import fc from 'fast-check';
import { parseSides } from './copy-place.ts';
import { createCopyProgress, formatProgress } from './copy-progress.ts';
import { createHarmless } from './harmless.ts';
import { jsonText } from './json-text.ts';
import { parseSignal } from './pipeline-session.ts';
import { wordsOf } from './pipeline-tool.ts';

const tricks = [
  ...[
    '\x1b[2J',
    '\x1b]0;title\x07',
    '\x9b31m',
    '\r',
    '\r\n',
    '\0',
    '\x7f',
    '\b\b\b',
    '\u202e',
    '\u2066',
    '\u200b',
    '\u2028',
  ],
  ...[
    '\ufeff',
    '\ud800',
    '"',
    '\\',
    '{"level":"error"}',
    '\n{"time":"x"}',
    '\x1bP',
    '\x0c',
    '\x1b[6n',
    '\u0085',
    '\t',
    'x'.repeat(1 << 20),
  ],
];

test('T-P7: 120 strings that drive terminals, end lines or break JSON are one record and no escape', () => {
  for (let round = 0; round < 120; round += 1) {
    const text = `a${tricks[round % tricks.length]}b${tricks[(round * 7 + 3) % tricks.length]}c`;
    const lines: string[] = [];
    const write = (line: string): void => void lines.push(line);
    const log = createLog({ level: 'info', format: 'json', write, now: () => 0 });
    log.info('TEST_EVENT', text, { field: text });
    equal(lines.length, 1);
    equal(lines[0]!.indexOf('\n'), lines[0]!.length - 1);
    JSON.parse(lines[0]!);
    const shown = createHarmless()(Buffer.from(text));
    ok(
      !/[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]/.test(shown + lines[0]!.slice(0, -1)),
      JSON.stringify(text.slice(0, 40)),
    );
  }
});

test('a character that is cut in two is one', () => {
  const harmless = createHarmless();
  const bytes = Buffer.from('ü\n');
  equal(harmless(bytes.subarray(0, 1)) + harmless(bytes.subarray(1)), 'ü\n');
});

test('a line of a serial console ends as any other, also where its end is cut in two; a return within it is an escape', () => {
  const harmless = createHarmless();
  const shown = ['one\r\ntwo\r', '\nthree\rfour\r', 'five\r\n'].map((text) => harmless(Buffer.from(text))).join('');
  equal(shown, 'one\ntwo\nthree\\u000dfour\\u000dfive\n');
});

test('progress has percent, rate and remaining time, on a terminal only', () => {
  equal(
    formatProgress({ bytes: 5 << 20, total: 20 << 20, seconds: 2 }),
    ' 25%  5.0 MiB of 20.0 MiB  2.5 MiB/s  00:06 left',
  );
  equal(formatProgress({ bytes: 0, total: 0, seconds: 0 }), '100%  0 B of 0 B  0 B/s  --:-- left');
  let now = 1_000;
  const line = (isTTY: boolean): string => {
    const out = Object.assign(new PassThrough(), { isTTY });
    const progress = createCopyProgress(out, () => now);
    progress.onPlan({ files: 1, bytes: 100 });
    now += 1_000;
    progress.onProgress(50, 'a\x1bb');
    progress.onProgress(60, 'too soon');
    progress.end();
    return String(out.read() ?? '');
  };
  equal(line(false), '');
  equal(line(true), '\r\x1b[K 50%  50 B of 100 B  50 B/s  00:01 left  a\\u001bb\r\x1b[K');
});

test('one side of a copy is an enclave', () => {
  deepEqual(parseSides('a', 'hello:/x'), { direction: 'in', local: 'a', enclave: 'hello', remote: '/x' });
  deepEqual(parseSides('vsock:16:53000:/x', './a:b'), {
    direction: 'out',
    local: './a:b',
    enclave: 'vsock:16:53000',
    remote: '/x',
  });
  for (const [one, other] of [
    ['a', 'b'],
    ['a:/x', 'b:/y'],
  ])
    throws(() => parseSides(one!, other!), { code: 'CLI_USAGE' });
});

test('signals by name or number; a line for a shell is refused with what to write', () => {
  deepEqual(['TERM', 'sigkill', '15'].map(parseSignal), [15, 9, 15]);
  throws(() => parseSignal('NOPE'), { code: 'CLI_USAGE' });
  deepEqual(wordsOf([], 'ls -la \'/a b\' "x|y"'), ['ls', '-la', '/a b', 'x|y']);
  throws(() => wordsOf([], 'ls | wc'), { message: /name one, as in -- sh -c "ls \| wc"/ });
  throws(() => wordsOf(['ls'], 'ls'), { code: 'CLI_USAGE' });
});

test('a JSON document steers no terminal either, and is the same document', () => {
  const hostile = '\u009b31m \u009d0;title\u009c \u202egnp.exe \u200b\u00ad\u2028 \u{e0041} \u007f \u001b[2J';
  const value = { v: 1, [hostile]: [hostile, 'é 水 😀', '\n\t'], n: 1.5, none: null };
  for (const indent of [undefined, 2]) {
    const text = jsonText(value, indent);
    deepEqual(JSON.parse(text), value);
    doesNotMatch(text.replaceAll('\n', ''), /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{DI}]/u);
  }
  ok(jsonText(value).includes('é 水 😀'), 'what people write stays');
  fc.assert(
    fc.property(fc.jsonValue(), fc.string({ unit: 'binary' }), (any, text) => {
      const whole = { any, text };
      equal(JSON.stringify(JSON.parse(jsonText(whole))), JSON.stringify(whole));
      doesNotMatch(jsonText(whole), /[\p{Cc}\p{Cf}]/u);
    }),
    { seed: 2, numRuns: 300 },
  );
});
