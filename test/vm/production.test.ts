// A production image as its owners run it: operators come from a list that the root key of the image signed, sent with the boot config; no
// command runs but by template, files go through the roots that are measured; and whoever expects another image says nothing to this one.
import { deepEqual, equal, match, ok, rejects } from 'node:assert/strict';
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { test } from 'node:test';
import { toVsockPort } from '@caisson/core/address';
import { toHex } from '@caisson/core/bytes';
import { readImageMeasurements } from '@caisson/host/image';
import { createOperator, readOperatorKey } from '@caisson/host/operator';
import { CONTROL_PORT, type ControlIdentity, connectControl } from '@caisson/link/control';
import { type CommandRequest, copyIn, copyOut, runCommand, startJob } from '@caisson/link/pipeline';
import { createWire } from '@caisson/testkit/control';
import { checkPolicy } from '@caisson/verify/policy';
import { buildProduct, caisson, hearLine, productSkip as skip } from './product.ts';
import { bootEnclave, type Enclave, rigFile } from './rig.ts';

const plain = { recursive: false, resume: false, checksum: false, into: true };
const request = (...argv: string[]): CommandRequest => ({
  argv,
  env: [],
  cwd: null,
  user: null,
  timeoutMs: null,
  terminal: null,
  hasInput: false,
});

const dialOf = (enclave: Enclave) => () =>
  enclave.parent.connect({ cid: enclave.cid, port: toVsockPort(CONTROL_PORT) });

/** A way to the enclave on which each piece is written down as it passes. */
function watched(enclave: Enclave) {
  const passed: (readonly ['up' | 'down', number])[] = [];
  return {
    passed,
    async dial() {
      const onward = await dialOf(enclave)();
      const [near, far] = createWire([
        (bytes, pass) => {
          passed.push(['up', bytes.length]);
          pass(bytes);
        },
        (bytes, pass) => {
          passed.push(['down', bytes.length]);
          pass(bytes);
        },
      ]);
      far.on('error', () => {}).pipe(onward);
      onward.on('error', () => {}).pipe(far);
      far.once('close', () => onward.destroy());
      return near;
    },
  };
}

test('a production image runs nothing but by template and gives out its file roots, to the operators of the signed list alone', {
  skip,
  timeout: 300_000,
}, async (context) => {
  const folder = mkdtempSync(join(tmpdir(), 'caisson-vm-production-'));
  context.after(() => rmSync(folder, { recursive: true }));
  const at = (name: string): string => join(folder, name);
  const own = { XDG_CONFIG_HOME: at('config') };
  const keys = Object.fromEntries(
    await Promise.all(['root', 'alice', 'bob'].map(async (name) => [name, await createOperator(name, own)] as const)),
  );
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  mkdirSync(at('source'));
  writeFileSync(at('source/config.pub.pem'), publicKey.export({ type: 'spki', format: 'pem' }));
  writeFileSync(at('config.pem'), privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 });
  const image = await buildProduct(folder, {
    'caisson.yaml': [
      'name: owned',
      'version: 7',
      `operators: { root_key: ${keys['root']!.spkiBase64} }`,
      'policy:',
      '  config: { expect: required, timeout: 120s, keys: [config.pub.pem] }',
      '  file_roots: { data: /data }',
      '',
    ].join('\n'),
    'package.json': '{"main":"main.js"}',
    'main.js': "require('node:fs').mkdirSync('/data', { recursive: true }); setInterval(() => {}, 1 << 30);\n",
  });
  const pcr0 = toHex((await readImageMeasurements(image)).pcr0);

  const list = [
    'operators:',
    `  - { name: alice, key: ${keys['alice']!.spkiBase64}, verbs: [exec, job, copy-in, copy-out] }`,
    `  - { name: bob, key: ${keys['bob']!.spkiBase64}, verbs: [exec], exec: [[/usr/bin/node, --version]] }`,
    '',
  ];
  writeFileSync(at('operators.yaml'), list.join('\n'));
  writeFileSync(at('boot.json'), '{}');
  const sign = async (words: readonly string[]) => {
    const { status, stderr } = await caisson(words);
    equal(status, 0, stderr);
  };
  const rootKey = join(own.XDG_CONFIG_HOME, 'caisson/operators/root.key');
  const terms = ['--valid-for', '1h', '--eif', image];
  await sign([
    ...['operator', 'list', 'sign', at('operators.yaml'), '--key', rootKey, '--list-version', '1', ...terms],
    ...['-o', at('operators.cose')],
  ]);
  await sign([
    ...['config', 'sign', at('boot.json'), '--key', at('config.pem'), '--config-version', '3', ...terms],
    ...['--operators', at('operators.cose'), '-o', at('boot.signed')],
  ]);

  const enclave = await bootEnclave({ image, cid: 56 });
  const line = await hearLine(enclave);
  try {
    const hasReason = (code: string) => (one: (typeof line.said)[number]) =>
      one.kind === 'state' && one.reasons.some((reason) => reason.code === code);
    await line.heard('the wait for a config', hasReason('config-awaited'));
    const sent = await caisson(['config', 'send', '56'], { enclave, input: readFileSync(at('boot.signed')) });
    equal(sent.status, 0, sent.stderr);
    await line.heard('ready', (one) => one.kind === 'state' && one.phase === 'ready');

    const source = { backend: 'qemu', roots: [readFileSync(rigFile('pki/root.crt'), 'utf8')] } as const;
    const policy = checkPolicy({ ...source, pcrs: { 0: pcr0 }, config: { minimumVersion: 3 } });
    const [root, alice, bob] = (await Promise.all(
      ['root', 'alice', 'bob'].map((name) => readOperatorKey(name, own)),
    )) as [ControlIdentity, ControlIdentity, ControlIdentity];

    // Who signs lists is on none.
    await rejects(connectControl({ dial: dialOf(enclave), identity: root, policy }), { code: 'CONTROL_REFUSED' });

    const session = await connectControl({ dial: dialOf(enclave), identity: alice, policy });
    deepEqual([session.enclave.facts.profile, session.enclave.facts.configVersion], ['production', 3]);
    const streams = { stdin: null, stdout: new PassThrough(), stderr: new PassThrough() };
    await rejects(runCommand(session.channel, request('/usr/bin/node', '--version'), streams), {
      code: 'PIPELINE_POLICY',
    });
    await rejects(startJob(session.channel, request('/usr/bin/node', '--version')), { code: 'PIPELINE_POLICY' });
    const bytes = randomBytes(3_000_000);
    writeFileSync(at('model'), bytes);
    await copyIn(session.channel, { folder, name: 'model' }, 'data/', plain);
    await copyOut(session.channel, '/data/model', { folder, name: 'back' }, plain);
    ok(readFileSync(at('back')).equals(bytes));
    for (const path of ['/etc/model', '/run/caisson/config.json', '/']) {
      const copy = copyIn(session.channel, { folder, name: 'model' }, path, plain);
      await rejects(copy, { code: 'PIPELINE_ROOT' }, path);
    }
    await rejects(copyOut(session.channel, '/run/caisson/config', { folder, name: 'x' }, plain), {
      code: 'PIPELINE_ROOT',
    });
    await session.close();

    // The same command with a template runs, and no other; copying is another verb.
    const way = watched(enclave);
    const other = await connectControl({ dial: way.dial, identity: bob, policy });
    const heldUp = way.passed.length;
    const command = await runCommand(other.channel, request('/usr/bin/node', '--version'), streams);
    deepEqual(await command.ended, { kind: 'exit', code: 0 });
    match(String(streams.stdout.read()), /^v\d+\./);
    ok(
      way.passed.slice(heldUp).some(([direction]) => direction === 'up'),
      'the watched way sees a command',
    );
    await rejects(runCommand(other.channel, request('/usr/bin/node', '-e', '1'), streams), {
      code: 'PIPELINE_POLICY',
    });
    await rejects(copyOut(other.channel, '/data/model', { folder, name: 'x' }, plain), { code: 'CONTROL_VERB' });
    await other.close();

    // Another PCR0 in the policy: after the document has come nothing goes up but the end of TLS (RFC 8446 section 6: an alert of 2 bytes,
    // 24 as a record).
    const strict = checkPolicy({ ...source, pcrs: { 0: 'b6'.repeat(48) }, config: {} });
    const second = watched(enclave);
    const attempt = connectControl({ dial: second.dial, identity: bob, policy: strict }).then(({ channel }) =>
      runCommand(channel, request('/usr/bin/node', '--version'), streams),
    );
    await rejects(attempt, { code: 'VERIFY_PCR' });
    // A document has some 5 KiB; nothing else that comes down is that long.
    const document = second.passed.findLastIndex(([direction, length]) => direction === 'down' && length > 1_000);
    const after = second.passed.slice(document + 1).filter(([direction]) => direction === 'up');
    const afterBytes = after.reduce((sum, [, length]) => sum + length, 0);
    context.diagnostic(`bytes up after the document: ${afterBytes}`);
    ok(document >= 0 && afterBytes <= 24, JSON.stringify(second.passed));
  } finally {
    await line.close();
    await enclave.close();
  }
});
