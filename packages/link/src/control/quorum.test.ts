// Approvals: what counts towards an act, and what never does.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { MeasuredOperator } from '@caisson/core/measured';
import { type Approval, hashAct, MAX_APPROVAL_SECONDS, signApproval } from './approval.ts';
import { createControlAuthority } from './authority.ts';
import { createControlIdentity } from './identity.ts';
import { Quorum } from './quorum.ts';

async function council() {
  let at = 10_000;
  const [alice, bob, carol, stranger] = await Promise.all([0, 1, 2, 3].map(() => createControlIdentity()));
  const entry = (name: string, { spkiSha256 }: { spkiSha256: string }, verbs: string[]): MeasuredOperator => {
    return { name, spkiSha256, verbs, execTemplates: [] };
  };
  const operators = [entry('alice', alice!, ['all']), entry('bob', bob!, ['stop']), entry('carol', carol!, ['logs'])];
  const authority = createControlAuthority({
    measured: { v: 1, rootKey: null, threshold: 2, operators },
    pcr0: new Uint8Array(48),
    label: null,
    now: () => at,
  });
  const [bootId, serverKeySha256] = [new Uint8Array(16).fill(1), new Uint8Array(32).fill(2)];
  const quorum = new Quorum({ authority, bootId, serverKeySha256, now: () => at });
  const act: Approval = {
    bootId,
    serverKeySha256,
    actId: new Uint8Array(16).fill(3),
    verb: 'stop',
    notAfter: at + 300,
    actSha256: hashAct(36, Buffer.from('stop')),
  };
  const pass = (seconds: number): void => {
    at += seconds;
  };
  return { alice: alice!, bob: bob!, carol: carol!, stranger: stranger!, quorum, act, pass };
}

test('an act that two have approved is done once, and what was recorded of it is worth nothing', async () => {
  const { alice, bob, quorum, act } = await council();
  const [one, two] = [await signApproval(act, alice), await signApproval(act, bob)];
  await quorum.take(one);
  await quorum.take(one);
  assert.throws(() => quorum.spend('stop', act.actSha256), { code: 'CONTROL_APPROVAL', message: /got 1/ });
  await quorum.take(two);
  assert.throws(() => quorum.spend('exec', act.actSha256), { code: 'CONTROL_APPROVAL', message: /got 0/ });
  quorum.spend('stop', act.actSha256);
  assert.throws(() => quorum.spend('stop', act.actSha256), { code: 'CONTROL_APPROVAL' });
  await assert.rejects(quorum.take(one), { code: 'CONTROL_APPROVAL', message: /has been done/ });
});

test('an approval of another boot, enclave, time, verb or person does not count', async () => {
  const { alice, bob, carol, stranger, quorum, act, pass } = await council();
  const refused = async (change: Partial<Approval>, message: RegExp, who = alice) => {
    const signed = await signApproval({ ...act, ...change }, who);
    await assert.rejects(quorum.take(signed), { message });
  };
  await refused({ bootId: new Uint8Array(16) }, /another boot/);
  await refused({ serverKeySha256: new Uint8Array(32) }, /another enclave/);
  await refused({ notAfter: 10_000 }, /must hold now/);
  await refused({ notAfter: 10_001 + MAX_APPROVAL_SECONDS }, /must hold now/);
  await refused({}, /carol must have the verb stop/, carol);
  await refused({}, /must have the verb stop/, stranger);
  await quorum.take(await signApproval(act, alice));
  await refused({ actSha256: new Uint8Array(32) }, /same act/, bob);
  await refused({ notAfter: act.notAfter + 1 }, /same act/, bob);
  await quorum.take(await signApproval(act, bob));
  pass(300);
  assert.throws(() => quorum.spend('stop', act.actSha256), { code: 'CONTROL_APPROVAL', message: /got 0/ });
});

test('as many acts as are allowed wait, and no more', async () => {
  const { alice, quorum, act } = await council();
  for (let index = 0; index < 1_024; index += 1) {
    const actId = new Uint8Array(16);
    new DataView(actId.buffer).setUint32(0, index);
    await quorum.take(await signApproval({ ...act, actId }, alice));
  }
  const actId = new Uint8Array(16).fill(255);
  await assert.rejects(quorum.take(await signApproval({ ...act, actId }, alice)), { code: 'CONTROL_BUSY' });
});
