// What `caisson run` in the foreground says and ends with when its enclave is gone before it was proven, or before it was heard.
import { equal, match } from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Engine } from '@caisson/host/engine';
import { hear } from '@caisson/testkit/program';
import { codeOfEnded, stayWith } from './run-attached.ts';

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

test('an enclave that ends before its lines were read is said to have ended, and no session to have been lost', async (context) => {
  const folder = mkdtempSync(join(tmpdir(), 'caisson-run-'));
  context.after(() => rmSync(folder, { recursive: true }));
  const said = async (hasEnded: boolean) => {
    const execute = async ({ timeoutMs = 0 }: { readonly timeoutMs?: number }) => {
      if (!hasEnded && timeoutMs < 10_000) throw new Error('not within its time');
      return { state: { phase: 'exited', end: { exit: 3, text: 'ended with 3' } } };
    };
    const engine = { execute } as unknown as Engine;
    const outcome = { name: 'quick', verdict: { holds: true, operator: 'dev' } } as Parameters<typeof stayWith>[1];
    // No record of it: nothing can be followed.
    return await hear((_, surroundings) => stayWith(engine, outcome, surroundings), [], {
      env: { CAISSON_STATE: folder },
    });
  };
  const quick = await said(true);
  equal(quick.code, 3);
  match(
    quick.err,
    /quick: ended before its lines were read.*\n {2}hint: .*caisson exec quick -- COMMAND.*\nquick: exited, ended with 3\n$/,
  );
  const other = await said(false);
  equal(other.code, 3);
  match(other.err, /quick: no more of its lines can be read: .*\nquick: exited, ended with 3\n$/);
});
