// What is printed of an error: the fact, and one line of what to do.
import { deepEqual, doesNotMatch, equal, match } from 'node:assert/strict';
import { test } from 'node:test';
import { CaissonError } from '@caisson/core/errors';
import { CAISSON_CODES } from '@caisson/host/explain';
import { hear } from '@caisson/testkit/program';
import { reportError } from './report-error.ts';
import { run } from './run.ts';

const shown = async (error: unknown, name = 'caisson'): Promise<string> =>
  (await hear((_, surroundings) => reportError(error, surroundings, () => 'caisson up'), [], { name })).err;

test('each error has one line of advice: its own, or that of its code', async () => {
  equal(CAISSON_CODES.length > 400, true);
  for (const { code } of CAISSON_CODES) {
    const lines = (await shown(new CaissonError(code, 'it is so'))).split('\n');
    equal(lines.length, 3, code);
    equal(lines[0], 'caisson: it is so');
    match(lines[1]!, /^ {2}hint: \S.{5,}/, code);
    // There is no other hint, and no row above.
    doesNotMatch(lines[1]!, /\bhint\b(?!:)|LOG_LEVEL=debug|as above|see the message/, code);
  }
  equal(await shown(new CaissonError('SHIM_LOST', 'x', { hint: 'y\u001b' })), 'caisson: x\n  hint: y\\u001b\n');
  match(await shown(Object.assign(new Error('no space'), { code: 'ENOSPC' })), /^caisson: no space\n {2}hint: free /);
  match(await shown(new Error('x')), /^caisson: internal error: x\n {2}hint: LOG_LEVEL=debug /);
  equal(await shown(new CaissonError('SHIM_LOST', 'x', { hint: 'y' }), 'argonaut'), 'argonaut: x\n');
});

test('a wrong command line says where the words of that very command stand', async () => {
  const last = async (...words: string[]): Promise<string | undefined> => {
    const { code, err } = await hear(run, words);
    equal(code, 64, words.join(' '));
    return err.trimEnd().split('\n').at(-1);
  };
  deepEqual(
    await Promise.all([last('run', '--bogus'), last('bogus'), last('attest', 'verify'), last('wait', 'a', '--line')]),
    ['run', '', 'attest verify', 'wait'].map(
      (words) => `  hint: ${['caisson', words, '--help'].join(' ').replace('  ', ' ')}`,
    ),
  );
});
