// Files of variables: what they give, and every line that would be lost without a word.
import { deepEqual, match, ok, throws } from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import fc from 'fast-check';
import { readEnvFile } from './env-file.ts';

const folder = mkdtempSync(join(tmpdir(), 'caisson-env-'));
after(() => rmSync(folder, { recursive: true }));
const file = join(folder, 'env');

function read(text: string): NodeJS.Dict<string> {
  writeFileSync(file, text);
  return readEnvFile(file);
}

test('gives what such a file says: comments, quotes, more than one line, export', () => {
  const text = `# first\n\nA=1\n  B = two words # and a comment\nexport C="x\ny" # more\r\nD='#'\nE=\n_F9=\`g\`\nG=a=b\n`;
  deepEqual({ ...read(text) }, { A: '1', B: 'two words', C: 'x\ny', D: '#', E: '', _F9: 'g', G: 'a=b' });
  deepEqual(readEnvFile(undefined), {});
});

test('refuses a line that would be left out, or cut, or read otherwise elsewhere, by its number and without a value', () => {
  const table: readonly (readonly [text: string, fault: RegExp])[] = [
    ['A=1\nSECRET hunter2\n', /env:2: a line must be NAME=VALUE/],
    ['SECRET: hunter2', /:1: a line must be/],
    ['=hunter2', /:1: a line must be/],
    ['A=1\r\nA-B=hunter2', /:2: a name must be letters, digits and _, got "A-B"/],
    ['\ufeffA=hunter2', /:1: a name must be .* got "\ufeffA"/],
    ['A=1\n\nA=hunter2', /:3: A must stand once, got it in line 1 too/],
    ['A=hunter2#more', /:1: A must stand in quotes where it has a #/],
    ['A="hunter2\nB=1', /:1: the quote of A must be closed/],
    ["A='hunter2' more", /:1: nothing must follow the quote of A/],
    ['A="hunter2\\"x"', /:1: nothing must follow/],
  ];
  for (const [text, fault] of table) {
    throws(
      () => read(text),
      (error: Error) => {
        match(error.message, fault, text);
        ok(!error.message.includes('hunter2'), error.message);
        return true;
      },
    );
  }
});

test('every name that is written is a variable that is read, or the file is refused', () => {
  const line = fc.oneof(
    fc.string({ unit: fc.constantFrom(...'AB_1= #"\'`\\\t') }),
    fc
      .tuple(fc.constantFrom('A', 'B', 'C'), fc.string({ unit: fc.constantFrom(...'x #"\'=') }))
      .map((one) => one.join('=')),
  );
  fc.assert(
    fc.property(fc.array(line, { maxLength: 6 }), (lines) => {
      let found: NodeJS.Dict<string>;
      try {
        found = read(lines.join('\n'));
      } catch (error) {
        match((error as Error).message, /^--env-file .*:\d+: /);
        return;
      }
      const written = lines
        .map((one) => /^\s*([A-Za-z_]\w*)\s*=\s*(?!["'`])/.exec(one)?.[1])
        .filter((one) => one !== undefined);
      const isQuoted = lines.some((one) => /=\s*["'`]/.test(one));
      if (!isQuoted) deepEqual(Object.keys(found).sort(), written.sort());
    }),
    { seed: 3, numRuns: 500 },
  );
});
