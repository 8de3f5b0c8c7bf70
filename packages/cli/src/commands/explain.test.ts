// Codes of nitro-cli from the command line.
import { deepEqual, equal, match } from 'node:assert/strict';
import { test } from 'node:test';
import { assertFitsSchema } from '@caisson/testkit/contract';
import { hear } from '@caisson/testkit/program';
import { run } from '../run.ts';

const explain = (...words: readonly string[]) => hear(run, ['explain', ...words]);

test('explains a code with its cause and what to do, also by the flag of nitro-cli', async () => {
  const { code, out } = await explain('E39');
  equal(code, 0);
  match(out, /^E39 EnclaveProcessConnectionFailure\n {2}cause: .+\n {2}fix: {3}.+\n$/);
  equal((await explain('--error-code', 'E39')).out, out);
});

test('prints one document with --json, of one code or all', async () => {
  for (const [words, count] of [
    [['E27', '--json'], 1],
    [['--json'], 60],
  ] as const) {
    const document = JSON.parse((await explain(...words)).out) as { codes: unknown[] };
    assertFitsSchema(document, 'explain');
    equal(document.codes.length, count);
  }
});

test('explains a code of our own as docs/errors.md does', async () => {
  const { code, out } = await explain('shim_lost');
  equal(code, 0);
  match(out, /^SHIM_LOST\n {2}cause: the process that keeps an enclave .+\n {2}fix: {3}`caisson ps` .+\n$/);
  const document = JSON.parse((await explain('SHIM_LOST', '--json')).out) as { codes: [{ name: unknown }] };
  assertFitsSchema(document, 'explain');
  equal(document.codes[0].name, null);
});

test('refuses what is no code with exit 64', async () => {
  for (const words of [['E60'], ['BACKEND_BOOTS'], ['E01', '--error-code', 'E02']]) {
    const { code, out, err } = await explain(...words);
    deepEqual([code, out], [64, '']);
    match(err, /^caisson: /);
    if (words[0] === 'E60') match(err, /hint: a newer nitro-cli may have it: nitro-cli explain --error-code E60/);
  }
});
