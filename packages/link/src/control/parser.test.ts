// The parsers of the control channel against what an adversary writes: each takes exactly what its writer makes, and every other byte is an error of its
// own kind, never another's and never a crash.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CaissonError } from '@caisson/core/errors';
import { laneFigure } from '@caisson/testkit/contract';
import fc from 'fast-check';
import { signApproval, verifyApproval } from './approval.ts';
import { encodeBinding, verifyBinding } from './binding.ts';
import { createControlIdentity } from './identity.ts';
import { encodeControlMessage, parseControlMessage } from './messages.ts';
import { parseOperatorList, signOperatorList, verifyOperatorList } from './operator-list.ts';
import { encodeSessionInfo, parseSessionInfo } from './session-info.ts';
import { CONTROL_VERBS } from './verb.ts';

const runs = laneFigure('control-bytes');
const bytesOf = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
const hash = bytesOf(32);

/** Bytes near `valid`: some of it changed, cut, or put twice; or none of it. */
function near(valid: Uint8Array): fc.Arbitrary<Uint8Array> {
  const at = fc.nat(valid.length - 1);
  return fc.oneof(
    fc.uint8Array({ maxLength: 400 }),
    fc.tuple(at, fc.integer({ min: 1, max: 255 })).map(([index, by]) => {
      const bent = Uint8Array.from(valid);
      bent[index] = bent[index]! ^ by;
      return bent;
    }),
    at.map((length) => valid.slice(0, length)),
    at.map((index) => Uint8Array.from([...valid.subarray(0, index), ...valid])),
  );
}

/** What `parse` says of bytes near a valid one is a CaissonError or a value, and never takes long. */
async function mustStandAll(valid: Uint8Array, parse: (bytes: Uint8Array) => unknown): Promise<number> {
  let refused = 0;
  await fc.assert(
    fc.asyncProperty(near(valid), async (bytes) => {
      try {
        await parse(bytes);
      } catch (error) {
        assert.ok(error instanceof CaissonError, String(error));
        refused += 1;
      }
    }),
    { numRuns: runs, seed: 3 },
  );
  return refused;
}

test('messages before the channel are read as they are written, and nothing else is', async () => {
  for (const message of [
    { kind: 'hello', nonce: new Uint8Array(32).fill(1) },
    { kind: 'attest', document: new Uint8Array(3_000).fill(2) },
    { kind: 'ready' },
    { kind: 'refused', reason: 'busy' },
  ] as const) {
    const bytes = encodeControlMessage(message).subarray(4);
    assert.deepEqual(parseControlMessage(bytes), message);
    assert.ok((await mustStandAll(bytes, parseControlMessage)) > runs / 4);
  }
});

test('a binding is read as it is written for the same session, and for no other', () => {
  const session = fc.record({ exporterSha384: bytesOf(48), serverKeySha256: hash, clientKeySha256: hash });
  const facts = fc.record({
    bootId: bytesOf(16),
    configVersion: fc.oneof(fc.constant(null), fc.nat()),
    configSha384: bytesOf(48),
    imageVersion: fc.oneof(fc.nat(), fc.stringMatching(/^[0-9A-Za-z][0-9A-Za-z._+-]{0,63}$/)),
    profile: fc.constantFrom('development' as const, 'production' as const),
  });
  fc.assert(
    fc.property(session, facts, session, (own, about, other) => {
      const userData = encodeBinding(own, about);
      assert.ok(userData.length <= 512, 'as much as an NSM takes from our own protocols');
      assert.deepEqual(verifyBinding(userData, own), { ...about });
      for (const key of ['exporterSha384', 'serverKeySha256', 'clientKeySha256'] as const) {
        if (Buffer.from(own[key]).equals(other[key])) continue;
        assert.throws(() => verifyBinding(userData, { ...own, [key]: other[key] }), { code: 'CONTROL_BINDING' });
      }
    }),
    { numRuns: runs, seed: 5 },
  );
});

test('an operator list and an approval hold under their own key only, bent or not', async () => {
  const [root, other] = [await createControlIdentity(), await createControlIdentity()];
  const key = root.privateKey.toCryptoKey('Ed25519', false, ['sign']);
  const list = {
    version: 3,
    notBefore: 1_000,
    notAfter: 2_000,
    target: { kind: 'label', label: 'web' } as const,
    operators: [{ name: 'alice', spkiSha256: 'ab'.repeat(32), verbs: ['exec'], execTemplates: [['/bin/ls', '-l']] }],
  };
  const signed = await signOperatorList(list, key, root.spki);
  assert.deepEqual(await verifyOperatorList(signed, root.spki), list);
  await assert.rejects(verifyOperatorList(signed, other.spki), { code: 'CONTROL_LIST_SIGNATURE' });
  assert.ok((await mustStandAll(signed, (bytes) => parseOperatorList(bytes))) > 0);
  await fc.assert(
    fc.asyncProperty(near(signed), async (bytes) => {
      const held = await verifyOperatorList(bytes, root.spki).catch(() => undefined);
      assert.ok(held === undefined || Buffer.from(bytes).equals(signed), 'nothing bent holds');
    }),
    { numRuns: runs, seed: 9 },
  );
  const approval = {
    bootId: new Uint8Array(16),
    serverKeySha256: new Uint8Array(32),
    actId: new Uint8Array(16).fill(1),
    verb: 'exec' as const,
    actSha256: new Uint8Array(32).fill(2),
    notAfter: 5_000,
  };
  const { spki, message } = await signApproval(approval, root);
  assert.deepEqual(await verifyApproval({ spki, message }), { ...approval, by: root.spkiSha256 });
  await assert.rejects(verifyApproval({ spki: other.spki, message }), { code: 'CONTROL_APPROVAL' });
  await mustStandAll(message, (bytes) => verifyApproval({ spki, message: bytes }));
});

test('a list that no enclave would take is not signed', async () => {
  const root = await createControlIdentity();
  const key = root.privateKey.toCryptoKey('Ed25519', false, ['sign']);
  const alice = { name: 'alice', spkiSha256: 'ab'.repeat(32), verbs: ['exec'], execTemplates: [] };
  const good = {
    version: 1,
    notBefore: 0,
    notAfter: 604_800,
    target: { kind: 'label', label: 'x' } as const,
    operators: [alice],
  };
  await signOperatorList(good, key, root.spki);
  const many = Array.from({ length: 65 }, (_, index) => ({
    ...alice,
    name: `a${index}`,
    spkiSha256: index.toString(16).padStart(64, '0'),
  }));
  for (const change of [
    { notAfter: 604_801 },
    { notAfter: 0 },
    { version: -1 },
    { operators: [] },
    { operators: many },
    { operators: [alice, { ...alice, name: 'bob' }] },
    { operators: [{ ...alice, verbs: ['No Verb'] }] },
    { operators: [{ ...alice, execTemplates: [[]] }] },
    { target: { kind: 'label', label: '' } as const },
    { target: { kind: 'pcr0', values: [new Uint8Array(48)] } as const },
    { target: { kind: 'pcr0', values: [] } as const },
  ]) {
    await assert.rejects(signOperatorList({ ...good, ...change }, key, root.spki), { code: 'CONTROL_LIST_FORM' });
  }
});

test('what an enclave says of a session is read as it is written', async () => {
  const info = { operator: 'alice', verbs: [...CONTROL_VERBS], threshold: 2, listVersion: 7, phase: 'ready' } as const;
  assert.deepEqual(parseSessionInfo(encodeSessionInfo(info)), info);
  await mustStandAll(encodeSessionInfo(info), parseSessionInfo);
});
