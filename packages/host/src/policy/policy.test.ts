// Policy files: every fault with its line, what YAML could hide refused, drafts that contradict themselves refused.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { VerifiedDocument } from '@caisson/verify';
import { checkPolicy } from '@caisson/verify/policy';
import fc from 'fast-check';
import {
  draftPolicy,
  formatPolicy,
  measureImageFile,
  PolicyFileError,
  parsePolicyText,
  readPolicyFile,
} from './index.ts';

const good = 'ab'.repeat(48);
const faults = (text: string): string[] => {
  try {
    parsePolicyText(text, 'policy.yaml');
    return [];
  } catch (error) {
    assert.ok(error instanceof PolicyFileError, String(error));
    return error.message.split('\n');
  }
};

test('reads YAML and JSON alike, PCR numbers as they are written', () => {
  const expected = checkPolicy({ pcrs: { 0: good, 4: [good] }, maxAgeSeconds: 60 });
  assert.deepEqual(
    parsePolicyText(`pcrs:\n  0: ${good}\n  4:\n    - ${good.toUpperCase()}\nmaxAgeSeconds: 60\n`, 'x'),
    expected,
  );
  assert.deepEqual(parsePolicyText(JSON.stringify({ pcrs: { 0: good, 4: [good] }, maxAgeSeconds: 60 }), 'x'), expected);
});

test('shows each fault with file, line and column', () => {
  assert.deepEqual(faults(`# mine\npcrs:\n  0: abc\n  1:\n    - ${good}\n    - 7\nmaxAge: 5\n`), [
    'policy.yaml:3:3: pcrs.0 must be 48 bytes in hex (96 digits), got "abc"',
    'policy.yaml:6:7: pcrs.1.1 must be 48 bytes in hex (96 digits), got 7',
    'policy.yaml:7:1: maxAge is no field of a policy here',
  ]);
  assert.deepEqual(faults(`pcrs:\n  8: ${good}\nimage: {}\n`), [
    'policy.yaml:3:1: image.minimumVersion must be there, got nothing',
  ]);
  assert.match(faults(`pcrs:\n  3: ${good}`)[0]!, /^policy\.yaml:1:1: pcrs must pin the image/);
  assert.match(faults('')[0]!, /^policy\.yaml:1:1: policy must be a map, got nothing/);
});

test('refuses what two readers of YAML could read differently', () => {
  const pinned = `pcrs: {0: ${good}}\n`;
  for (const [text, message] of [
    [`${pinned}pcrs: {0: ${good}}\n`, /2:1: Map keys must be unique/],
    [`pcrs: &a {0: ${good}}\n`, /1:10: policy must have no anchor/],
    [`pcrs: {0: &a ${good}, 1: *a}\n`, /policy must have no alias/],
    [`pcrs: {0: !!str ${good}}\n`, /policy must have no tag/],
    [`pcrs: {0: !mine ${good}}\n`, /Unresolved tag: !mine/],
    [`${pinned}---\n${pinned}`, /multiple documents/],
    [`${pinned}<<: {maxAgeSeconds: 1}\n`, /<< is no field/],
    [`pcrs: {0: ${good}\n`, /2:1: Flow map .* must be sufficiently indented/],
    [`\tpcrs: 1\n`, /1:1: /],
    ['['.repeat(60_000), /policy\.yaml:1:/],
    [' '.repeat(70_000), /at most 65536 characters/],
  ] as const) {
    assert.match(faults(text).join('\n'), message, text.slice(0, 60));
  }
});

test('reads a file within its bound, and says why not', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'caisson-policy-'));
  try {
    const file = join(folder, 'policy.yaml');
    writeFileSync(file, `pcrs: {0: ${good}}\n`);
    assert.deepEqual((await readPolicyFile(file)).pcrs, { 0: [good] });
    writeFileSync(file, `pcrs: {0: ${good}}\n#${'x'.repeat(70_000)}`);
    await assert.rejects(readPolicyFile(file), { code: 'POLICY_FILE', message: /at most 65536 bytes, got more$/ });
    writeFileSync(file, Buffer.from([0xff]));
    await assert.rejects(readPolicyFile(file), { code: 'POLICY_FILE' });
    await assert.rejects(readPolicyFile(join(folder, 'none')), { code: 'POLICY_FILE', message: /ENOENT/ });
    await assert.rejects(readPolicyFile(folder), { code: 'POLICY_FILE', message: /EISDIR/ });
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('computes PCR3 and PCR4 as the hypervisor does', () => {
  const measured = (text: string): string =>
    createHash('sha384')
      .update(Buffer.concat([Buffer.alloc(48), Buffer.from(text)]))
      .digest('hex');
  const roleArn = 'arn:aws:iam::123456789012:role/enclaves/web';
  const policy = draftPolicy({ pcrs: { 0: good }, roleArn, instanceId: 'i-0123456789abcdef0' });
  assert.deepEqual(policy.pcrs, { 0: [good], 3: [measured(roleArn)], 4: [measured('i-0123456789abcdef0')] });
  for (const material of [
    { roleArn: 'arn:aws:iam::123456789012:user/me' },
    { roleArn: `${roleArn}\n` },
    { roleArn: 'arn:aws:sts::123456789012:assumed-role/web/session' },
    { instanceId: 'i-0123456789ABCDEF0' },
    { instanceId: 'i-012' },
  ]) {
    assert.throws(
      () => draftPolicy({ pcrs: { 0: good }, ...material }),
      { code: 'POLICY_DRAFT' },
      JSON.stringify(material),
    );
  }
});

const document = (more: Partial<VerifiedDocument>): VerifiedDocument =>
  ({
    debug: false,
    profile: undefined,
    pcrs: { 0: good, 1: good, 2: good, 3: good, 4: good, 8: '00'.repeat(48) },
    ...more,
  }) as VerifiedDocument;

test('takes from a document what is of the image, and not what is of its parent', () => {
  assert.deepEqual(draftPolicy({ document: document({}) }).pcrs, { 0: [good], 1: [good], 2: [good] });
  const signed = document({ pcrs: { 0: good, 8: good } });
  assert.deepEqual(draftPolicy({ document: signed }).pcrs, { 0: [good], 8: [good] });
});

test('refuses sources that contradict each other, debug enclaves, and development images unless allowed', () => {
  assert.throws(() => draftPolicy({ image: { 0: 'cd'.repeat(48) }, document: document({}) }), {
    code: 'POLICY_DRAFT',
    message: `PCR0 of the document must agree with the others, got ${good}`,
  });
  assert.throws(() => draftPolicy({ document: document({ debug: true }) }), { code: 'POLICY_DRAFT' });
  const development = document({ profile: 'development' });
  assert.throws(() => draftPolicy({ document: development }), { code: 'POLICY_DRAFT', hint: /--allow-development/ });
  assert.equal(draftPolicy({ document: development, allowDevelopment: true }).allowDevelopment, true);
  assert.throws(() => draftPolicy({ instanceId: 'i-0123456789abcdef0' }), { code: 'POLICY_FAULTS' });
});

test('what is written reads back as the same policy', () => {
  const pcr = fc
    .uint8Array({ minLength: 48, maxLength: 48 })
    .map((bytes) => Buffer.from(bytes).fill(1, 0, 1).toString('hex'));
  const minimum = fc.record({ minimumVersion: fc.integer({ min: 1 }) }, { noNullPrototype: true });
  const source = fc.record(
    {
      pcrs: fc
        .dictionary(fc.nat(31).map(String), fc.oneof(pcr, fc.array(pcr, { minLength: 1, maxLength: 3 })), {
          noNullPrototype: true,
        })
        .map((pcrs) => ({ ...pcrs, 0: good })),
      image: minimum,
      config: fc.oneof(fc.constant({}), minimum),
      maxAgeSeconds: fc.integer({ min: 1, max: 10_800 }),
      allowDevelopment: fc.boolean(),
    },
    { requiredKeys: ['pcrs'], noNullPrototype: true },
  );
  fc.assert(
    fc.property(source, (one) => {
      const policy = checkPolicy(one);
      const { v, ...read } = parsePolicyText(formatPolicy(policy), 'x');
      assert.equal(v, 1);
      assert.deepEqual(read, policy);
    }),
    { seed: 1, numRuns: 200 },
  );
});

test('fuzz: any text gives a policy or located faults', () => {
  const piece = fc.constantFrom(
    'pcrs:',
    '\n',
    '  ',
    '0:',
    good,
    '- ',
    '{',
    '}',
    '[',
    ']',
    '"',
    "'",
    '|',
    '>',
    '#',
    '*a',
    '&a',
    '!t',
    '?',
    ': ',
    '\t',
    '...',
    '---',
    '%',
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 30 }), (pieces) => {
      for (const line of faults(pieces.join(''))) assert.match(line, /^policy\.yaml:[1-9]\d*:[1-9]\d*: ./);
    }),
    { seed: 1, numRuns: 2000 },
  );
});

const images = join(import.meta.dirname, '../../../../../shared/vectors/eif');
test('measures image files of others as they are known to be', {
  skip: existsSync(images) ? false : `no vectors at ${images}`,
}, async () => {
  interface Entry {
    readonly file: string;
    readonly expect: { readonly ok?: boolean; readonly measurements?: Readonly<Record<string, string>> };
  }
  const manifest = JSON.parse(readFileSync(join(images, 'manifest.json'), 'utf8')) as { entries: Entry[] };
  let measured = 0;
  for (const { file, expect } of manifest.entries) {
    if (!expect.ok) continue;
    const { PCR0, PCR1, PCR2 } = expect.measurements ?? {};
    assert.deepEqual(await measureImageFile(join(images, file)), { 0: PCR0, 1: PCR1, 2: PCR2 }, file);
    measured += 1;
  }
  assert.ok(measured >= 5, `${measured} measured`);
  await assert.rejects(measureImageFile(join(images, 'none.eif')), { code: 'POLICY_IMAGE' });
});

test('an image that is no file is refused and not waited for', async (context) => {
  const folder = mkdtempSync(join(tmpdir(), 'caisson-policy-'));
  context.after(() => rmSync(folder, { recursive: true }));
  execFileSync('mkfifo', [join(folder, 'pipe')]);
  for (const path of [join(folder, 'pipe'), folder])
    await assert.rejects(measureImageFile(path), { code: 'POLICY_IMAGE', message: /must be a regular file/ });
});

test('the example of docs/policy.md is a policy', () => {
  const page = readFileSync(join(import.meta.dirname, '../../../../docs/policy.md'), 'utf8');
  const [, example = ''] = /```yaml\n([^`]+)```/.exec(page) ?? [];
  const { pcrs, config } = parsePolicyText(example, 'docs/policy.md');
  assert.deepEqual([pcrs[0]?.length, pcrs[4]?.length, config?.minimumVersion], [2, 1, 7]);
});
