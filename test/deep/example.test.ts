// The examples inference, agent, kms and python, whole: built from their own caisson.yaml, run in the simulator, asked by their own clients.
import { deepEqual, equal, match, ok, rejects, throws } from 'node:assert/strict';
import { createHash, createHmac, generateKeyPairSync, sign } from 'node:crypto';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { hostPort, toVsockPort } from '@caisson/core/address';
import { DEFAULT_BRIDGE_LIMITS, openBridge } from '@caisson/link/bridge';
import { createLinuxKernel } from '@caisson/sys';
import { attest } from '@caisson/verify';
import { maskByChannel, maskNaively } from '../../examples/agent/client.ts';
import { askService } from '../../examples/client/ask.ts';
import { askModel, hashOwnModel, learnModel, readAnswer } from '../../examples/inference/client.ts';
import { signedBytes } from '../../examples/inference/src/protocol.ts';
import { askForMac } from '../../examples/kms/client.ts';
import { encryptionContext } from '../../examples/kms/src/protocol.ts';
import { startStandIn } from '../../examples/kms/stand-in.ts';
import { assembleRootfs } from '../../examples/python/rootfs.ts';
import { caisson, bundledSkip as skip, startExample } from '../scenario/example/scene.ts';

const timeout = 300_000;

test('inference: an answer is bound to image, model and question, and each link that is changed breaks it', {
  skip,
  timeout,
}, async (context) => {
  const { url, policy } = await startExample(context, 'inference', { ports: [3000] });
  const at = url(3000);
  const known = await learnModel(at, policy, hashOwnModel());
  equal(known.pcr0, String(policy.pcrs[0]));
  for (const [label, text] of [
    ['de', 'der nächste zug nach hause fährt um acht'],
    ['en', 'the next train home leaves at eight'],
    ['fr', 'le prochain train part à huit heures'],
    ['es', 'el próximo tren sale a las ocho de la mañana'],
  ] as const) {
    equal((await askModel(at, known, text)).label, label);
  }
  await rejects(learnModel(at, policy, createHash('sha384').update('another').digest()), /document must bind model/);

  const question = Buffer.from('buenas noches');
  const answer = (await askService(`${at}/guess`, question)).toString();
  ok(readAnswer(answer, known, question));
  throws(() => readAnswer(answer, known, Buffer.from('guten abend')), /requestSha384/);
  throws(() => readAnswer(answer.replace('es', 'it'), known, question), /signed by the key/);
  const own = generateKeyPairSync('ed25519');
  const { statement } = JSON.parse(answer) as { statement: string };
  const forged = JSON.stringify({
    statement,
    signature: sign(null, signedBytes(statement), own.privateKey).toString('hex'),
  });
  throws(() => readAnswer(forged, known, question), /signed by the key/);
  throws(() => readAnswer(answer, { ...known, pcr0: 'ab'.repeat(48) }, question), /must have pcr0/);
  equal((await fetch(`${at}/guess`, { method: 'POST', body: 'x'.repeat(5_000) })).status, 400);
});

test('agent: every record comes back masked, through the channel and the naive way', {
  skip,
  timeout,
}, async (context) => {
  const { url } = await startExample(context, 'agent', { ports: [7000, 7001] });
  const [channel, naive] = [7000, 7001].map((port) => Number(new URL(url(port)).port)) as [number, number];
  const [slow, fast] = [await maskNaively(naive, 100), await maskByChannel(channel, 300)];
  ok(fast.records > 20_000);
  context.diagnostic(
    `8 KiB a message: naive ${slow.mebibytesPerSecond.toFixed(1)} MiB/s, channel ${fast.mebibytesPerSecond.toFixed(1)} MiB/s`,
  );
});

test('kms: only the image that the key policy names has the secret, over TLS that ends inside', {
  skip,
  timeout,
}, async (context) => {
  // As on AWS: by its name, at its port. Only the parent leads it elsewhere.
  const kms = await startStandIn('kms.eu-central-1.amazonaws.com');
  context.after(() => kms.close());
  const { url, policy, cid, transport } = await startExample(context, 'kms', {
    ports: [3000],
    env: { KMS_HOST: 'kms.eu-central-1.amazonaws.com', KMS_PORT: '443', KMS_CA: kms.ca, KMS_KEY: kms.keyArn },
    config: { aws: kms.credentials },
  });
  // The parent's part of the one way out.
  const way = await openBridge(
    {
      name: 'egress-0',
      limits: DEFAULT_BRIDGE_LIMITS,
      peerCid: cid,
      listen: { kind: 'vsock', cid: transport.localCid, port: toVsockPort(hostPort(cid, 16)) },
      dial: { kind: 'tcp', host: '127.0.0.1', port: kms.port },
    },
    { transport, kernel: createLinuxKernel() },
  );
  context.after(() => way.drain(0));
  const secret = Buffer.from('a secret of nobody but the image');
  const request = { ciphertext: kms.encrypt(secret, encryptionContext), message: 'hello' };
  await rejects(askForMac(url(3000), request), /answered 500/);
  kms.allow({ ...policy, pcrs: { 0: ['ab'.repeat(48)] } });
  await rejects(askForMac(url(3000), request), /answered 500/);
  kms.allow(policy);
  equal(await askForMac(url(3000), request), createHmac('sha256', secret).update('hello').digest('hex'));
  const other = { ...request, ciphertext: kms.encrypt(secret, { purpose: 'another' }) };
  await rejects(askForMac(url(3000), other), /answered 500/);
  deepEqual(
    kms.log.map((line) => line.replace(/^(\S+ \w+).*/, '$1')),
    ['denied', 'denied', 'allowed', 'denied'].map((word) => `TrentService.Decrypt ${word}`),
  );
  match(kms.log[1]!, /PCR0 must be/);
});

test('for AWS the same service is a production image, and its key policy stands', {
  skip,
  timeout,
}, async (context) => {
  const place = mkdtempSync(join(tmpdir(), 'caisson-kms-'));
  context.after(() => rmSync(place, { recursive: true }));
  const file = join(import.meta.dirname, '../../examples/kms/aws.yaml');
  const region = 'eu-central-1';
  const [kernel, image, policy] = ['kernel', 'kms.eif', 'policy.json'].map((name) => join(place, name)) as [
    string,
    string,
    string,
  ];
  writeFileSync(kernel, 'no kernel: a simulation never looks at it\n');
  const keyArn = `arn:aws:kms:${region}:111122223333:key/1`;
  const env = { ...process.env, AWS_REGION: region, KMS_KEY: keyArn, XDG_CONFIG_HOME: place };
  const aws = { AWS_ACCESS_KEY_ID: 'AKIDEXAMPLEEXAMPLE', AWS_SECRET_ACCESS_KEY: 'k'.repeat(40) };
  await caisson(['compose', 'check', '-f', file], {
    ...env,
    ...aws,
    AWS_SESSION_TOKEN: '',
  });
  // Whoever builds the image needs no credentials.
  await caisson(['build', '--config', file, '-o', image, '--kernel', kernel], env);
  const seen = JSON.parse(await caisson(['image', 'inspect', image, '--json'], env));
  equal(seen.measured.profile, 'production');
  const [parent, keeper] = ['parent', 'keeper'].map((name) => `arn:aws:iam::111122223333:role/${name}`);
  writeFileSync(policy, await caisson(['kms', 'policy', '--eif', image, '--role', parent!, '--admin', keeper!], env));
  await caisson(['kms', 'lint', policy], env);
});

test('python: a service of the standard library proves itself in ten lines, and refuses a nonce of another form', {
  skip: skip || (!existsSync('/var/lib/dpkg/info') && 'no Debian packages here'),
  timeout,
}, async (context) => {
  const folder = mkdtempSync(join(tmpdir(), 'caisson-py-'));
  context.after(() => rmSync(folder, { recursive: true }));
  assembleRootfs(join(folder, 'rootfs'));
  const env = { PYTHON_SOURCE: join(folder, 'rootfs') };
  const { url, policy } = await startExample(context, 'python', { ports: [3000], env });
  equal((await askService(`${url(3000)}/`)).toString(), 'hello from Python, inside\n');
  const endpoint = `${url(3000)}/.well-known/attestation`;
  const { bound, claims } = await attest(endpoint, policy);
  deepEqual([bound, claims?.purpose, claims?.imageVersion], [false, 'caisson-web/1', 1]);
  const refused = await fetch(`${endpoint}?nonce=ab`);
  equal(refused.status, 400);
  match(await refused.text(), /nonce must be 16 to 64 bytes/);
});
