// image.json and operators.json: one form, closed, bounded, and no combination that an owner cannot have meant.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { toBase64, toUtf8 } from '../bytes/index.ts';
import { compileSchema } from '../config/index.ts';
import { CaissonError } from '../errors/index.ts';
import type { MeasuredImage, MeasuredOperators } from './index.ts';
import { parseMeasuredImage, parseMeasuredOperators, writeMeasuredImage, writeMeasuredOperators } from './index.ts';

const spki = (prefix: string, fill: number): string =>
  toBase64(Uint8Array.from([...Buffer.from(prefix, 'hex'), ...new Uint8Array(32).fill(fill)]));
const edwards = spki('302a300506032b6570032100', 7);
const montgomery = spki('302a300506032b656e032100', 9);

const image: MeasuredImage = {
  v: 1,
  name: 'hello',
  version: '1.0.0',
  profile: 'production',
  components: ['control', 'ready', 'network'],
  ingress: [{ vsockPort: 8080, targetPort: 3000 }],
  egress: [{ host: 'api.example.com', port: 443 }],
  config: {
    expect: 'required',
    timeoutMs: 60_000,
    unsigned: 'refuse',
    requireSignature: true,
    minimumVersion: 3,
    label: 'hello/eu',
    keys: [edwards],
    endpoints: [{ host: 'api.example.com', port: 443 }],
    environment: ['APP_MODE'],
    schema: compileSchema({ type: 'object', required: ['a'], properties: { a: { pattern: '^x' } } }),
  },
  lastWords: 'sealed',
  lastWordsKey: montgomery,
  healthPort: 5000,
};
const operators: MeasuredOperators = {
  v: 1,
  rootKey: edwards,
  threshold: 1,
  operators: [{ name: 'ada', spkiSha256: 'ab'.repeat(32), verbs: ['status'], execTemplates: [['/bin/date', '-u']] }],
};

/** The file with one member, found by its path, set to another value; undefined takes it out. */
function changed(file: unknown, path: readonly (string | number)[], value: unknown): Uint8Array {
  const copy = structuredClone(file) as Record<string | number, unknown>;
  let at = copy;
  for (const key of path.slice(0, -1)) at = at[key] as Record<string | number, unknown>;
  at[path.at(-1)!] = value;
  return toUtf8(JSON.stringify(copy));
}

test('reads back what the builder writes, the schema among it', () => {
  assert.deepEqual(parseMeasuredImage(writeMeasuredImage(image)), image);
  const bare = { ...image, config: { ...image.config, endpoints: null, schema: null, label: null }, healthPort: null };
  assert.deepEqual(parseMeasuredImage(writeMeasuredImage(bare)), bare);
  assert.deepEqual(parseMeasuredOperators(writeMeasuredOperators(operators)), operators);
  const withRoots = { ...operators, fileRoots: [{ name: 'data', path: '/etc/caisson-data' }] };
  assert.deepEqual(parseMeasuredOperators(writeMeasuredOperators(withRoots)), withRoots);
  // No image changes its measurements because there could be roots.
  assert.deepEqual(writeMeasuredOperators({ ...operators, fileRoots: [] }), writeMeasuredOperators(operators));
});

test('writes the same bytes whatever the order of the members', () => {
  const shuffled = Object.fromEntries(Object.entries(image).reverse()) as unknown as MeasuredImage;
  assert.deepEqual(writeMeasuredImage(shuffled), writeMeasuredImage(image));
});

test('refuses members that are missing, strange or out of bounds, in image.json', () => {
  const refused: readonly (readonly [(string | number)[], unknown, RegExp])[] = [
    [['v'], 2, /measured v must be 1/],
    [['name'], 'Hello', /measured name must be of the form/],
    [['name'], undefined, /measured name must be there, got nothing/],
    [['profile'], 'debug', /measured profile must be one of development, production/],
    [['components', 1], 'shell', /components\[1\] must be one of control, ready, network/],
    [['components', 1], 'control', /components must be names given once/],
    [['debug'], true, /measured debug must be absent/],
    [['ingress', 0, 'vsockPort'], 70000, /ingress\[0\]\.vsockPort must be an integer in 1\.\.65535/],
    [['egress', 0, 'host'], 'a..b', /egress\[0\]\.host must be a name or an address/],
    [['config', 'keys', 0], montgomery, /config\.keys\[0\] must be base64 of an Ed25519/],
    [['config', 'keys'], [edwards, edwards], /config\.keys must be keys given once/],
    [['config', 'keys'], [], /config\.keys must be filled where only signed configs count/],
    [['config', 'unsigned'], 'accept', /config\.unsigned must be "refuse" where a signature is required/],
    [['config', 'environment', 0], 'LD_PRELOAD', /config\.environment\[0\] must be no variable of a loader/],
    [['config', 'environment', 0], 'node_options', /config\.environment\[0\] must be no variable of a loader/],
    [['config', 'environment', 0], 'A=B', /config\.environment\[0\] must be the name of a variable/],
    [['config', 'minimumVersion'], -1, /minimumVersion must be an integer in 0/],
    [['config', 'timeoutMs'], 3_600_001, /timeoutMs must be an integer in 0\.\.3600000/],
    [['config', 'label'], '', /label must be of the form/],
    [['config', 'schema'], { v: 1, rules: [] }, /measured config\.schema\.rules must be an array/],
    [['lastWordsKey'], null, /lastWordsKey must be there exactly with "sealed"/],
    [['lastWordsKey'], edwards, /lastWordsKey must be base64 of an X25519/],
    [['healthPort'], 0, /healthPort must be an integer in 1\.\.65535/],
  ];
  for (const [path, value, message] of refused) {
    assert.throws(() => parseMeasuredImage(changed(image, path, value)), { message }, path.join('.'));
  }
  assert.throws(
    () =>
      parseMeasuredImage(
        changed(
          image,
          ['egress'],
          Array.from({ length: 192 }, () => image.egress[0]),
        ),
      ),
    {
      code: 'MEASURED_LIMIT',
    },
  );
});

test('refuses members that are missing, strange or out of bounds, in operators.json', () => {
  const one = operators.operators[0];
  const root = { name: 'data', path: '/data' };
  const refused: readonly (readonly [(string | number)[], unknown, RegExp])[] = [
    [['rootKey'], 'AAAA', /rootKey must be base64 of an Ed25519/],
    [['rootKey'], '?', /rootKey must be base64 of an Ed25519/],
    [['threshold'], 0, /threshold must be an integer in 1\.\.64/],
    [['operators', 0, 'spkiSha256'], 'AB'.repeat(32), /spkiSha256 must be of the form/],
    [['operators', 0, 'verbs', 0], 'Exec all', /verbs\[0\] must be of the form/],
    [['operators', 0, 'execTemplates', 0], [], /execTemplates\[0\] must be words beginning with a program/],
    [['operators', 0, 'execTemplates', 0], 'date', /must be an array/],
    [['operators', 0, 'shell'], true, /operators\[0\]\.shell must be absent/],
    [['fileRoots'], {}, /fileRoots must be an array/],
    [['fileRoots'], Array(17).fill(root), /fileRoots must have at most 16 items/],
    [['fileRoots'], [root, root], /fileRoots\[1\]\.name must be given once/],
    [['fileRoots'], [{ ...root, access: 'both' }], /fileRoots\[0\]\.access must be absent/],
    [['fileRoots'], [{ ...root, name: 'a/b' }], /fileRoots\[0\]\.name must be of the form/],
    ...['data', '/', '/a/', '/a//b', '/a/../etc'].map((path): [string[], unknown, RegExp] => [
      ['fileRoots'],
      [{ ...root, path }],
      /fileRoots\[0\]\.path must be of the form/,
    ]),
    ...[
      '/etc',
      '/etc/caisson',
      '/etc/caisson/x',
      '/usr',
      '/usr/lib/caisson/a',
      '/proc/1',
      '/sys',
      '/dev/shm',
      '/run',
    ].map((path): [string[], unknown, RegExp] => [
      ['fileRoots'],
      [{ ...root, path }],
      /fileRoots\[0\]\.path must be apart from/,
    ]),
    [['operators'], [one, { ...one, name: 'bob' }], /operators\[1\]\.spkiSha256 must be given once/],
    [['operators'], [one, { ...one, spkiSha256: 'cd'.repeat(32) }], /operators\[1\]\.name must be given once/],
  ];
  for (const [path, value, message] of refused) {
    assert.throws(() => parseMeasuredOperators(changed(operators, path, value)), { message }, path.join('.'));
  }
});

test('throws only faults of the house for any bytes and any JSON', () => {
  const paths = [
    ['config'],
    ['config', 'schema'],
    ['ingress'],
    ['egress', 0],
    ['config', 'keys'],
    ['operators'],
    ['rootKey'],
  ];
  fc.assert(
    fc.property(fc.constantFrom(...paths), fc.jsonValue(), fc.uint8Array({ maxLength: 64 }), (path, value, bytes) => {
      for (const parse of [parseMeasuredImage, parseMeasuredOperators]) {
        for (const text of [
          changed(image, path, value),
          changed({ ...operators, ingress: [], egress: [0], config: {} }, path, value),
          bytes,
        ]) {
          try {
            parse(text);
          } catch (error) {
            assert.ok(error instanceof CaissonError, String(error));
          }
        }
      }
    }),
    { seed: 21, numRuns: 400 },
  );
});
