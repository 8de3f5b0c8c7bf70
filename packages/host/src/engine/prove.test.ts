// What counts as a proof that broke, and what as one that nobody could give.
import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fakeSpec, fakeState } from '@caisson/testkit/fake';
import { createOperator } from '../operator/index.ts';
import { proveEnclave } from './prove.ts';

const pcrs = `{ pcrs: { 0: "${'a'.repeat(96)}" } }`;

async function scene(context: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), 'caisson-prove-'));
  context.after(() => rmSync(folder, { recursive: true }));
  const env = { XDG_CONFIG_HOME: join(folder, 'config'), CAISSON_STATE: join(folder, 'state') };
  const composeFile = join(folder, 'caisson.yaml');
  const prove = async (text?: string) => {
    if (text !== undefined) writeFileSync(composeFile, text);
    const verdict = await proveEnclave({
      env,
      variables: {},
      spec: fakeSpec('web'),
      state: fakeState('web', { vsock: `fabric:${join(folder, 'nowhere')}` }),
      composeFile: text === undefined ? undefined : composeFile,
    });
    ok(!verdict.holds);
    return verdict;
  };
  return { env, prove, policies: join(folder, 'config/caisson/policies') };
}

test('who asks for a proof in caisson.yaml and gets none is refused; who lacks a key, or asked for none, is told', async (context) => {
  const { env, prove, policies } = await scene(context);
  mkdirSync(policies, { recursive: true, mode: 0o700 });
  writeFileSync(join(policies, 'web.yaml'), pcrs);
  const asked = `name: web\npolicy: { attest: ${pcrs} }\n`;
  const unprepared = await prove(asked);
  deepEqual([unprepared.broken, unprepared.hint], [false, 'caisson operator create NAME makes one']);
  await createOperator('alice', env);
  equal((await prove(asked)).broken, true);
  equal((await prove('name: web\n')).broken, false);
});

test('documents that nobody signs prove nothing, but where the operator has a policy of his own it is asked', async (context) => {
  const { env, prove, policies } = await scene(context);
  await createOperator('alice', env);
  match((await prove()).why, /^its documents are signed by nobody$/);
  mkdirSync(policies, { recursive: true, mode: 0o700 });
  writeFileSync(join(policies, 'web.yaml'), pcrs);
  match((await prove()).why, /^(?!its documents)/);
});
