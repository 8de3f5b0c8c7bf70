// Which key an operator means when he does not say.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { createOperator, findOperator } from './index.ts';

test('a key is the one that is named, else that of caisson.yaml for this enclave, else the only one', async (context) => {
  const folder = mkdtempSync(join(tmpdir(), 'caisson-operator-'));
  context.after(() => rmSync(folder, { recursive: true }));
  const env = { XDG_CONFIG_HOME: folder };
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
});
