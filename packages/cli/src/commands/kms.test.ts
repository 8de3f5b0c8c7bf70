// Key policies from the command line: written for an image file, and judged.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { toHex, toUtf8 } from '@caisson/core/bytes';
import { type EifMeasurements, planEif } from '@caisson/core/eif';
import { hear } from '@caisson/testkit/program';
import { run } from '../run.ts';

const role = 'arn:aws:iam::111122223333:role/parent';
const admin = 'arn:aws:iam::111122223333:role/keeper';
const key = 'kms:RecipientAttestation:';
const measured = new Map<string, EifMeasurements>();
let folder: string;
const at = (name: string): string => join(folder, name);
before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'caisson-kms-'));
  for (const name of ['one', 'two']) {
    const ramdisks = [toUtf8('first'), toUtf8(`second of ${name}`)];
    const image = {
      architecture: 'x86_64',
      kernel: toUtf8('kernel'),
      cmdline: 'quiet',
      metadata: {},
      ramdisks,
    } as const;
    const planned = await planEif(image, () => createHash('sha384'));
    const chunks: Uint8Array[] = [];
    for await (const chunk of planned.open()) chunks.push(chunk);
    writeFileSync(at(`${name}.eif`), Buffer.concat(chunks));
    measured.set(name, planned.measurements);
  }
  writeFileSync(at('cut.eif'), readFileSync(at('one.eif')).subarray(0, 600));
});
after(() => rmSync(folder, { recursive: true }));

const kms = (words: readonly string[]) => hear(run, ['kms', ...words]);

test('policy pins what the image measures to, and lint finds nothing in it', async () => {
  const { code, out, err } = await kms(['policy', '--eif', at('one.eif'), '--role', role, '--admin', admin]);
  assert.deepEqual([code, err], [0, '']);
  const { Statement } = JSON.parse(out);
  const { pcr0, pcr1, pcr2 } = measured.get('one')!;
  const use = Statement.find(({ Sid }: { Sid: string }) => Sid === 'AttestedUse');
  assert.deepEqual(use.Condition, {
    StringEqualsIgnoreCase: {
      [`${key}ImageSha384`]: [toHex(pcr0)],
      [`${key}PCR1`]: [toHex(pcr1)],
      [`${key}PCR2`]: [toHex(pcr2)],
    },
  });
  writeFileSync(at('written.json'), out);
  assert.deepEqual(await kms(['lint', at('written.json')]), {
    code: 0,
    out: `ok: ${at('written.json')} has no fault\n`,
    err: '',
  });
});

test('policy takes several images and further registers', async () => {
  const words = [
    'policy',
    '--eif',
    at('one.eif'),
    '--eif',
    at('two.eif'),
    '--role',
    role,
    '--pcr',
    `8=${'8'.repeat(96)}`,
  ];
  const { Statement } = JSON.parse((await kms(words)).out);
  const pins = Statement[1].Condition.StringEqualsIgnoreCase;
  const images = ['one', 'two'].map((name) => toHex(measured.get(name)!.pcr0));
  assert.deepEqual(pins[`${key}ImageSha384`], images);
  assert.deepEqual(pins[`${key}PCR8`], ['8'.repeat(96)]);
});

test('policy refuses zeros, other roles, and files that are no image, and writes nothing', async () => {
  execFileSync('mkfifo', [at('fifo')]);
  const base = ['policy', '--eif', at('one.eif'), '--role', role];
  const failing: [readonly string[], number, RegExp][] = [
    [[...base, '--pcr', `3=${'0'.repeat(96)}`], 1, /PCR3 must not be zero/],
    [[...base, '--pcr', `0=${'a'.repeat(96)}`], 1, /index in 3\.\.31/],
    [[...base, '--admin', role], 1, /admin must be another principal/],
    [['policy', '--eif', at('one.eif'), '--role', 'parent'], 1, /role must read arn:aws:iam/],
    [['policy', '--eif', at('none.eif'), '--role', role], 1, /cannot open image .*none\.eif: ENOENT/],
    [['policy', '--eif', at('cut.eif'), '--role', role], 1, /EIF/],
    [['policy', '--eif', at('fifo'), '--role', role], 1, /must be a regular file/],
    [['policy', '--eif', folder, '--role', role], 1, /must be a regular file/],
    [['policy', '--role', role], 64, /--eif/],
    [['policy', '--eif', at('one.eif')], 64, /--role/],
    [[...base, '--pcr', 'x'], 64, /--pcr must read N=HEX/],
  ];
  for (const [words, wanted, pattern] of failing) {
    const { code, out, err } = await kms(words);
    assert.deepEqual([code, out], [wanted, ''], words.join(' '));
    assert.match(err, pattern);
  }
});

test('lint ends 1 for a fault and 0 for warnings, in lines or as one JSON document', async () => {
  const root = { AWS: 'arn:aws:iam::111122223333:root' };
  const given = { Sid: 'Default', Effect: 'Allow', Principal: root, Action: 'kms:*', Resource: '*' };
  writeFileSync(at('default.json'), JSON.stringify({ Version: '2012-10-17', Statement: [given] }));
  const { code, out } = await kms(['lint', at('default.json')]);
  assert.equal(code, 1);
  assert.match(out, /^Statement\[0\] \(Default\): fault root-delegation: gives kms:Decrypt, .* to whomever IAM lets/);
  assert.match(out, /^policy: warning no-deny: /m);
  assert.doesNotMatch(out, /^ok/m);
  const written = await kms(['policy', '--eif', at('one.eif'), '--role', role]);
  writeFileSync(at('delegated.json'), written.out);
  const warned = await kms(['lint', '--json', at('delegated.json')]);
  assert.equal(warned.code, 0);
  for (const { out: text, ok } of [
    { ...warned, ok: true },
    { ...(await kms(['lint', '--json', at('default.json')])), ok: false },
  ]) {
    assert.equal(JSON.parse(text).ok, ok);
    fitsSchema(JSON.parse(text));
  }
});

test('lint refuses what is no policy', async () => {
  writeFileSync(at('list.json'), '[]');
  writeFileSync(at('broken.json'), '{');
  for (const [name, pattern] of [
    ['list.json', /key policy policy must be an object/],
    ['broken.json', /JSON text must/],
    ['none.json', /cannot read key policy/],
  ] as const) {
    const { code, out, err } = await kms(['lint', at(name)]);
    assert.deepEqual([code, out], [1, '']);
    assert.match(err, pattern);
  }
});

interface Rule {
  readonly const?: unknown;
  readonly type?: string;
  readonly pattern?: string;
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, Rule>>;
  readonly items?: Rule;
}

function fitsSchema(document: unknown): void {
  const file = join(import.meta.dirname, '../../../../docs/schema/kms-lint.json');
  fits(document, JSON.parse(readFileSync(file, 'utf8')) as Rule, 'document');
}

// Objects may have no member besides those of the schema: each in docs/schema says additionalProperties false.
function fits(value: unknown, rule: Rule, path: string): void {
  if (rule.const !== undefined) assert.equal(value, rule.const, path);
  else if (rule.items !== undefined) for (const item of value as unknown[]) fits(item, rule.items, `${path}[]`);
  else if (rule.properties !== undefined) {
    for (const name of rule.required ?? []) assert.ok(name in (value as object), `${path}.${name}`);
    for (const [name, member] of Object.entries(value as object)) {
      const known = rule.properties[name];
      assert.ok(known !== undefined, `${path}.${name} stands in no schema`);
      fits(member, known, `${path}.${name}`);
    }
  } else {
    assert.equal(typeof value, rule.type, path);
    if (rule.pattern !== undefined) assert.match(value as string, new RegExp(rule.pattern), path);
  }
}
