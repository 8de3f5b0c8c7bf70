// Where a policy comes from, in which order, and where it never comes from.
import assert from 'node:assert/strict';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fakeSpec, fakeState } from '@caisson/testkit/fake';
import { readProcessStart } from '../file/index.ts';
import { type RecordedSpec, type RecordedState, writeSpec, writeState } from '../record/index.ts';
import { createSimulatedAuthority } from '../simulator/index.ts';
import { findEnclave, findPolicy, openOperatorSession, removeOwnPolicies, writeOwnPolicy } from './index.ts';

const policyOf = (digit: string): string => JSON.stringify({ pcrs: { 0: digit.repeat(96) } });

function place(context: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), 'caisson-policy-'));
  context.after(() => rmSync(folder, { recursive: true }));
  const env = { XDG_CONFIG_HOME: join(folder, 'config'), CAISSON_STATE: join(folder, 'state') };
  mkdirSync(join(folder, 'config/caisson/policies'), { recursive: true });
  const own = join(folder, 'config/caisson/policies/hello.yaml');
  const find = async (more: object = {}) => {
    const { policy, source } = await findPolicy({ env, enclave: 'hello', folder, ...more });
    return [policy.pcrs[0]?.[0]?.[0], source];
  };
  return { folder, env, own, find };
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

test('a policy from a folder that others may write to is nobody’s word', async (context) => {
  const { env, own, find } = place(context);
  writeFileSync(own, policyOf('1'));
  for (const folder of [dirname(own), join(env.XDG_CONFIG_HOME, 'caisson')]) {
    chmodSync(folder, 0o777);
    await assert.rejects(find(), { code: 'OPERATOR_KEY_FILE', hint: `chmod go-w ${folder}` });
    chmodSync(folder, 0o755);
  }
  assert.deepEqual(await find(), ['1', own]);
});

test('a fault in a file that counts is an error, not a step to the next', async (context) => {
  const { folder, own, find } = place(context);
  writeFileSync(own, policyOf('1'));
  writeFileSync(join(folder, 'caisson.yaml'), 'name: hello\npolicy: { attest: { pcrs: {} } }\n');
  await assert.rejects(find(), { code: 'POLICY_FAULTS' });
  await assert.rejects(find({ file: join(folder, 'none.yaml') }), { code: 'POLICY_FILE' });
});

/** A record of an enclave that this very process keeps. */
async function record(env: { CAISSON_STATE: string }, changes: Partial<RecordedState> = {}, name = 'hello') {
  await writeSpec(env.CAISSON_STATE, fakeSpec(name));
  const start = await readProcessStart(process.pid);
  const shim = { pid: process.pid, start, protocol: 1, version: '0.1.0' };
  await writeState(env.CAISSON_STATE, fakeState(name, { cid: 20, vsock: 'fabric:/f', shim, ...changes }));
}

test('nothing of the state folder is a policy, whatever it says', async (context) => {
  const { find, env } = place(context);
  const text = policyOf('5');
  await record(env, { policy: { pcrs: { 0: '5'.repeat(96) } }, attest: text } as Partial<RecordedState>);
  await assert.rejects(find(), { code: 'OPERATOR_POLICY' });
  await assert.rejects(find({ enclave: '../../state/enclaves/hello/state' }), { code: 'OPERATOR_POLICY' });
  assert.deepEqual(await findEnclave('hello', env), { cid: 20, port: 53_000, vsock: 'fabric:/f' });
});

test('what up wrote for a simulation stands over what caisson.yaml says of hardware, here and never through another machine', async (context) => {
  const { folder, own, find, env } = place(context);
  const compose = join(folder, 'caisson.yaml');
  writeFileSync(compose, `name: hello\npolicy:\n  attest: {pcrs: {0: "${'2'.repeat(96)}"}}\n`);
  writeFileSync(own, policyOf('1'));
  assert.deepEqual(await find({ isHere: true }), ['2', compose], 'a file of his own is no word of up');
  rmSync(own);
  const written = await writeOwn(env);
  assert.deepEqual(written, { written: true, path: own });
  assert.deepEqual(await find({ isHere: true }), ['a', own]);
  assert.deepEqual(await find(), ['2', compose]);
  writeFileSync(
    compose,
    `name: hello\npolicy:\n  attest: ${JSON.stringify({ ...JSON.parse(simulatedPolicy('3')) })}\n`,
  );
  assert.deepEqual(await find({ isHere: true }), ['3', compose], 'what caisson.yaml says of a simulation counts');
});

test('up writes the policy of a simulation under its name and its CID, over its own only, and takes back its own only', async (context) => {
  const { folder, own, env } = place(context);
  const cid = join(folder, 'config/caisson/policies/20.yaml');
  assert.deepEqual(await writeOwn(env), { written: true, path: own });
  assert.equal(statSync(own).mode & 0o777, 0o600);
  assert.equal(readFileSync(own, 'utf8'), readFileSync(cid, 'utf8'));
  assert.match(readFileSync(own, 'utf8'), /^# written by caisson up for enclave hello \(sim\);.*\n# SIMULATED/);
  assert.deepEqual(await writeOwn(env), { written: true, path: own }, 'again');
  // The CID is another's by now.
  await writeOwn(env, 'other');
  await removeOwnPolicies(env, 'hello', 20);
  assert.deepEqual(readdirSync(join(folder, 'config/caisson/policies')).sort(), ['20.yaml', 'other.yaml']);
  writeFileSync(own, policyOf('1'));
  const refused = await writeOwn(env);
  assert.equal(refused.written, false);
  assert.equal(readFileSync(own, 'utf8'), policyOf('1'));
  await removeOwnPolicies(env, 'hello', null);
  assert.ok(existsSync(own));
});

test('what somebody wrote himself under a CID stays, whichever enclave has it; a policy of production takes no development image', async (context) => {
  const { folder, own, env } = place(context);
  const cid = join(folder, 'config/caisson/policies/20.yaml');
  writeFileSync(cid, policyOf('1'));
  const { policy } = await writeOwn(env).then(() => findPolicy({ env, enclave: 'hello', folder }));
  assert.equal(policy.allowDevelopment, true);
  assert.equal(readFileSync(cid, 'utf8'), policyOf('1'));
  await writeOwn(env, 'hello', simulated, false, 'production');
  assert.notEqual((await findPolicy({ env, enclave: 'hello', folder, file: own })).policy.allowDevelopment, true);
});

test('up writes no policy for documents that prove nothing: unsigned ones, and zeros of debug mode', async (context) => {
  const { folder, env } = place(context);
  const none = { kind: 'unsigned' } as const;
  assert.equal((await writeOwn(env, 'hello', none)).written, false);
  assert.equal((await writeOwn(env, 'hello', undefined, true)).written, false);
  assert.deepEqual(readdirSync(join(folder, 'config/caisson/policies')), []);
});

const { rootPem } = await createSimulatedAuthority();
const simulated: RecordedState['documents'] = { kind: 'simulated', rootPem, rootSha256: '' };

function simulatedPolicy(digit: string): string {
  return JSON.stringify({ pcrs: { 0: digit.repeat(96) }, backend: 'sim', roots: [rootPem] });
}

function writeOwn(
  env: { readonly XDG_CONFIG_HOME: string },
  name = 'hello',
  documents: RecordedState['documents'] = simulated,
  debug = false,
  profile: RecordedSpec['profile'] = 'development',
) {
  const hash = 'a'.repeat(96);
  const spec = {
    name,
    backend: 'sim',
    profile,
    debug,
    measurements: { PCR0: hash, PCR1: hash, PCR2: hash },
  };
  return writeOwnPolicy(env, spec as RecordedSpec, { documents, cid: 20 });
}

test('an enclave is a name that runs here, a CID, or an address; what is known of the way to it is told', async (context) => {
  const { env } = place(context);
  assert.deepEqual(await findEnclave('16', env), { cid: 16, port: 53_000 });
  assert.deepEqual(await findEnclave('vsock:16:7', env), { cid: 16, port: 7 });
  for (const wrong of ['2', '3', '99999999', '../x', 'Hello', '', 'vsock:any:1', 'absent']) {
    await assert.rejects(findEnclave(wrong, env), { code: 'OPERATOR_ENCLAVE' }, wrong);
  }
  await record(env);
  assert.deepEqual(await findEnclave('20', env), { cid: 20, port: 53_000, vsock: 'fabric:/f' });
  assert.deepEqual(await findEnclave('20', { ...env, CAISSON_VSOCK: 'kernel' }), { cid: 20, port: 53_000 });
});

test('an enclave that has ended, has no CID yet or whose record is damaged is refused with what it is', async (context) => {
  const { env } = place(context);
  for (const [changes, message] of [
    [{ phase: 'exited' }, /^enclave hello must run, got phase exited since 2026/],
    [{ shim: { pid: 1, start: '1', protocol: 1, version: '0' } }, /^enclave hello must run, got phase lost/],
    [{ cid: null, phase: 'starting' }, /^enclave hello must have a CID, got none in phase starting/],
  ] as const) {
    await record(env, changes);
    await assert.rejects(findEnclave('hello', env), { code: 'OPERATOR_ENCLAVE', message });
  }
  for (const text of ['', 'null', '{}', '{"cid":"16; rm"}', '{"cid":2}']) {
    writeFileSync(join(env.CAISSON_STATE, 'enclaves/hello/state.json'), text);
    await assert.rejects(findEnclave('hello', env), { code: 'OPERATOR_ENCLAVE' }, text);
  }
});

test('of an enclave that is not here, or takes nobody’s commands, it is not a policy that is missing', async (context) => {
  const { env } = place(context);
  const open = (more: object) => openOperatorSession({ env, say: () => {}, enclave: 'nobody', ...more });
  await assert.rejects(open({}), {
    code: 'OPERATOR_ENCLAVE',
    message: `enclave nobody must have a record in ${env.CAISSON_STATE}, got none`,
    hint: 'there is none yet; caisson up and caisson run start one; a CID can be given instead of a name',
  });
  await writeSpec(env.CAISSON_STATE, fakeSpec('mute', { hasControl: false }));
  const shim = { pid: process.pid, start: await readProcessStart(process.pid), protocol: 1, version: '0' };
  await writeState(env.CAISSON_STATE, fakeState('mute', { phase: 'ready', cid: 21, shim }));
  await assert.rejects(open({ enclave: 'mute' }), {
    code: 'OPERATOR_ENCLAVE',
    message: 'the image of enclave mute must have a control channel, got one without',
  });
  // Another port may be served by anybody's image.
  await assert.rejects(open({ enclave: 'mute', port: 7 }), { code: 'OPERATOR_POLICY' });
  await assert.rejects(open({ enclave: '16' }), { code: 'OPERATOR_POLICY' });
  await assert.rejects(open({ via: 'ssh:nowhere' }), { code: 'OPERATOR_POLICY' });
});
