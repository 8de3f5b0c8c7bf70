// Where a policy comes from, in which order, and where it never comes from.
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { findEnclave, findPolicy } from './index.ts';

const policyOf = (digit: string): string => JSON.stringify({ pcrs: { 0: digit.repeat(96) } });

function place(context: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), 'caisson-policy-'));
  context.after(() => rmSync(folder, { recursive: true }));
  const env = { XDG_CONFIG_HOME: join(folder, 'config'), CAISSON_STATE: join(folder, 'state') };
  mkdirSync(join(folder, 'config/caisson/policies'), { recursive: true });
  mkdirSync(join(folder, 'state/enclaves/hello'), { recursive: true });
  const own = join(folder, 'config/caisson/policies/hello.yaml');
  const state = (text: string) => writeFileSync(join(folder, 'state/enclaves/hello/state.json'), text);
  const find = async (more: object = {}) => {
    const { policy, source } = await findPolicy({ env, enclave: 'hello', folder, ...more });
    return [policy.pcrs[0]?.[0]?.[0], source];
  };
  return { folder, env, own, state, find };
}

test('the flag stands over caisson.yaml here, that over the operator’s folder', async (context) => {
  const { folder, own, find } = place(context);
  writeFileSync(own, policyOf('1'));
  assert.deepEqual(await find(), ['1', own]);
  const compose = join(folder, 'caisson.yaml');
  writeFileSync(compose, 'name: hello\n');
  assert.deepEqual(await find(), ['1', own], 'caisson.yaml says nothing of it');
  writeFileSync(compose, `name: other\npolicy:\n  attest: {pcrs: {0: "${'2'.repeat(96)}"}}\n`);
  assert.deepEqual(await find(), ['1', own], 'caisson.yaml is about another enclave');
  writeFileSync(compose, `name: hello\npolicy:\n  attest: {pcrs: {0: "${'2'.repeat(96)}"}}\n`);
  assert.deepEqual(await find(), ['2', compose]);
  writeFileSync(join(folder, 'beside.yaml'), policyOf('3'));
  writeFileSync(compose, 'name: hello\npolicy:\n  attest: beside.yaml\n');
  assert.deepEqual(await find(), ['3', join(folder, 'beside.yaml')]);
  const file = join(folder, 'named.yaml');
  writeFileSync(file, policyOf('4'));
  assert.deepEqual(await find({ file }), ['4', file]);
});

test('a fault in a file that counts is an error, not a step to the next', async (context) => {
  const { folder, own, find } = place(context);
  writeFileSync(own, policyOf('1'));
  writeFileSync(join(folder, 'caisson.yaml'), 'name: hello\npolicy: { attest: { pcrs: {} } }\n');
  await assert.rejects(find(), { code: 'POLICY_FAULTS' });
  await assert.rejects(find({ file: join(folder, 'none.yaml') }), { code: 'POLICY_FILE' });
});

test('nothing of the state folder is a policy, whatever it says', async (context) => {
  const { find, state, env } = place(context);
  state(JSON.stringify({ cid: 20, policy: { pcrs: { 0: '5'.repeat(96) } }, attest: policyOf('5') }));
  await assert.rejects(find(), { code: 'OPERATOR_POLICY' });
  await assert.rejects(find({ enclave: '../../state/enclaves/hello/state' }), { code: 'OPERATOR_POLICY' });
  assert.deepEqual(await findEnclave('hello', env), { cid: 20, port: 53_000 });
});

test('an enclave is a name that runs here, a CID, or an address; a state that names no CID is refused', async (context) => {
  const { env, state } = place(context);
  assert.deepEqual(await findEnclave('16', env), { cid: 16, port: 53_000 });
  assert.deepEqual(await findEnclave('vsock:16:7', env), { cid: 16, port: 7 });
  for (const wrong of ['2', '3', '99999999', '../x', 'Hello', '', 'vsock:any:1', 'absent']) {
    await assert.rejects(findEnclave(wrong, env), { code: 'OPERATOR_ENCLAVE' }, wrong);
  }
  for (const text of ['', 'null', '{}', '{"cid":"16; rm"}', '{"cid":2}']) {
    state(text);
    await assert.rejects(findEnclave('hello', env), { code: 'OPERATOR_ENCLAVE' }, text);
  }
});
