// An operator's command line: keys, lists, and an enclave on the fabric that he commands from here and through a proxy.
import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { toCid } from '@caisson/core/address';
import { createOperator } from '@caisson/host/operator';
import { connectControl, createInitHandlers, parseOperatorList, verifyOperatorList } from '@caisson/link/control';
import { createFabricTransport } from '@caisson/link/transport';
import { assertFitsSchema } from '@caisson/testkit/contract';
import { createControlScene, createWire } from '@caisson/testkit/control';
import { createFakeControl } from '@caisson/testkit/fake';
import { type Heard, type HearOptions, hear, programWords } from '@caisson/testkit/program';
import { run } from './run.ts';

async function bench(context: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), 'caisson-operator-'));
  context.after(() => rmSync(folder, { recursive: true }));
  const fabric = join(folder, 'fabric');
  mkdirSync(join(fabric, '16'), { recursive: true, mode: 0o700 });
  mkdirSync(join(fabric, '3'), { mode: 0o700 });
  chmodSync(fabric, 0o700);
  const env = {
    XDG_CONFIG_HOME: join(folder, 'config'),
    CAISSON_VSOCK: `fabric:${fabric}`,
    CAISSON_STATE: join(folder, 'state'),
  };
  const caisson = (words: readonly string[], more: HearOptions = {}, name = 'caisson'): Promise<Heard> =>
    hear(run, words, { env, name, ...more });
  return { folder, fabric, env, caisson };
}

function fits<Document>(name: string, { out }: Heard): Document {
  const document = JSON.parse(out) as Document;
  assertFitsSchema(document, name);
  return document;
}

test('a key is made once, for its owner alone, and shown by its public half', async (context) => {
  const { env, caisson } = await bench(context);
  const made = await caisson(['operator', 'create', 'alice', '--json']);
  assert.equal(made.code, 0, made.err);
  const { path, sha256, pem } = fits<{ path: string; sha256: string; pem: string }>('operator', made);
  assert.equal(statSync(path).mode & 0o777, 0o600);
  assert.match(readFileSync(path, 'utf8'), /^-----BEGIN PRIVATE KEY-----/);
  assert.ok(!made.out.includes('PRIVATE'), 'the private half is in no output');
  assert.match(pem, /BEGIN PUBLIC KEY/);
  const again = await caisson(['operator', 'create', 'alice']);
  assert.deepEqual([again.code, /alice has a key already/.test(again.err)], [1, true]);
  assert.match((await caisson(['operator', 'show', 'alice'])).out, new RegExp(sha256));
  assert.match((await caisson(['operator', 'show', path])).out, new RegExp(sha256));
  const listed = fits('operator-list', await caisson(['operator', 'list', '--json']));
  assert.deepEqual(listed, { v: 1, operators: [{ name: 'alice', path }] });
  for (const name of ['../alice', 'a/../../x', '', '-x', 'a b']) {
    const said = await caisson(['operator', 'create', '--', name]);
    assert.equal(said.code, 1, name);
  }
  chmodSync(path, 0o640);
  assert.match((await caisson(['operator', 'show', 'alice'])).err, /readable by its owner alone, got mode 0640/);
  chmodSync(join(env.XDG_CONFIG_HOME, 'caisson/operators'), 0o777);
  assert.match(
    (await caisson(['operator', 'create', 'bob'])).err,
    /must be its owner's alone to write to, got mode 777/,
  );
});

test('a key under a passphrase opens with it and not without', async (context) => {
  const { env, caisson } = await bench(context);
  const locked = { env: { ...env, CAISSON_KEY_PASSPHRASE: 'horse' } };
  assert.equal((await caisson(['operator', 'create', 'carol'], locked)).code, 0);
  assert.match((await caisson(['operator', 'show', 'carol'])).err, /is under a passphrase/);
  const wrong = { env: { ...env, CAISSON_KEY_PASSPHRASE: 'cow' } };
  assert.match((await caisson(['operator', 'show', 'carol'], wrong)).err, /does not open with this passphrase/);
  assert.equal((await caisson(['operator', 'show', 'carol'], locked)).code, 0);
});

test('a list is signed for seven days at most, and every fault in it has its place', async (context) => {
  const { folder, env, caisson } = await bench(context);
  const [root, alice] = [await createOperator('root', env), await createOperator('alice', env)];
  const file = join(folder, 'operators.yaml');
  const output = join(folder, 'operators.cose');
  writeFileSync(join(folder, 'alice.pem'), alice.publicPem);
  writeFileSync(
    file,
    'operators:\n  - name: alice\n    key: alice.pem\n    verbs: [logs, exec]\n    exec: [[/bin/ls, -l]]\n',
  );
  const words = [
    'operator',
    'list',
    'sign',
    file,
    '--key',
    'root',
    '--list-version',
    '3',
    '-o',
    output,
    '--label',
    'hello',
  ];
  const said = await caisson([...words, '--json']);
  assert.equal(said.code, 0, said.err);
  const report = fits<{ notAfter: number }>('operator-list-sign', said);
  const list = await verifyOperatorList(readFileSync(output), Buffer.from(root.spkiBase64, 'base64'));
  assert.deepEqual(list.operators, [
    { name: 'alice', spkiSha256: alice.spkiSha256, verbs: ['logs', 'exec'], execTemplates: [['/bin/ls', '-l']] },
  ]);
  assert.equal(list.notAfter, report.notAfter);
  assert.equal(list.notAfter - list.notBefore, 7 * 86_400);
  await assert.rejects(verifyOperatorList(readFileSync(output), Buffer.from(alice.spkiBase64, 'base64')), {
    code: 'CONTROL_LIST_SIGNATURE',
  });
  assert.equal(parseOperatorList(readFileSync(output)).version, 3);
  assert.equal((await caisson([...words, '--valid-for', '169h'])).code, 64);
  assert.equal((await caisson(words.slice(0, -2))).code, 64);
  const faults: readonly (readonly [string, RegExp])[] = [
    ['operators: []\n', /operators\.yaml:1:\d+: operators must be a list of 1\.\.64/],
    [
      'operators:\n  - name: a\n    key: alice.pem\n    verbs: [fly]\n',
      /:4:\d+: operators\[0\]\.verbs must be of status, .*got "fly"/,
    ],
    ['operators:\n  - name: a\n    key: alice.pem\n    role: x\n', /:4:\d+: operators\[0\]\.role is no key/],
    ['operator: []\n', /operator is no key of an operator list/],
    ['operators: [1]\n', /operators\[0\] must be a map/],
  ];
  for (const [text, message] of faults) {
    writeFileSync(file, text);
    const refused = await caisson(words);
    assert.deepEqual([refused.code, message.test(refused.err)], [1, true], refused.err);
  }
});

async function served(context: TestContext) {
  const made = await bench(context);
  const alice = await createOperator('alice', made.env);
  const control = createFakeControl();
  const transport = createFabricTransport({ directory: made.fabric, localCid: toCid(16) });
  const operators = [{ name: 'alice@desk', spkiSha256: alice.spkiSha256, verbs: ['all'], execTemplates: [] }];
  const root = await createOperator('root', { XDG_CONFIG_HOME: join(made.folder, 'root') });
  const scene = await createControlScene({
    transport,
    operators,
    rootKey: root.spkiBase64,
    handlers: createInitHandlers(control),
  });
  context.after(() => scene.close());
  const policies = join(made.env.XDG_CONFIG_HOME, 'caisson/policies');
  mkdirSync(policies, { recursive: true });
  const { backend, pcrs, roots } = scene.policy;
  const policy = { v: 1, backend, pcrs, roots };
  return { ...made, alice, root, control, scene, policies, policy };
}

test('pipeline says in its own words how a policy and a key are given', async (context) => {
  const { caisson, policies, policy } = await served(context);
  const pipeline = (...words: string[]) => caisson(['run', '--cid', '16', ...words, '--', 'ls'], {}, 'pipeline');
  const without = await pipeline();
  assert.equal(without.code, 2);
  assert.match(without.err, /got none: give --policy FILE, .*policies\/16\.yaml/);
  writeFileSync(join(policies, '16.yaml'), JSON.stringify(policy));
  const bad = await pipeline('--key', ' ');
  assert.equal(bad.code, 2);
  assert.doesNotMatch(bad.err, /--policy/);
  await caisson(['operator', 'create', 'second']);
  const two = await pipeline();
  assert.equal(two.code, 1);
  assert.match(
    two.err,
    /not exactly one, got [a-z]+, second: give --key NAME, key in the config file, or PIPELINE_KEY/,
  );
});

test('initctl commands an enclave from outside, by the operator’s own policy, and says that it is simulated first', async (context) => {
  const { caisson, control, policies, policy, folder } = await served(context);
  const initctl = (words: readonly string[]) => caisson(words, {}, 'initctl');
  const without = await initctl(['-e', '16', 'list']);
  assert.deepEqual(
    [without.code, /a policy must say what enclave 16 must be/.test(without.err)],
    [2, true],
    without.err,
  );
  writeFileSync(join(policies, '16.yaml'), JSON.stringify(policy));
  const listed = await initctl(['-e', '16', 'list']);
  assert.equal(listed.code, 0, listed.err);
  assert.match(listed.out, /web/);
  assert.match(listed.err, /^SIMULATED: /);
  assert.equal((await initctl(['-p', 'vsock', '--vsock-cid', '16', 'restart', 'web'])).code, 0);
  assert.ok(control.asked.includes('restartService web'));
  assert.match((await initctl(['-e', '16', 'status'])).out, /System Status/);
  assert.equal((await initctl(['-e', '16', 'stop'])).code, 0);
  assert.ok(control.asked.includes('shutdown'));
  const other = join(folder, 'other.yaml');
  writeFileSync(other, JSON.stringify({ ...policy, pcrs: { 0: 'cd'.repeat(48) } }));
  control.asked.length = 0;
  const refused = await initctl(['-e', '16', '--policy', other, 'reboot']);
  assert.deepEqual([refused.code, /PCR0/.test(refused.err), control.asked], [1, true, []], refused.err);
});

test('an older config than one that was seen is refused, once and for all', async (context) => {
  const { caisson, env, policies, policy } = await served(context);
  writeFileSync(join(policies, '16.yaml'), JSON.stringify(policy));
  const initctl = () => caisson(['-e', '16', 'ping'], {}, 'initctl');
  assert.equal((await initctl()).code, 0);
  const seen = join(env.XDG_CONFIG_HOME, 'caisson/seen/16.json');
  assert.deepEqual(JSON.parse(readFileSync(seen, 'utf8')), { v: 1, configVersion: 7, imageVersion: 3 });
  writeFileSync(seen, '{"v":1,"configVersion":8,"imageVersion":3}\n');
  assert.match((await initctl()).err, /at least config version 8, which was seen before, got 7/);
  writeFileSync(seen, 'nothing');
  assert.match((await initctl()).err, /must say what versions were seen/);
});

test('proxy carries bytes between its standard streams and the control port, and a session goes through it', async (context) => {
  const { caisson, scene } = await served(context);
  const session = await connectControl({
    identity: scene.operator,
    policy: scene.policy,
    async dial() {
      const [near, far] = createWire();
      void caisson(['proxy', '--stdio', '16'], { stdin: far, stdout: far });
      return near;
    },
  });
  assert.equal((await session.info()).operator, 'alice');
  await session.close();
  assert.equal((await caisson(['proxy', '16'])).code, 64);
  assert.equal((await caisson(['proxy', '--stdio', '17'])).code, 1);
  assert.match((await caisson(['proxy', '--stdio', 'nobody'])).err, /enclave nobody must have a record/);
});

test('--via is ssh to a host by its name, and takes no simulated enclave unless it is told to', async (context) => {
  const { caisson, env, folder, policies, policy } = await served(context);
  writeFileSync(join(policies, '16.yaml'), JSON.stringify(policy));
  const initctl = (words: readonly string[], more: object = {}) =>
    caisson(['-e', '16', ...words, 'ping'], more, 'initctl');
  const refused = await initctl(['--via', 'ssh:parent']);
  assert.match(refused.err, /must have the root of AWS, got backend sim/);
  for (const via of ['parent', 'ssh:', 'ssh:-oProxyCommand=x', 'ssh:a b', 'ssh:a;b']) {
    const wrong = await initctl(['--via', via, '--allow-simulated']);
    assert.deepEqual([wrong.code, /--via must be ssh:HOST/.test(wrong.err)], [2, true], via);
  }
  // A way through ssh, where ssh is a script that runs what it is given: the session is the operator's own all the same.
  const ssh = join(folder, 'ssh');
  const program = programWords().join(' ');
  const heard = join(folder, 'heard');
  writeFileSync(ssh, `#!/bin/sh\necho "$*" > ${heard}\nshift 6\nexec ${program} "$@"\n`, { mode: 0o755 });
  const path = { env: { ...env, PATH: `${folder}:${process.env['PATH']}` } };
  const held = await initctl(['--via', 'ssh:admin@parent', '--allow-simulated'], path);
  assert.equal(held.code, 0, held.err);
  assert.equal(
    readFileSync(heard, 'utf8'),
    '-T -o BatchMode=yes -- admin@parent caisson proxy --stdio --port 53000 -- 16\n',
  );
});

test('a signed list is put into force in an enclave that runs, and an older one is not', async (context) => {
  const { caisson, alice, root, folder, policies, policy, scene } = await served(context);
  writeFileSync(join(policies, '16.yaml'), JSON.stringify(policy));
  const [file, signed] = [join(folder, 'list.yaml'), join(folder, 'list.cose')];
  writeFileSync(file, `operators:\n  - {name: alice, key: ${alice.spkiBase64}, verbs: [operators]}\n`);
  const sign = (version: string) =>
    caisson([
      'operator',
      'list',
      'sign',
      file,
      '--key',
      root.path,
      '--list-version',
      version,
      '-o',
      signed,
      '--label',
      'hello',
    ]);
  assert.equal((await sign('4')).code, 0);
  const said = await caisson(['operator', 'list', 'send', '16', signed]);
  assert.equal(said.code, 0, said.err);
  assert.equal(scene.authority.listVersion, 4);
  await sign('3');
  const again = await caisson(['operator', 'list', 'send', '16', signed]);
  assert.deepEqual([again.code, /must have a version above 4, got 3/.test(again.err)], [1, true], again.err);
  writeFileSync(signed, 'nothing');
  assert.match((await caisson(['operator', 'list', 'send', '16', signed])).err, /one COSE_Sign1/);
});
