// Each fault by a policy that has it, and policies that have none.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { toUtf8 } from '@caisson/core/bytes';
import { CaissonError } from '@caisson/core/errors';
import { laneBoundMs } from '@caisson/testkit/contract';
import fc from 'fast-check';
import { type KeyPolicyRule, lintKeyPolicy, MAX_KEY_POLICY_BYTES } from './index.ts';

const role = 'arn:aws:iam::111122223333:role/parent';
const root = 'arn:aws:iam::111122223333:root';
const key = 'kms:RecipientAttestation:';
const [pcr, zeros] = ['a'.repeat(96), '0'.repeat(96)];
const pinned = { StringEqualsIgnoreCase: { [`${key}ImageSha384`]: pcr, [`${key}PCR1`]: pcr, [`${key}PCR2`]: pcr } };
const attested = ['kms:Decrypt', 'kms:GenerateDataKey*', 'kms:DeriveSharedSecret'];

const allow = (more: object = {}) => ({
  Effect: 'Allow',
  Principal: { AWS: role },
  Action: 'kms:Decrypt',
  Resource: '*',
  Condition: pinned,
  ...more,
});
const deny = (more: object = {}) => ({
  Effect: 'Deny',
  Principal: '*',
  Action: attested,
  Resource: '*',
  Condition: { StringNotEqualsIgnoreCase: { [`${key}ImageSha384`]: [pcr] } },
  ...more,
});

const findings = (...statements: object[]): string[] =>
  lintKeyPolicy(toUtf8(JSON.stringify({ Version: '2012-10-17', Statement: statements }))).map(
    ({ level, rule, path }) => `${level} ${rule} ${path}`,
  );

function finds(rule: KeyPolicyRule, level: 'fault' | 'warning', ...statements: object[]): void {
  const seen = findings(...statements);
  assert.ok(seen.includes(`${level} ${rule} Statement[0]`), `${rule}: ${JSON.stringify(seen)}`);
}

test('a pinned Allow with a Deny behind it has no finding, without the Deny a warning', () => {
  assert.deepEqual(findings(allow(), deny()), []);
  assert.deepEqual(findings(allow()), ['warning no-deny policy']);
  assert.deepEqual(findings(allow(), deny({ Condition: { ...deny().Condition, Bool: { a: 'true' } } })), [
    'warning no-deny policy',
  ]);
  assert.deepEqual(findings(allow(), deny({ Principal: { AWS: role } })), ['warning no-deny policy']);
});

test('finds delegation to the account’s IAM, however the account and the action are written', () => {
  for (const principal of [{ AWS: root }, { AWS: '111122223333' }, { AWS: [role, root] }, { AWS: '*' }, '*']) {
    for (const Action of ['kms:*', '*', 'KMS:decrypt', ['kms:DescribeKey', 'kms:D?crypt'], 'kms:*rypt*']) {
      finds('root-delegation', 'fault', allow({ Principal: principal, Action, Condition: undefined }));
    }
  }
  // The policy that KMS gives a key by default.
  const standard = allow({ Principal: { AWS: root }, Action: 'kms:*', Condition: undefined });
  assert.deepEqual(findings(standard), [
    'fault root-delegation Statement[0]',
    'fault bypass Statement[0]',
    'fault forging Statement[0]',
    'warning root-administration Statement[0]',
    'warning no-deny policy',
  ]);
  finds('root-delegation', 'fault', { ...standard, Action: undefined, NotAction: 'kms:ScheduleKeyDeletion' });
  finds('root-delegation', 'fault', { ...standard, Principal: undefined, NotPrincipal: { AWS: role } });
});

test('finds plaintext without an image, unless a Deny asks everyone for it', () => {
  for (const Action of ['kms:Decrypt', 'kms:GenerateDataKey', 'kms:GenerateDataKeyPair', 'kms:DeriveSharedSecret']) {
    finds('unattested', 'fault', allow({ Action, Condition: undefined }));
    finds('unattested', 'fault', allow({ Action, Condition: { StringEquals: { 'kms:ViaService': 'x' } } }));
    assert.deepEqual(findings(allow({ Action, Condition: undefined }), deny()), []);
  }
});

test('finds PCR8 alone, and registers that say nothing of the image', () => {
  const only = (...pcrs: number[]) =>
    allow({
      Condition: { StringEqualsIgnoreCase: Object.fromEntries(pcrs.map((index) => [`${key}PCR${index}`, pcr])) },
    });
  finds('signer-only', 'fault', only(8));
  finds('signer-only', 'fault', only(3, 8));
  finds('image-unpinned', 'fault', only(3));
  finds('image-unpinned', 'fault', only(1, 2, 4));
  finds('borders-unpinned', 'warning', only(0));
  finds('borders-unpinned', 'warning', only(0, 8));
  assert.deepEqual(findings(only(0, 1, 2), deny()), []);
});

test('finds Encrypt and its like for the role that decrypts, but not for another', () => {
  for (const Action of ['kms:Encrypt', 'kms:ReEncrypt*', 'kms:GenerateDataKeyWithoutPlaintext']) {
    finds('forging', 'fault', allow({ Action, Condition: undefined }), allow());
    finds('forging', 'fault', allow({ Action: ['kms:Decrypt', Action] }));
  }
  const owner = { AWS: 'arn:aws:iam::111122223333:role/owner' };
  assert.deepEqual(
    findings(allow({ Principal: owner, Action: 'kms:Encrypt', Condition: undefined }), allow(), deny()),
    [],
  );
  const denied = { Effect: 'Deny', Principal: '*', Action: 'kms:Encrypt', Resource: '*' };
  const byName = { ...denied, Condition: { ArnEquals: { 'aws:PrincipalArn': role } } };
  for (const Deny of [denied, byName, { ...denied, Principal: { AWS: role } }]) {
    assert.deepEqual(findings(allow({ Action: 'kms:Encrypt', Condition: undefined }), allow(), deny(), Deny), []);
  }
  const other = { ...denied, Condition: { ArnEquals: { 'aws:PrincipalArn': `${role}-other` } } };
  finds('forging', 'fault', allow({ Action: 'kms:Encrypt', Condition: undefined }), allow(), deny(), other);
});

test('finds grants and re-encryption, conditions on the document notwithstanding', () => {
  for (const Action of ['kms:CreateGrant', 'kms:ReEncryptFrom', 'kms:ReEncrypt*']) {
    finds('bypass', 'fault', allow({ Action }));
  }
  const noGrants = { Effect: 'Deny', Principal: '*', Action: 'kms:CreateGrant', Resource: '*' };
  assert.deepEqual(findings(allow({ Action: 'kms:CreateGrant' }), noGrants), []);
});

test('finds a role that may rewrite the policy it is under', () => {
  finds('self-administration', 'fault', allow({ Action: ['kms:PutKeyPolicy', 'kms:Decrypt'] }));
  const admin = allow({ Principal: { AWS: `${role}-admin` }, Action: 'kms:PutKeyPolicy', Condition: undefined });
  assert.deepEqual(findings(admin, allow(), deny()), []);
  finds('root-administration', 'warning', { ...admin, Principal: { AWS: root } });
});

test('finds zeros of every length, in an Allow and in a Deny', () => {
  for (const value of [zeros, '0', `0x${zeros}`, [pcr, zeros]]) {
    finds('zero-pcr', 'fault', allow({ Condition: { StringEqualsIgnoreCase: { [`${key}ImageSha384`]: value } } }));
    finds('zero-pcr', 'fault', deny({ Condition: { StringNotEqualsIgnoreCase: { [`${key}PCR0`]: value } } }));
    // And such a Deny holds nothing.
    const hollow = deny({ Condition: { StringNotEqualsIgnoreCase: { [`${key}PCR0`]: value } } });
    assert.ok(findings(allow(), hollow).includes('warning no-deny policy'));
  }
});

test('finds values, keys and letters that can never match', () => {
  const equals = (name: string, value: string, operator = 'StringEqualsIgnoreCase') =>
    allow({ Condition: { [operator]: { [`${key}${name}`]: value } } });
  for (const value of ['', 'abc', pcr.slice(1), `${pcr}0`, `0x${pcr}`, '*', `${pcr.slice(1)}*`]) {
    finds('pcr-form', 'fault', equals('ImageSha384', value));
    finds('unattested', 'fault', equals('ImageSha384', value));
  }
  for (const name of ['ImageSha256', 'PCR32', 'PCR01', 'Pcr', 'ImageSha384 '])
    finds('unknown-key', 'fault', equals(name, pcr));
  assert.ok(!findings(equals('imagesha384', pcr)).some((text) => text.includes('unknown-key')));
  finds('letter-case', 'warning', equals('PCR0', pcr.toUpperCase(), 'StringEquals'));
  finds('resource', 'fault', allow({ Resource: 'arn:aws:kms:eu-west-1:111122223333:key/1' }));
});

test('finds operators that hold for no document or for all', () => {
  const operators = [
    'StringEqualsIfExists',
    'StringEqualsIgnoreCaseIfExists',
    'StringLike',
    'ForAllValues:StringEquals',
    'StringNotEquals',
    'ArnEquals',
  ];
  for (const operator of operators) {
    const weak = allow({ Condition: { [operator]: { [`${key}ImageSha384`]: pcr } } });
    finds('weak-operator', 'fault', weak);
    finds('unattested', 'fault', weak);
  }
  const present = allow({ Condition: { Null: { [`${key}ImageSha384`]: 'false' } } });
  finds('weak-operator', 'fault', present);
  finds('unattested', 'fault', present);
  for (const operator of ['StringEquals', 'StringNotLike', 'ForAnyValue:StringNotEquals']) {
    const hollow = deny({ Condition: { [operator]: { [`${key}ImageSha384`]: pcr } } });
    finds('weak-operator', 'fault', hollow);
    assert.ok(findings(allow(), hollow).includes('warning no-deny policy'), operator);
  }
  for (const operator of ['StringNotEquals', 'StringNotEqualsIfExists', 'ForAllValues:StringNotEquals']) {
    const sound = deny({ Condition: { [operator]: { [`${key}ImageSha384`]: pcr } } });
    assert.deepEqual(findings(allow(), sound), [], operator);
  }
  const absent = deny({ Condition: { Null: { [`${key}ImageSha384`]: 'true' } } });
  assert.deepEqual(findings(allow(), absent, deny()), []);
});

test('finds a Deny that holds only when every register differs', () => {
  const joined = { StringNotEqualsIgnoreCase: { [`${key}ImageSha384`]: pcr, [`${key}PCR8`]: pcr } };
  finds('joined-deny', 'fault', deny({ Condition: joined }));
  assert.ok(findings(allow(), deny({ Condition: joined })).includes('warning no-deny policy'));
});

test('a finding names its statement, and text that is no policy is refused with its place', () => {
  const [found] = lintKeyPolicy(toUtf8(JSON.stringify({ Statement: allow({ Sid: 'Use', Condition: undefined }) })));
  assert.deepEqual([found?.path, found?.sid, found?.rule], ['Statement[0]', 'Use', 'unattested']);
  assert.match(found?.message ?? '', /gives kms:Decrypt to arn:aws:iam::111122223333:role\/parent without an image/);
  const wrong: Readonly<Record<string, RegExp>> = {
    '[]': /key policy policy must be an object, got an array of 0/,
    '{}': /Statement\[0\] must be an object, got nothing/,
    '{"Statement":[]}': /Statement must be at least one statement/,
    '{"Statement":[{"Effect":"allow"}]}': /Statement\[0\]\.Effect must be Allow or Deny, got "allow"/,
    '{"Statement":[{"Effect":"Allow","Principal":"*","NotPrincipal":"*"}]}': /either Principal or NotPrincipal/,
    '{"Statement":[{"Effect":"Allow","Principal":"*"}]}': /either Action or NotAction/,
    '{"Statement":[{"Effect":"Allow","Principal":"x","Action":"a","Resource":"*"}]}':
      /Principal must be "\*" or an object/,
    '{"Statement":[{"Effect":"Allow","Principal":"*","Action":[],"Resource":"*"}]}': /Action must be text/,
    '{"Statement":[{"Effect":"Allow","Principal":"*","Action":"a"}]}': /Resource must be text/,
    '{"Statement":[{"Effect":"Allow","Principal":"*","Action":"a","Resource":"*","Condition":1}]}':
      /Condition must be an/,
    '{"Statement":[{"Effect":"Allow","Principal":"*","Action":"a","Resource":"*","Condition":{"X":{"k":1}}}]}':
      /Condition\.X\.k must be text or an array of text, got 1/,
  };
  for (const [text, pattern] of Object.entries(wrong)) {
    assert.throws(() => lintKeyPolicy(toUtf8(text)), { name: 'ParseError', code: 'KMS_POLICY_FORM', message: pattern });
  }
  assert.throws(() => lintKeyPolicy(new Uint8Array(MAX_KEY_POLICY_BYTES + 1)), { name: 'LimitError' });
  assert.throws(() => lintKeyPolicy(toUtf8('{"Statement":1,"Statement":1}')), { code: 'CONFIG_DUPLICATE_KEY' });
});

test('patterns of many stars are matched at once', () => {
  const Action = `kms:${'*a'.repeat(2000)}`;
  const before = performance.now();
  assert.deepEqual(findings(allow({ Action })), []);
  assert.ok(performance.now() - before < laneBoundMs(1000));
});

test('any JSON is refused or judged', () => {
  fc.assert(
    fc.property(fc.json({ maxDepth: 5 }), fc.json({ maxDepth: 2 }), (first, second) => {
      const texts = [first, `{"Statement":[${first}]}`, JSON.stringify({ Statement: [allow(), JSON.parse(second)] })];
      for (const text of [...texts, `{"Statement":[{"Effect":"Deny","Principal":${second},"Action":${first}}]}`]) {
        try {
          lintKeyPolicy(toUtf8(text));
        } catch (error) {
          assert.ok(error instanceof CaissonError, String(error));
        }
      }
    }),
    { seed: 1, numRuns: 1000 },
  );
});
