// What a person sees while an image is built: one line that changes on a terminal, plain lines elsewhere, and no control sequence in either
// that a source could have written.
import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { test } from 'node:test';
import { createProgress } from './build-report.ts';

const shown = (isTerminal: boolean, quiet: boolean): string => {
  const stderr = Object.assign(new PassThrough(), { isTTY: isTerminal });
  const progress = createProgress(stderr, quiet);
  progress.step('layer 1\u001b[31m');
  progress.bytes(1_048_576, 4_194_304);
  progress.bytes(1_048_577, 4_194_304);
  progress.warning('odd', 'look');
  progress.bytes(4_194_304, 4_194_304);
  progress.done();
  assert.deepEqual(progress.warnings, [{ text: 'odd', hint: 'look' }]);
  return String(stderr.read());
};

test('a terminal sees one line that changes, and is left without it', () => {
  const erase = '\u001b[K';
  const warning = 'warning: odd\n  hint: look\n';
  const text = shown(true, false);
  const bar = (line: string): string => `\rwriting ${line}${erase}`;
  const lines = [
    bar('1.0 MiB of 4.0 MiB, 25 %'),
    `\r${erase}`,
    warning,
    bar('4.0 MiB of 4.0 MiB, 100 %'),
    `\r${erase}`,
  ];
  assert.ok(text.endsWith(lines.join('')), JSON.stringify(text));
  assert.doesNotMatch(text.split('\n')[0]!, /\u001b/, 'a source writes no escape sequence');
});

test('without a terminal there are plain lines, and with --json warnings only', () => {
  assert.match(shown(false, false), /^layer 1.*\nwarning: odd\n {2}hint: look\n$/);
  assert.equal(shown(true, true), 'warning: odd\n  hint: look\n');
});
