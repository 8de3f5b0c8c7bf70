// `attest verify` and `attest document` by the name of an enclave: a document of now over an operator's session, held to his policy; and how a name is
// told from a file.
import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { toCid } from '@caisson/core/address';
import { readProcessStart } from '@caisson/host/file';
import { createOperator } from '@caisson/host/operator';
import { type RecordedSpec, type RecordedState, writeSpec, writeState } from '@caisson/host/record';
import { createFabricTransport } from '@caisson/link/transport';
import { assertFitsSchema } from '@caisson/testkit/contract';
import { type ControlScene, createControlScene } from '@caisson/testkit/control';
import { fakeSpec, fakeState } from '@caisson/testkit/fake';
import { type Heard, hear } from '@caisson/testkit/program';
import { run } from './run.ts';

const folder = mkdtempSync(join(tmpdir(), 'c-attest-'));
const at = (name: string): string => join(folder, name);
const env = { XDG_CONFIG_HOME: at('config'), CAISSON_STATE: at('state') };
const nonce = 'ab'.repeat(32);
let scene: ControlScene;

before(async () => {
  for (const name of ['fabric/16', 'fabric/3', 'config/caisson/policies'])
    mkdirSync(at(name), { recursive: true, mode: 0o700 });
  chmodSync(at('fabric'), 0o700);
  const { name, spkiSha256 } = await createOperator('alice', env);
  scene = await createControlScene({
    transport: createFabricTransport({ directory: at('fabric'), localCid: toCid(16) }),
    operators: [{ name, spkiSha256, verbs: ['all'], execTemplates: [] }],
  });
  writePolicy('web', scene.policy.pcrs[0]![0]!);
  await record('web');
});
after(async () => {
  await scene.close();
  rmSync(folder, { recursive: true });
});

function writePolicy(name: string, pcr0: string): void {
  const policy = { v: 1, backend: 'sim', pcrs: { 0: pcr0 }, roots: scene.policy.roots };
  writeFileSync(at(`config/caisson/policies/${name}.yaml`), JSON.stringify(policy));
}

async function record(
  name: string,
  spec: Partial<RecordedSpec> = {},
  state: Partial<RecordedState> = {},
): Promise<void> {
  const { shim } = fakeState(name);
  const start = await readProcessStart(process.pid);
  await writeSpec(at('state'), fakeSpec(name, spec));
  const now = { vsock: `fabric:${at('fabric')}`, documents: { kind: 'aws' } as const, shim: { ...shim, start } };
  await writeState(at('state'), fakeState(name, { ...now, ...state }));
}

const attest = (...words: string[]): Promise<Heard> => hear(run, ['attest', ...words], { env });

test('an enclave by name is asked under a fresh nonce, and its document is held to the operator’s own policy', async () => {
  const asked = scene.documents();
  const { code, out, err } = await attest('verify', 'web');
  assert.equal(code, 0, err);
  assert.equal(scene.documents(), asked + 1);
  assert.match(out, /^SIMULATED \(backend sim\): this proves nothing about AWS hardware$/m);
  assert.match(out, /^ {2}held {5}PCR +PCR 0 as pinned$/m);
  assert.match(out, /^ {2}held {5}NONCE +that of this command: a document of now$/m);
  assert.match(out, /^ {2}held {5}USERDATA +names this very session/m);
  assert.match(out, /^ {2}held {5}PUBKEY +the key that this session/m);
  assert.match(out, /^ {2}held {5}POLICY +as .*policies\/web\.yaml says$/m);
  assert.match(out, /^VERIFIED under the CUSTOM root$/m);
  const [one, other] = [await attest('verify', 'web', '--json'), await attest('verify', 'web', '--json')];
  const facts = [one, other].map((heard) => JSON.parse(heard.out) as { verified: boolean; nonce: string });
  for (const fact of facts) assertFitsSchema(fact, 'attest-verify');
  assert.deepEqual([one.code, facts[0]?.verified, facts[0]?.nonce.length], [0, true, 64]);
  assert.notEqual(facts[0]?.nonce, facts[1]?.nonce);
});

test('one that runs another image than the policy wants ends with 2, and so does a flag that does not hold', async () => {
  writePolicy('other', 'cd'.repeat(48));
  await record('other');
  const { code, out } = await attest('verify', 'other');
  assert.equal(code, 2);
  assert.match(out, /^SIMULATED/);
  assert.match(out, /^ {2}REFUSED {2}PCR +PCR0 does not hold$/m);
  assert.match(out, /^REFUSED \(PCR\)$/m);
  const json = await attest('verify', 'other', '--json');
  assert.equal(json.code, 2);
  assertFitsSchema(JSON.parse(json.out), 'attest-verify');
  const flag = await attest('verify', 'web', '--pcr', `1=${'cd'.repeat(48)}`);
  assert.deepEqual([flag.code, /^REFUSED \(PCR\)$/m.test(flag.out)], [2, true]);
});

test('what can prove nothing is never verified: unsigned documents, debug mode, no control channel, no policy, no enclave', async () => {
  await record('mock', { backend: 'qemu' }, { documents: { kind: 'unsigned' } });
  await record('bare', { debug: true });
  await record('mute', { hasControl: false });
  await record('free');
  writePolicy('mock', scene.policy.pcrs[0]![0]!);
  for (const [name, exit, message] of [
    ['mock', 2, /documents of enclave mock \(qemu\) must be signed to prove anything, got those of a mock NSM/],
    ['bare', 2, /enclave bare must not be in debug mode/],
    ['mute', 1, /image of enclave mute must have a control channel/],
    [
      'free',
      64,
      /a policy must say what enclave free must be, got none\n {2}hint: caisson wait free, if up has only just started it; else give --policy/,
    ],
    [
      'nobody',
      1,
      /nobody must be a document or an enclave of this host, got no such file and no enclave of that name\n {2}hint: enclaves: known are /,
    ],
    ['fre', 1, /fre must be .*\n {2}hint: did you mean free\? caisson ps -a shows all/],
  ] as const) {
    const { code, out, err } = await attest('verify', name);
    assert.deepEqual([code, out.includes('VERIFIED')], [exit, false], err);
    assert.match(err, message);
  }
});

test('a word that is a file here and an enclave of this host is refused; a file alone is a file', async (t) => {
  const before = process.cwd();
  process.chdir(folder);
  t.after(() => process.chdir(before));
  const made = await attest('document', 'web', '--nonce', nonce, '--out', 'doc');
  assert.equal(made.code, 0, made.err);
  writeFileSync('web', readFileSync('doc'));
  const both = await attest('verify', 'web');
  assert.equal(both.code, 64);
  assert.match(both.err, /web must be a document or an enclave, got a file here and an enclave of this host/);
  assert.equal((await attest('verify', './web', '--policy', at('config/caisson/policies/web.yaml'))).code, 0);
  rmSync('web');
  mkdirSync('web');
  assert.equal((await attest('verify', 'web')).code, 0, 'a folder is no document');
  const near = await attest('verify', './dco');
  assert.deepEqual([near.code, /hint: did you mean the file doc\?/.test(near.err)], [1, true], near.err);
  assert.match((await attest('verify', 'doc', '--operator', 'alice')).err, /--operator must stand with an enclave/);
});

test('attest document of an enclave answers somebody else’s challenge, and vouches for no key but its own', async () => {
  const [file, policy] = [at('theirs.cbor'), at('config/caisson/policies/web.yaml')];
  const { code, out } = await attest('document', 'web', '--nonce', nonce, '--out', file, '--json');
  assert.equal(code, 0);
  assertFitsSchema(JSON.parse(out), 'nsm-attest');
  assert.equal((await attest('verify', file, '--policy', policy, '--nonce', nonce)).code, 0);
  assert.equal((await attest('verify', file, '--policy', policy, '--nonce', 'cd'.repeat(32))).code, 2);
  for (const [words, message] of [
    [['--nonce', nonce, '--public-key', '00'], /--public-key must not stand with enclave web, whose documents name/],
    [['--nonce', nonce, '--user-data', '00'], /--user-data must not stand with enclave web/],
    [['--nonce', '00'], /--nonce must have 32 bytes for an enclave, got 1/],
  ] as const) {
    const refused = await attest('document', 'web', ...words, '--out', at('none'));
    assert.equal(refused.code, 64, refused.err);
    assert.match(refused.err, message);
  }
  const flag = await attest('verify', 'web', '--nonce', nonce);
  assert.deepEqual([flag.code, /--nonce must not stand with an enclave/.test(flag.err)], [64, true]);
});
