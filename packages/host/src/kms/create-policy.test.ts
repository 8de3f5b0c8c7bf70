// What stands in a key policy that we write, and that an evaluator of IAM's rules lets nobody past it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseHex, toUtf8 } from '@caisson/core/bytes';
import { createKeyPolicy, type KeyPolicyOptions, lintKeyPolicy } from './index.ts';

const role = 'arn:aws:iam::111122223333:role/parent';
const image = (digit: string) => ({
  pcr0: parseHex(digit.repeat(96)),
  pcr1: parseHex(`1${digit}`.repeat(48)),
  pcr2: parseHex(`2${digit}`.repeat(48)),
});
const options: KeyPolicyOptions = { images: [image('a')], role };

interface Request {
  readonly principal: string;
  readonly action: string;
  /** By condition key; absent: no document. */
  readonly document?: Readonly<Record<string, string>>;
}

const document = (digit: string): Record<string, string> => ({
  'kms:RecipientAttestation:ImageSha384': digit.repeat(96),
  'kms:RecipientAttestation:PCR1': `1${digit}`.repeat(48),
  'kms:RecipientAttestation:PCR2': `2${digit}`.repeat(48),
});

// IAM's evaluation, as far as these policies use it: a Deny that holds wins, then an Allow that holds; extra Allows stand for
// grants and policies elsewhere.
function isAllowed(policy: ReturnType<typeof createKeyPolicy>, request: Request, elsewhere = false): boolean {
  const holding = policy.Statement.filter((statement) => holds(statement, request));
  if (holding.some(({ Effect }) => Effect === 'Deny')) return false;
  return elsewhere || holding.some(({ Effect }) => Effect === 'Allow');
}

function holds(
  statement: Readonly<Record<string, unknown>>,
  { principal, action, document: values }: Request,
): boolean {
  const {
    Principal,
    Action,
    NotAction,
    Condition = {},
  } = statement as {
    Principal: '*' | { AWS: string };
    Action?: string[];
    NotAction?: string[];
    Condition?: Record<string, Record<string, string | string[]>>;
  };
  if (Principal !== '*' && Principal.AWS !== principal) return false;
  if (Action !== undefined && !Action.includes(action)) return false;
  if (NotAction?.includes(action)) return false;
  const context: Record<string, string> = { ...values, 'aws:PrincipalArn': principal };
  return Object.entries(Condition).every(([operator, keys]) =>
    Object.entries(keys).every(([key, wanted]) => {
      const isOneOf = [wanted].flat().some((value) => value.toLowerCase() === context[key]?.toLowerCase());
      return operator.includes('Not') ? !isOneOf : isOneOf;
    }),
  );
}

test('the role gets plaintext with a document of the image, and nobody without', () => {
  const policy = createKeyPolicy(options);
  for (const action of ['kms:Decrypt', 'kms:GenerateDataKey', 'kms:GenerateDataKeyPair', 'kms:DeriveSharedSecret']) {
    assert.ok(isAllowed(policy, { principal: role, action, document: document('a') }));
    for (const wrong of [undefined, {}, document('b'), document('0')]) {
      const request = { principal: role, action, ...(wrong && { document: wrong }) };
      assert.ok(!isAllowed(policy, request), JSON.stringify(wrong));
      assert.ok(!isAllowed(policy, request, true), 'even where a grant or an IAM policy allows it');
    }
  }
});

test('a document that differs in one register alone is denied', () => {
  const policy = createKeyPolicy({ ...options, pcrs: { 8: '8'.repeat(96), 16: 'F'.repeat(96) } });
  const whole = {
    ...document('a'),
    'kms:RecipientAttestation:PCR8': '8'.repeat(96),
    'kms:RecipientAttestation:PCR16': 'f'.repeat(96),
  };
  assert.ok(isAllowed(policy, { principal: role, action: 'kms:Decrypt', document: whole }));
  for (const key of Object.keys(whole)) {
    const bent = { ...whole, [key]: 'c'.repeat(96) };
    const { [key]: _, ...lacking } = whole as Record<string, string>;
    for (const document of [bent, lacking]) {
      assert.ok(!isAllowed(policy, { principal: role, action: 'kms:Decrypt', document }, true), key);
    }
  }
});

test('no way around: re-encryption and grants for nobody, no writing and no administration for the role', () => {
  const policy = createKeyPolicy(options);
  const root = 'arn:aws:iam::111122223333:root';
  for (const action of ['kms:ReEncryptFrom', 'kms:CreateGrant']) {
    for (const principal of [role, root, 'arn:aws:iam::111122223333:user/other']) {
      assert.ok(!isAllowed(policy, { principal, action, document: document('a') }, true));
    }
  }
  for (const action of ['kms:Encrypt', 'kms:PutKeyPolicy', 'kms:ScheduleKeyDeletion', 'kms:GenerateMac']) {
    assert.ok(!isAllowed(policy, { principal: role, action, document: document('a') }, true));
  }
  assert.ok(isAllowed(policy, { principal: root, action: 'kms:PutKeyPolicy' }), 'a key that nobody can manage is lost');
  assert.ok(!isAllowed(policy, { principal: root, action: 'kms:Decrypt', document: document('a') }));
});

test('several images overlap during a roll-out, and a named administrator takes the place of the account’s IAM', () => {
  const admin = 'arn:aws:iam::111122223333:role/ops/keeper';
  const policy = createKeyPolicy({ ...options, images: [image('a'), image('b'), image('a')], admin });
  for (const digit of ['a', 'b']) {
    assert.ok(isAllowed(policy, { principal: role, action: 'kms:Decrypt', document: document(digit) }));
  }
  assert.ok(!isAllowed(policy, { principal: role, action: 'kms:Decrypt', document: document('c') }, true));
  assert.ok(isAllowed(policy, { principal: admin, action: 'kms:PutKeyPolicy' }));
  assert.ok(!isAllowed(policy, { principal: 'arn:aws:iam::111122223333:root', action: 'kms:PutKeyPolicy' }));
});

test('what we write has no fault of those that we find, and with a named administrator no warning', () => {
  const lint = (more: Partial<KeyPolicyOptions>) =>
    lintKeyPolicy(toUtf8(JSON.stringify(createKeyPolicy({ ...options, ...more }))));
  assert.deepEqual(lint({ admin: 'arn:aws:iam::111122223333:user/keeper' }), []);
  assert.deepEqual(
    lint({}).map(({ level, rule }) => `${level} ${rule}`),
    ['warning root-administration'],
  );
});

test('zeros never stand in a policy, whatever measured them', () => {
  const zero = new Uint8Array(48);
  for (const name of ['pcr0', 'pcr1', 'pcr2'] as const) {
    assert.throws(() => createKeyPolicy({ ...options, images: [{ ...image('a'), [name]: zero }] }), {
      name: 'PolicyError',
      code: 'KMS_POLICY_ZERO',
    });
  }
  assert.throws(() => createKeyPolicy({ ...options, pcrs: { 3: '0'.repeat(96) } }), { code: 'KMS_POLICY_ZERO' });
});

test('roles, administrators and registers of another form are refused with their place', () => {
  const arns = [
    'parent',
    'arn:aws:iam::1:role/x',
    'arn:aws:iam::111122223333:root',
    'arn:aws:iam::111122223333:role/*',
  ];
  for (const wrong of [...arns, 'arn:aws:iam::111122223333:user/x', 'arn:aws:sts::111122223333:assumed-role/a/b']) {
    assert.throws(() => createKeyPolicy({ ...options, role: wrong }), {
      code: 'KMS_POLICY_ARN',
      message: /^role must/,
    });
  }
  assert.throws(() => createKeyPolicy({ ...options, admin: arns[2]! }), { message: /^admin must read .*role\|user/ });
  assert.throws(() => createKeyPolicy({ ...options, admin: role }), { code: 'KMS_POLICY_ARN', message: /rewrite/ });
  for (const pcrs of [{ 0: 'a'.repeat(96) }, { 2: 'a'.repeat(96) }, { 32: 'a'.repeat(96) }, { 3: 'a' }, { 3: '' }]) {
    assert.throws(() => createKeyPolicy({ ...options, pcrs }), { code: /^KMS_POLICY_(PCR|ZERO)$/ });
  }
  assert.throws(() => createKeyPolicy({ ...options, images: [] }), TypeError);
});
