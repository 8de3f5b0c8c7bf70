// Policies: what is refused when they are loaded, with the place of every fault, and the one description of their form.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { toPem } from '@caisson/core/x509';
import { awsRoot } from '@caisson/verify';
import fc from 'fast-check';
import { checkPolicy, POLICY_SCHEMA, PolicyFaultError, parsePolicy } from './index.ts';

const good = 'ab'.repeat(48);
const pem = toPem('CERTIFICATE', awsRoot());

function faultsOf(value: unknown): readonly string[] {
  try {
    checkPolicy(value);
    return [];
  } catch (error) {
    assert.ok(error instanceof PolicyFaultError, String(error));
    assert.equal(error.code, 'POLICY_FAULTS');
    return error.faults.map(({ message }) => message);
  }
}

test('fills in the defaults and writes every value one way', () => {
  const policy = checkPolicy({ pcrs: { 0: good.toUpperCase(), 4: [good, 'CD'.repeat(48)] } });
  assert.deepEqual(policy, {
    backend: 'nitro',
    pcrs: { 0: [good], 4: [good, 'cd'.repeat(48)] },
    maxAgeSeconds: 300,
    allowDevelopment: false,
  });
  assert.deepEqual(checkPolicy(policy), policy, 'a checked policy is a policy');
});

test('says of each fault where it is and what would be right', () => {
  assert.deepEqual(faultsOf({ pcrs: { 0: 'abc', 4: 7, 40: good }, maxAgeSeconds: 0, backend: 'qmeu', more: 1 }), [
    'pcrs.0 must be 48 bytes in hex (96 digits), got "abc"',
    'pcrs.4 must be 96 hex digits, or a list of 1 to 16 such values of which one must hold, got 7',
    'pcrs.40 is no field of a policy here',
    'maxAgeSeconds must be an integer in 1..10800, got 0',
    'backend must be nitro, sim or qemu, got "qmeu"',
    'more is no field of a policy here',
  ]);
  assert.deepEqual(faultsOf({ pcrs: { 0: [good, 'x'] } }), ['pcrs.0.1 must be 48 bytes in hex (96 digits), got "x"']);
  assert.deepEqual(faultsOf({ pcrs: { 0: null, 1: { a: 1 } }, allowDevelopment: [], config: null }), [
    'pcrs.0 must be 96 hex digits, or a list of 1 to 16 such values of which one must hold, got nothing',
    'pcrs.1 must be 96 hex digits, or a list of 1 to 16 such values of which one must hold, got a map',
    'allowDevelopment must be true or false, got a list of 0',
    'config must be a map, got nothing',
  ]);
  assert.match(faultsOf({ pcrs: { 0: 'x'.repeat(41) } })[0]!, /got 41 characters$/);
  assert.match(faultsOf({ pcrs: { 0: 'x'.repeat(40) } })[0]!, /got "x{40}"$/);
  assert.deepEqual(faultsOf({}), ['pcrs must be there, got nothing']);
  for (const value of [null, undefined, 7, 'text', [], true])
    assert.match(faultsOf(value)[0]!, /^policy must be a map/);
});

test('bounds of a policy are inclusive', () => {
  const least = { pcrs: { 0: [good] }, image: { minimumVersion: 1 }, maxAgeSeconds: 1 };
  assert.deepEqual(faultsOf(least), []);
  const most = { pcrs: { 0: new Array(16).fill(good) }, image: { minimumVersion: 2 ** 53 - 1 }, maxAgeSeconds: 10_800 };
  assert.deepEqual(faultsOf(most), []);
  assert.deepEqual(faultsOf({ ...most, maxAgeSeconds: 10_801 }), [
    'maxAgeSeconds must be an integer in 1..10800, got 10801',
  ]);
  for (const count of [0, 17]) {
    assert.deepEqual(faultsOf({ pcrs: { 0: new Array(count).fill(good) } }), [
      `pcrs.0 must be 96 hex digits, or a list of 1 to 16 such values of which one must hold, got a list of ${count}`,
    ]);
  }
  // At 4,096 characters it is read, and then it is no PEM; above that it is not read.
  const text = (length: number): readonly string[] =>
    faultsOf({ pcrs: { 0: good }, backend: 'sim', roots: ['x'.repeat(length)] });
  assert.match(text(4096)[0]!, /must be PEM text of one certificate, got something else$/);
  assert.match(text(4097)[0]!, /got 4097 characters$/);
  assert.match(faultsOf({ pcrs: { 0: 'x'.repeat(40) } })[0]!, /got "x{40}"$/);
});

test('a long list of faults ends at twenty, and a long key at forty characters', () => {
  const many = Object.fromEntries(Array.from({ length: 30 }, (_, index) => [`k${index}`, 1]));
  assert.equal(faultsOf({ pcrs: { 0: good }, ...many }).length, 20);
  assert.deepEqual(faultsOf({ pcrs: { 0: good }, ['y'.repeat(41)]: 1 }), [
    `${'y'.repeat(40)} is no field of a policy here`,
  ]);
});

test('refuses a policy that pins no image, or zeros', () => {
  assert.deepEqual(faultsOf({ pcrs: { 3: good } }), [
    'pcrs must pin the image: PCR 0, or PCR 8 with image.minimumVersion, got PCRs 3',
  ]);
  assert.equal(faultsOf({ pcrs: { 8: good } }).length, 1);
  assert.deepEqual(faultsOf({ pcrs: { 8: good }, image: { minimumVersion: 1 } }), []);
  assert.deepEqual(faultsOf({ pcrs: { 0: [good, '0'.repeat(96)] } }), [
    'pcrs.0 must not be zeros: every enclave in debug mode has them',
  ]);
});

test('roots stand with a backend that is not AWS’s, and each is one certificate in PEM', () => {
  const pcrs = { 0: good };
  assert.deepEqual(faultsOf({ pcrs, backend: 'sim', roots: [pem] }), []);
  assert.match(faultsOf({ pcrs, roots: [pem] })[0]!, /^roots must not stand with backend nitro/);
  assert.match(faultsOf({ pcrs, backend: 'qemu' })[0]!, /^roots must be there with backend qemu/);
  assert.match(faultsOf({ pcrs, backend: 'sim', roots: [pem, 'x'] })[0]!, /^roots\.1 must be PEM text/);
  const empty = '-----BEGIN CERTIFICATE-----\n\n-----END CERTIFICATE-----\n';
  assert.match(faultsOf({ pcrs, backend: 'sim', roots: [empty] })[0]!, /^roots\.0 must be PEM text of one/);
  assert.match(faultsOf({ pcrs, backend: 'sim', roots: [pem + pem] })[0]!, /^roots\.0 must be PEM text of one/);
});

test('reads strict JSON, bounded, each key once', () => {
  const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
  assert.deepEqual(parsePolicy(bytes(`{"pcrs":{"0":"${good}"}}`)).pcrs, { 0: [good] });
  assert.throws(() => parsePolicy(bytes(`{"pcrs":{"0":"${good}","0":"${good}"}}`)), { code: 'CONFIG_DUPLICATE_KEY' });
  assert.throws(
    () => parsePolicy(bytes(`{"pcrs":{"0":"${good}"},"__proto__":{"maxAgeSeconds":1}}`)),
    /__proto__ is no field/,
  );
  assert.throws(() => parsePolicy(bytes(`{"pcrs":{"0":["${good}"]},"maxAgeSeconds":1e4000,"config":null}`)), {
    message: 'maxAgeSeconds must be an integer in 1..10800, got Infinity; config must be a map, got nothing',
  });
  assert.throws(() => parsePolicy(bytes(' '.repeat(65_537))), { code: 'CONFIG_TOO_LARGE' });
  const nested = (depth: number): Uint8Array => bytes('['.repeat(depth) + ']'.repeat(depth));
  assert.throws(() => parsePolicy(nested(8)), { code: 'POLICY_FAULTS' });
  assert.throws(() => parsePolicy(nested(9)), { code: 'CONFIG_DEPTH' });
  assert.throws(() => parsePolicy(bytes(`{"pcrs":{"0":"${good}"},"maxAgeSeconds":3e2,}`)), { code: 'CONFIG_SYNTAX' });
});

test('what is inherited is no field', () => {
  const inherited = Object.create({ pcrs: { 0: good } }) as object;
  assert.deepEqual(faultsOf(inherited), ['pcrs must be there, got nothing']);
});

test('docs/schema/policy.json is the schema that is run, and uses no word that the checker does not know', () => {
  const file = join(import.meta.dirname, '../../../../docs/schema/policy.json');
  assert.deepEqual(JSON.parse(readFileSync(file, 'utf8')), JSON.parse(JSON.stringify(POLICY_SCHEMA)));
});

test('fuzz: any value gives a policy that pins an image, or faults', () => {
  const pcrText = fc.oneof(
    { weight: 8, arbitrary: fc.constant(good) },
    { weight: 1, arbitrary: fc.constant('0'.repeat(96)) },
    { weight: 1, arbitrary: fc.string({ maxLength: 5 }) },
  );
  const mostly = <Good>(arbitrary: fc.Arbitrary<Good>): fc.Arbitrary<unknown> =>
    fc.oneof({ weight: 5, arbitrary }, { weight: 1, arbitrary: fc.jsonValue({ maxDepth: 1 }) });
  const index = fc.constantFrom('0', '0', '1', '8', '8', '31', '32', 'x');
  const value = fc.record(
    {
      v: fc.constantFrom(1, 1, 1, 2),
      backend: fc.constantFrom('nitro', 'sim', 'other'),
      pcrs: fc.dictionary(index, fc.oneof(pcrText, fc.array(pcrText, { maxLength: 3 })), { maxKeys: 3 }),
      image: mostly(fc.record({ minimumVersion: fc.nat(3) })),
      maxAgeSeconds: mostly(fc.integer({ min: 1, max: 20_000 })),
      roots: fc.array(fc.constantFrom(pem, pem, pem, 'x'), { maxLength: 2 }),
      config: mostly(fc.constant({})),
    },
    { requiredKeys: ['pcrs'] },
  );
  let accepted = 0;
  fc.assert(
    fc.property(value, (source) => {
      if (faultsOf(source).length > 0) return;
      accepted += 1;
      const { pcrs, image, roots, backend } = checkPolicy(source);
      assert.ok(pcrs[0] !== undefined || (pcrs[8] !== undefined && image !== undefined));
      assert.ok(
        Object.values(pcrs).every(
          (values) => values.length > 0 && values.every((one) => /^(?!0+$)[0-9a-f]{96}$/.test(one)),
        ),
      );
      assert.equal(roots === undefined, backend === 'nitro');
    }),
    { seed: 1, numRuns: 5000 },
  );
  assert.ok(accepted > 20, `${accepted} accepted`);
});
