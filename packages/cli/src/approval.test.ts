// Acts that need two operators, from the command line: with both keys on one machine, and with each on a machine of its own.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { toCid } from '@caisson/core/address';
import { createOperator } from '@caisson/host/operator';
import { createPipelineHandlers, DEVELOPMENT_ROOTS } from '@caisson/link/pipeline';
import { createFabricTransport } from '@caisson/link/transport';
import { assertFitsSchema } from '@caisson/testkit/contract';
import { createControlScene, createLocalStarter } from '@caisson/testkit/control';
import { hear } from '@caisson/testkit/program';
import { run } from './run.ts';

async function open(context: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), 'caisson-approval-'));
  context.after(() => rmSync(folder, { recursive: true }));
  const at = (name: string): string => join(folder, name);
  for (const name of ['fabric/16', 'fabric/3', 'alice', 'bob', 'root'])
    mkdirSync(at(name), { recursive: true, mode: 0o700 });
  chmodSync(at('fabric'), 0o700);
  // Two workstations: each has its own keys.
  const places = { alice: { XDG_CONFIG_HOME: at('alice') }, bob: { XDG_CONFIG_HOME: at('bob') } };
  const [alice, bob] = [await createOperator('alice', places.alice), await createOperator('bob', places.bob)];
  const root = await createOperator('root', { XDG_CONFIG_HOME: at('root') });
  const rootSpki = JSON.parse((await hear(run, ['operator', 'show', root.path, '--json'], { env: {} })).out)
    .spki as string;
  const none = (): never => {
    throw new Error('no jobs here');
  };
  const scene = await createControlScene({
    transport: createFabricTransport({ directory: at('fabric'), localCid: toCid(16) }),
    profile: 'development',
    threshold: 2,
    rootKey: rootSpki,
    operators: [alice, bob].map(({ name, spkiSha256 }) => ({ name, spkiSha256, verbs: ['all'], execTemplates: [] })),
    handlers: createPipelineHandlers({
      starter: createLocalStarter(),
      roots: DEVELOPMENT_ROOTS,
      environment: [],
      jobs: { start: none, list: () => [], find: none, read: none, wait: none, signal: none },
    }),
  });
  context.after(() => scene.close());
  const policy = { v: 1, backend: 'sim', pcrs: { 0: scene.policy.pcrs[0]![0]! }, roots: scene.policy.roots };
  writeFileSync(at('policy.yaml'), JSON.stringify({ ...policy, allowDevelopment: true }));
  const as = (who: 'alice' | 'bob') => async (command: readonly string[], rest: readonly string[]) => {
    const isRemote = command[0] !== 'operator' || command.includes('send');
    const words = [...command, ...(isRemote ? ['--policy', at('policy.yaml')] : []), ...rest];
    const env = { ...places[who], CAISSON_VSOCK: `fabric:${at('fabric')}`, CAISSON_STATE: at('state') };
    return await hear(run, words, { env });
  };
  return { at, alice: as('alice'), bob: as('bob'), bobKey: bob.path, rootKeyFile: root.path };
}

test('with both keys here an act that needs two is done, and by one alone it is not', async (context) => {
  const { alice, bobKey, at } = await open(context);
  const words = ['--', '/bin/echo', 'together'];
  const alone = await alice(['exec', '16'], words);
  assert.equal(alone.code, 125);
  assert.match(alone.err, /exec must have been approved by 2 operators, got 0/);
  const both = await alice(['exec', '--approve-with', bobKey, '16'], words);
  assert.deepEqual([both.code, both.out], [0, 'together\n'], both.err);
  writeFileSync(at('file'), 'its bytes');
  assert.equal((await alice(['cp'], [at('file'), `16:${at('there')}`])).code, 1);
  const copied = await alice(['cp', '--approve-with', bobKey], [at('file'), `16:${at('there')}`]);
  assert.equal(copied.code, 0, copied.err);
  assert.equal(readFileSync(at('there'), 'utf8'), 'its bytes');
  const listed = await alice(['job', 'list', '--json', '--approve-with', bobKey], ['16']);
  assert.equal(listed.code, 0, listed.err);
});

test('an act is written down, approved on another machine, and done once with what came back', async (context) => {
  const { alice, bob, at } = await open(context);
  const words = ['--', '/bin/sh', '-c', `echo done; echo done >> ${at('log')}`];
  const request = at('request');
  const asked = await alice(['exec', '--request-approval', request, '16'], words);
  assert.equal(asked.code, 0, asked.err);
  assert.match(asked.err, /nothing was done; .*request asks to run \["\/bin\/sh","-c",/);
  assert.ok(!existsSync(at('log')));

  const shown = await bob(['operator', 'approve', '--show'], [request]);
  assert.equal(shown.code, 0, shown.err);
  assert.match(shown.out, /^exec: run \["\/bin\/sh","-c",.*\nnothing was signed\n$/s);
  assert.ok(!existsSync(`${request}.approval`));
  const approved = await bob(['operator', 'approve', '--json'], [request]);
  assert.equal(approved.code, 0, approved.err);
  assertFitsSchema(JSON.parse(approved.out), 'operator-approve');

  // An approval is of this command and no other.
  const flags = ['--approval', `${request}.approval`];
  const other = await alice(['exec', ...flags, '16'], ['--', '/bin/echo', 'another']);
  assert.deepEqual([other.code, other.out], [125, '']);
  assert.match(other.err, /approval cannot count: it is for another act/);
  const ran = await alice(['exec', ...flags, '16'], words);
  assert.deepEqual([ran.code, ran.out], [0, 'done\n'], ran.err);
  const again = await alice(['exec', ...flags, '16'], words);
  assert.equal(again.code, 125);
  assert.match(again.err, /its act has been done/);
  assert.equal(readFileSync(at('log'), 'utf8'), 'done\n');
});

test('a copy is approved elsewhere by its path, and who alone asks and approves is still one', async (context) => {
  const { alice, bob, at } = await open(context);
  writeFileSync(at('file'), 'its bytes');
  const sides = [at('file'), `16:${at('there')}`];
  assert.equal((await alice(['cp', '--request-approval', at('request')], sides)).code, 0);
  const own = await alice(['operator', 'approve', '-o', at('own')], [at('request')]);
  assert.match(own.out, /copy-in: write to ".*there".*its contents are not part of this/);
  const alone = await alice(['cp', '--approval', at('own')], sides);
  assert.equal(alone.code, 1);
  assert.match(alone.err, /approved by 2 operators, got 1/);
  assert.equal((await bob(['operator', 'approve'], [at('request')])).code, 0);
  const done = await alice(['cp', '--approval', `${at('request')}.approval`], sides);
  assert.equal(done.code, 0, done.err);
  assert.equal(readFileSync(at('there'), 'utf8'), 'its bytes');
});

test('a request that shows one thing and carries another is not signed, nor is what is none', async (context) => {
  const { alice, bob, at } = await open(context);
  assert.equal((await alice(['exec', '--request-approval', at('request'), '16'], ['--', '/bin/true'])).code, 0);
  const fields = JSON.parse(readFileSync(at('request'), 'utf8')) as Record<string, unknown>;
  for (const [change, code] of [
    [{ verb: 'stop' }, 64],
    [{ type: 36 }, 1],
    [{ payload: 'AAAA' }, 1],
    [{ bootId: 'ab' }, 1],
    [{ further: 1 }, 1],
  ] as const) {
    writeFileSync(at('bent'), JSON.stringify({ ...fields, ...change }));
    const said = await bob(['operator', 'approve'], [at('bent')]);
    assert.deepEqual([said.code, existsSync(at('bent.approval'))], [code, false], JSON.stringify(change));
  }
  const both = await alice(['exec', '--approval', at('x'), '--request-approval', at('y'), '16'], ['--', '/bin/true']);
  assert.equal(both.code, 64, both.err);
  // A request that is there is not written over: somebody may be approving it.
  assert.equal((await alice(['exec', '--request-approval', at('request'), '16'], ['--', '/bin/true'])).code, 125);
});

test('a list of operators comes into force by two of them, and not by one', async (context) => {
  const { alice, bobKey, rootKeyFile, at } = await open(context);
  const { spki } = JSON.parse((await alice(['operator', 'show'], ['alice', '--json'])).out) as { spki: string };
  writeFileSync(at('list.yaml'), `operators: [{ name: carol, key: "${spki}", verbs: [status] }]\n`);
  const words = [at('list.yaml'), '--key', rootKeyFile, '--list-version', '2', '--label', 'hello', '-o', at('list')];
  const signed = await alice(['operator', 'list', 'sign'], words);
  assert.equal(signed.code, 0, signed.err);
  const alone = await alice(['operator', 'list', 'send'], ['16', at('list')]);
  assert.equal(alone.code, 1);
  assert.match(alone.err, /operators must have been approved by 2 operators, got 0/);
  const both = await alice(['operator', 'list', 'send', '--approve-with', bobKey], ['16', at('list')]);
  assert.deepEqual([both.code, both.out], [0, 'enclave 16 has taken the operator list of version 2\n'], both.err);
});

test('a list of operators is approved on another machine by all that is in it, and comes into force with what came back', async (context) => {
  const { alice, bob, rootKeyFile, at } = await open(context);
  const { spki } = JSON.parse((await alice(['operator', 'show'], ['alice', '--json'])).out) as { spki: string };
  const key = createHash('sha256').update(Buffer.from(spki, 'base64')).digest('hex');
  const carol = `{ name: carol, key: "${spki}", verbs: [exec], exec: [[/bin/ls]] }`;
  writeFileSync(at('list.yaml'), `operators: [${carol}]\n`);
  const words = [at('list.yaml'), '--key', rootKeyFile, '--list-version', '3', '--label', 'hello', '-o', at('list')];
  assert.equal((await alice(['operator', 'list', 'sign'], words)).code, 0);
  const send = (...flags: readonly string[]) => alice(['operator', 'list', 'send', ...flags], ['16', at('list')]);
  const asked = await send('--request-approval', at('request'));
  assert.equal(asked.code, 0, asked.err);
  assert.match(asked.err, /nothing was done; .*request asks to put operator list 3/);
  const approved = await bob(['operator', 'approve'], [at('request')]);
  assert.equal(approved.code, 0, approved.err);
  const said = approved.out.split('\n')[0] ?? '';
  assert.match(said, /^operators: put operator list 3 for label hello into force until \d{4}-/);
  assert.ok(said.endsWith(`: carol (key ${key}) may exec running [["/bin/ls"]]`), said);
  const sent = await send('--approval', `${at('request')}.approval`);
  assert.deepEqual([sent.code, sent.out], [0, 'enclave 16 has taken the operator list of version 3\n'], sent.err);
});
