// What a boot config may say. The messages stand in the tests of those who ask: enclave/boot-config, host/compose.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type ConfigContentTerms, compileSchema, readConfigContent } from './index.ts';

const terms: ConfigContentTerms = {
  environment: ['MODE', 'LD_PRELOAD'],
  endpoints: [{ host: 'API.example.com', port: 443 }],
  schema: compileSchema({ type: 'object', properties: { mode: { enum: ['a'] } } }),
  hasNetwork: false,
};
const bytesOf = (value: unknown): Uint8Array => Buffer.from(JSON.stringify(value));

function rulesOf(value: unknown, of: Partial<ConfigContentTerms> = {}): string[] {
  const read = readConfigContent(bytesOf(value), { ...terms, ...of });
  return 'faults' in read ? read.faults.map(({ rule }) => rule) : [];
}

test('says of every fault which rule did not hold, in the order of the rules', () => {
  const environment = { LD_PRELOAD: 'x', OTHER: 'y', MODE: 5 };
  const endpoints = [{ host: 'evil.example.com', vsockPort: 1 }];
  assert.deepEqual(rulesOf({ mode: 'b', endpoints, caisson: { environment, more: 1 } }), [
    ...['form', 'form', 'variable', 'form'],
    ...['destination', 'schema'],
  ]);
  assert.deepEqual(rulesOf({ endpoints: [{ host: 'api.example.com' }] }), ['endpoint']);
  assert.deepEqual(rulesOf([]), ['form']);
});

test('takes 256 variables of 4,096 characters, and not one more of either', () => {
  const names = Array.from({ length: 257 }, (_, index) => `V${index}`);
  const set = (count: number, characters: number) => ({
    caisson: { environment: Object.fromEntries(names.slice(0, count).map((name) => [name, 'x'.repeat(characters)])) },
  });
  const of = { environment: names };
  assert.deepEqual(rulesOf(set(200, 4_096), of), []);
  assert.deepEqual(rulesOf(set(256, 1), of), []);
  assert.deepEqual(rulesOf(set(257, 1), of), ['form']);
  assert.deepEqual(rulesOf(set(1, 4_097), of), ['form']);
});

test('never throws, and sets nothing beyond the list of the image', () => {
  const key = fc.constantFrom('caisson', 'environment', 'endpoints', 'MODE', 'LD_PRELOAD', 'host', '__proto__');
  const { tree } = fc.letrec((tie) => ({
    tree: fc.oneof(
      { maxDepth: 4 },
      fc.constantFrom('x', 1, null),
      fc.array(tie('tree')),
      fc.dictionary(key, tie('tree')),
    ),
  }));
  fc.assert(
    fc.property(fc.oneof(tree.map(bytesOf), fc.uint8Array({ maxLength: 64 })), (bytes) => {
      const read = readConfigContent(bytes, terms);
      if ('faults' in read) assert.ok(read.faults.length > 0);
      else assert.ok(Object.keys(read.environment).every((name) => name === 'MODE'));
    }),
    { seed: 7, numRuns: 300 },
  );
});
