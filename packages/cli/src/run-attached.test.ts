// What `caisson run` in the foreground ends with when its enclave is gone before it was proven.
import { equal } from 'node:assert/strict';
import { test } from 'node:test';
import type { Engine } from '@caisson/host/engine';
import { codeOfEnded } from './run-attached.ts';

test('an enclave that ends by itself before it is proven gives its own code, but never that of a success', async () => {
  const ending = (exit: number | null): Pick<Engine, 'execute'> => ({
    execute: (async () => ({ state: { end: { exit } } })) as unknown as Engine['execute'],
  });
  const failed = (code: string) => ({ name: 'a', failure: { code, message: '', hint: null, evidence: [] } });
  equal(await codeOfEnded(ending(5), failed('ENGINE_ENDED'), 1), 5);
  equal(await codeOfEnded(ending(0), failed('ENGINE_ENDED'), 1), 1);
  equal(await codeOfEnded(ending(null), failed('ENGINE_ENDED'), 1), 1);
  equal(await codeOfEnded(ending(5), failed('ENGINE_PCR'), 2), 2, 'the reason was another');
  const gone = { execute: () => Promise.reject(new Error('no record')) };
  equal(await codeOfEnded(gone, failed('ENGINE_ENDED'), 1), 1);
});
