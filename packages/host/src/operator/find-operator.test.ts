// Which key an operator means when he does not say.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fakeSpec, fakeState } from '@caisson/testkit/fake';
import { writeSpec, writeState } from '../record/index.ts';
import { createOperator, findOperator } from './index.ts';

test('a key is the one that is named, else that of caisson.yaml for this enclave, else the only one, else the one that the enclave was brought up with', async (context) => {
  const folder = mkdtempSync(join(tmpdir(), 'caisson-operator-'));
  context.after(() => rmSync(folder, { recursive: true }));
  const state = join(folder, 'state');
  const env = { XDG_CONFIG_HOME: folder, CAISSON_STATE: state };
  const composeFile = join(folder, 'caisson.yaml');
  writeFileSync(composeFile, 'name: hello\nprofile: development\noperators: { local: dev }\n');
  const find = (more: object = {}) => findOperator({ env, enclave: 'hello', composeFile, ...more });
  assert.equal(await find(), 'dev');
  assert.equal(await find({ env: { ...env, CAISSON_OPERATOR: 'bob' } }), 'bob');
  assert.equal(await find({ operator: 'alice', env: { ...env, CAISSON_OPERATOR: 'bob' } }), 'alice');
  await assert.rejects(find({ enclave: 'other' }), { code: 'OPERATOR_KEY_FILE', message: /got none$/ });
  await createOperator('carol', env);
  assert.equal(await find({ enclave: 'other' }), 'carol');
  await createOperator('dave', env);
  await assert.rejects(find({ enclave: 'other' }), { code: 'OPERATOR_KEY_FILE', message: /got [a-z]+, [a-z]+$/ });
  await writeSpec(state, fakeSpec('other', { operator: 'dave' }));
  await writeState(state, fakeState('other', { cid: 21, phase: 'ready' }));
  assert.deepEqual(
    [await find({ enclave: 'other', isHere: true }), await find({ enclave: '21', isHere: true })],
    ['dave', 'dave'],
  );
  await assert.rejects(
    find({ enclave: 'other' }),
    { code: 'OPERATOR_KEY_FILE' },
    'another machine has its own records',
  );
  await writeSpec(state, fakeSpec('other', { operator: 'mallory' }));
  await assert.rejects(
    find({ enclave: 'other', isHere: true }),
    { code: 'OPERATOR_KEY_FILE' },
    'a key that is not there',
  );
});
