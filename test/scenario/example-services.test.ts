// examples/signing, whole: built from its own caisson.yaml, run in the simulator, asked by its own client. And what examples/agent promises of a record.
import { equal, rejects, throws } from 'node:assert/strict';
import { generateKeyPairSync, sign } from 'node:crypto';
import { once } from 'node:events';
import { globSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { readCompose } from '@caisson/host/compose';
import { createRecords, verifyMasked } from '../../examples/agent/records.ts';
import { maskRecords } from '../../examples/agent/src/mask.ts';
import { askService } from '../../examples/client/ask.ts';
import { askForSignature, learnKey } from '../../examples/signing/client.ts';
import { messageOf } from '../../examples/signing/src/protocol.ts';
import { bundledSkip as skip, startExample } from './example/scene.ts';

const timeout = 300_000;

test('signing: the key of the image signs, and a parent who signs with his own is found out', {
  skip,
  timeout,
}, async (context) => {
  const { url, policy } = await startExample(context, 'signing', { ports: [3000] });
  const at = url(3000);
  const key = await learnKey(at, policy);
  const message = Buffer.from('pay 5 to bob');
  equal((await askForSignature(at, key, message)).length, 64);
  await rejects(learnKey(at, { ...policy, pcrs: { 0: 'ab'.repeat(48) } }), { class: 'PCR' });

  // He relays the document, which is genuine, and signs himself, which does not help him.
  const own = generateKeyPairSync('ed25519').privateKey;
  const parent = createServer(async ({ url: path = '', method }, response) => {
    if (method === 'GET') return response.end(await askService(`${at}${path}`));
    response.end(sign(null, messageOf(message), own));
  }).listen(0, '127.0.0.1');
  await once(parent, 'listening');
  const between = `http://127.0.0.1:${(parent.address() as AddressInfo).port}`;
  const learned = await learnKey(between, policy);
  await rejects(askForSignature(between, learned, message), /signature must be of the attested key/);
  parent.closeAllConnections();
  parent.close();
});

test('agent: a record that is not masked, cut or changed elsewhere does not pass for a masked one', () => {
  const batch = createRecords(7, 8_192);
  const masked = maskRecords(batch.text);
  verifyMasked(batch, Buffer.from(masked, 'latin1'));
  throws(() => verifyMasked(batch, Buffer.from(batch.text, 'latin1')), /must not show/);
  throws(() => verifyMasked(batch, Buffer.from(masked.slice(1), 'latin1')), /must have \d+ bytes/);
  throws(() => verifyMasked(batch, Buffer.from(masked.replace('.00\n', '.01\n'), 'latin1')), /must keep/);
  equal(
    maskRecords('mail ada@example.org, card 4111 1111 1111 1111, order 4111111111111112, DE89370400440532013000.'),
    'mail a**@*******.org, card **** **** **** 1111, order 4111111111111112, DE****************3000.',
  );
});

test('the caisson.yaml of every example is read without a fault, and each has an operator of this machine', async () => {
  const files = globSync('examples/*/caisson.yaml', { cwd: join(import.meta.dirname, '../..') });
  equal(files.length, 6);
  for (const file of files) {
    const path = join(import.meta.dirname, '../..', file);
    const [spec] = [...(await readCompose(path, { variables: {} })).enclaves.values()];
    equal(spec?.operators?.local, 'dev', file);
    equal(spec?.profile, 'development', file);
  }
});
