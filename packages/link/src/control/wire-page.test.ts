// The examples of docs/wire/control.md, held against what is written and read.
import assert from 'node:assert/strict';
import { createPrivateKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { toHex } from '@caisson/core/bytes';
import { testSigner } from '@caisson/testkit/boot';
import { hashAct, signApproval, verifyApproval } from './approval.ts';
import { encodeBinding, verifyBinding } from './binding.ts';
import { createControlIdentity } from './identity.ts';
import { encodeControlMessage, parseControlMessage } from './messages.ts';
import { signOperatorList, verifyOperatorList } from './operator-list.ts';
import { CONTROL_REQUEST } from './request-type.ts';
import { encodeSessionInfo, parseSessionInfo } from './session-info.ts';
import { CONTROL_VERBS } from './verb.ts';

const page = readFileSync(new URL('../../../../docs/wire/control.md', import.meta.url), 'utf8');
const examples = new Map<string, Buffer>();
for (const [, title = '', body = ''] of page.matchAll(/^```hex (.+)\n([^`]+)^```/gm)) {
  examples.set(title, Buffer.from(body.replace(/\|.*$/gm, '').replace(/\s/g, ''), 'hex'));
}

function shows(title: string, bytes: Uint8Array): void {
  assert.equal(examples.get(title)?.toString('hex'), toHex(bytes), `docs/wire/control.md, ${title}`);
}

const nonce = new Uint8Array(32).fill(0x11);
const session = {
  exporterSha384: new Uint8Array(48).fill(0x22),
  serverKeySha256: new Uint8Array(32).fill(0x33),
  clientKeySha256: new Uint8Array(32).fill(0x44),
};
const facts = {
  bootId: new Uint8Array(16).fill(0x55),
  configVersion: 7,
  configSha384: new Uint8Array(48).fill(0x66),
  imageVersion: 3,
  profile: 'production' as const,
};

async function knownIdentity(index: 0 | 1) {
  const { pkcs8 } = await testSigner(index);
  return createControlIdentity(createPrivateKey({ key: Buffer.from(pkcs8), format: 'der', type: 'pkcs8' }));
}

test('control.md shows the messages before the channel as they are said', () => {
  const messages = {
    HELLO: { kind: 'hello', nonce },
    ATTEST: { kind: 'attest', document: Buffer.from('document') },
    READY: { kind: 'ready' },
    REFUSED: { kind: 'refused', reason: 'key' },
  } as const;
  for (const [title, message] of Object.entries(messages)) {
    shows(title, encodeControlMessage(message));
    const said = parseControlMessage(examples.get(title)!.subarray(4));
    assert.deepEqual(encodeControlMessage(said), encodeControlMessage(message));
  }
});

test('control.md shows user_data as a document of a session has it', () => {
  shows('user_data', encodeBinding(session, facts));
  assert.deepEqual(verifyBinding(examples.get('user_data')!, session), facts);
});

test('control.md shows an operator list and an approval under keys that everybody knows', async () => {
  const [root, alice] = [await knownIdentity(0), await knownIdentity(1)];
  const list = {
    version: 3,
    notBefore: 1_800_000_000,
    notAfter: 1_800_604_800,
    target: { kind: 'label', label: 'hello' } as const,
    operators: [
      { name: 'alice', spkiSha256: alice.spkiSha256, verbs: ['logs', 'exec'], execTemplates: [['/bin/ls', '-l']] },
    ],
  };
  const key = root.privateKey.toCryptoKey('Ed25519', false, ['sign']);
  shows('operator list', await signOperatorList(list, key, root.spki));
  assert.deepEqual(await verifyOperatorList(examples.get('operator list')!, root.spki), list);
  const approval = {
    bootId: facts.bootId,
    serverKeySha256: session.serverKeySha256,
    actId: new Uint8Array(16).fill(0x77),
    verb: 'exec' as const,
    actSha256: hashAct(64, Buffer.from('hello')),
    notAfter: 1_800_000_300,
  };
  const signed = await signApproval(approval, alice);
  shows('approval', signed.message);
  const held = await verifyApproval({ spki: alice.spki, message: examples.get('approval')! });
  assert.deepEqual(held, { ...approval, by: alice.spkiSha256 });
});

test('control.md shows what an enclave says of a session, and names every verb and type', () => {
  const info = { operator: 'alice', verbs: ['logs'], threshold: 1, listVersion: null, phase: 'ready' } as const;
  shows('session', encodeSessionInfo(info));
  assert.deepEqual(parseSessionInfo(examples.get('session')!), info);
  for (const verb of CONTROL_VERBS) assert.ok(page.includes(`\`${verb}\``), verb);
  for (const [name, type] of Object.entries(CONTROL_REQUEST)) assert.ok(page.includes(`| ${type} `), name);
});
