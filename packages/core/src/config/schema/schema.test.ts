// Schemas: the subset and nothing beyond it, the table as JSON, and what the interpreter says of configs.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  checkAgainst,
  compileSchema,
  isForbiddenVariable,
  parseRuleTable,
  parseSchema,
  parseStrictJson,
} from '../index.ts';
import type { JsonValue } from '../json-value.ts';
import type { RuleTable } from './rule-table.ts';
import { toJsonValue } from './value.ts';

const json = (text: string): JsonValue => parseStrictJson(new TextEncoder().encode(text), { maxBytes: 1_048_576 });
const throughJson = (table: RuleTable): RuleTable => parseRuleTable(json(JSON.stringify(table)));
const messages = (schema: unknown, text: string): string[] =>
  checkAgainst(throughJson(compileSchema(schema)), json(text)).map(({ message }) => message);

const service = {
  type: 'object',
  required: ['name', 'port'],
  additionalProperties: false,
  properties: {
    name: { type: 'string', pattern: '^[a-z][a-z0-9-]*$', minLength: 2, maxLength: 8 },
    port: { type: 'integer', minimum: 1, maximum: 65535 },
    mode: { enum: ['fast', 'safe', 3, null] },
    version: { const: { major: 1, list: [1, 2] } },
    tags: { type: 'array', items: { type: 'string' }, minItems: 1, maxItems: 2 },
    ratio: { type: ['number', 'null'], minimum: 0.5 },
    extra: { type: 'object', minProperties: 1, maxProperties: 1 },
  },
};

test('takes a config that fits, and lists every fault of one that does not, with its path', () => {
  const good =
    '{"name":"api","port":443,"mode":3,"version":{"list":[1,2.0],"major":1},"tags":["x"],"ratio":null,"extra":{"a":1}}';
  assert.deepEqual(messages(service, good), []);
  assert.deepEqual(
    messages(service, '{"name":"A","port":65536,"mode":"slow","version":1,"tags":[],"ratio":0.1,"extra":{},"x":1}'),
    [
      'name must have a length of at least 2, got 1',
      'name must match ^[a-z][a-z0-9-]*$, got "A"',
      'port must be of at most 65535, got 65536',
      'mode must be one of "fast", "safe", 3, null, got "slow"',
      'version must be {"major":1,"list":[1,2]}, got 1',
      'tags must have a number of items of at least 1, got 0',
      'ratio must be of at least 0.5, got 0.1',
      'extra must have a number of members of at least 1, got 0',
      "x is no member that the image's schema knows",
    ],
  );
  assert.deepEqual(messages(service, '[]'), ['config must be of type object, got an array of 0']);
  assert.deepEqual(messages(service, '{"name":"api","port":1,"tags":["a","b","c"]}'), [
    'tags must have a number of items of at most 2, got 3',
  ]);
  assert.deepEqual(messages(service, '{"name":"api","tags":["a",7]}'), [
    'port must be there, got nothing',
    'tags[1] must be of type string, got 7',
  ]);
});

test('takes as an integer what is written as one', () => {
  const integer = { type: 'integer' };
  for (const good of ['0', '-7', '9007199254740991']) assert.deepEqual(messages(integer, good), []);
  for (const bad of ['1.0', '1e2', '9007199254740992', '"1"', 'true', 'null']) {
    assert.equal(messages(integer, bad).length, 1, bad);
  }
  assert.deepEqual(messages({ type: 'number' }, '1e2'), []);
});

test('counts characters, not halves of them', () => {
  assert.deepEqual(messages({ maxLength: 2 }, '"😀😀"'), []);
  assert.equal(messages({ maxLength: 1 }, '"😀😀"').length, 1);
});

test('a member named __proto__ is judged like any other', () => {
  const schema = json(
    '{"type":"object","additionalProperties":false,"properties":{"__proto__":{"const":{"__proto__":1}}}}',
  );
  const table = throughJson(
    parseSchema(
      new TextEncoder().encode(
        '{"type":"object","additionalProperties":false,"properties":{"__proto__":{"const":{"__proto__":1}}}}',
      ),
    ),
  );
  assert.ok(schema instanceof Map);
  assert.deepEqual(checkAgainst(table, json('{"__proto__":{"__proto__":1}}')), []);
  assert.equal(checkAgainst(table, json('{"__proto__":{"__proto__":2}}')).length, 1);
  assert.equal(checkAgainst(table, json('{"constructor":1}')).length, 1);
});

test('refuses a keyword outside of the subset, with its JSON path', () => {
  const refused: readonly (readonly [unknown, RegExp])[] = [
    [{ oneOf: [] }, /^config schema oneOf must be one of type, .*got another keyword/],
    [{ properties: { a: { format: 'uri' } } }, /schema properties\.a\.format must be one of/],
    [{ items: { items: { $ref: '#' } } }, /schema items\.items\.\$ref must be one of/],
    [{ title: 'x' }, /schema title must be one of/],
    [{ properties: { a: true } }, /schema properties\.a must be an object, got true/],
    [{ additionalProperties: true }, /schema additionalProperties must be false, got true/],
    [{ additionalProperties: false }, /schema additionalProperties must stand beside properties/],
    [{ type: 'text' }, /schema type must be one of null, boolean/],
    [{ type: ['string', 'string'] }, /schema type must be one of/],
    [{ type: [] }, /schema type must be one of/],
    [{ required: ['a', 'a'] }, /schema required must be an array of names, each once/],
    [{ required: [1] }, /schema required must be/],
    [{ enum: [] }, /schema enum must be a filled array/],
    [{ minLength: -1 }, /schema minLength must be an integer of 0 or more/],
    [{ minLength: 1.5 }, /schema minLength must be/],
    [{ maximum: '1' }, /schema maximum must be a number/],
    [
      { properties: { a: { pattern: '(a)\\1' } } },
      /schema properties\.a\.pattern must be a pattern that can be matched in linear time: pattern must have no backreference/,
    ],
    [{ pattern: 7 }, /schema pattern must be text/],
    [[], /config schema must be an object, got an array of 0/],
  ];
  for (const [schema, message] of refused) {
    assert.throws(() => compileSchema(schema), { code: 'CONFIG_SCHEMA', message }, JSON.stringify(schema));
  }
  assert.throws(() => parseSchema(new TextEncoder().encode('{"type":"null","type":"null"}')), {
    code: 'CONFIG_DUPLICATE_KEY',
  });
});

test('bounds depth and number of rules of a schema', () => {
  let deep: unknown = {};
  for (let level = 0; level < 40; level += 1) deep = { items: deep };
  assert.throws(() => compileSchema(deep), { code: 'CONFIG_SCHEMA_LIMIT' });
  const wide = { properties: Object.fromEntries(Array.from({ length: 4_096 }, (_, index) => [`k${index}`, {}])) };
  assert.throws(() => compileSchema(wide), { code: 'CONFIG_SCHEMA_LIMIT' });
  assert.throws(() => compileSchema({ const: () => 1 }), TypeError);
});

test('lists at most 64 faults', () => {
  assert.equal(messages({ items: { type: 'null' } }, `[${Array.from({ length: 500 }, () => '1').join()}]`).length, 64);
});

test('a text that is too long for its pattern is a fault, not a wait', () => {
  const found = messages(
    { items: { pattern: '^(.*a){20}$' } },
    JSON.stringify(Array.from({ length: 100 }, () => 'a'.repeat(9_000))),
  );
  assert.ok(found.length > 0);
  assert.match(found.at(-1)!, /must be shorter: matching \^\(\.\*a\)\{20\}\$ took more than 20000000 steps/);
});

test('reads back every table it wrote, and no table that was tampered with into a circle', () => {
  const table = compileSchema(service);
  assert.deepEqual(throughJson(table), table);
  const bad: readonly (readonly [string, RegExp])[] = [
    ['{"v":2,"rules":[{}]}', /rule table\.v must be 1/],
    ['{"v":1,"rules":[]}', /rule table\.rules must be an array of 1\.\.4096/],
    ['{"v":1,"rules":[{}],"x":1}', /must have the keys v and rules/],
    ['{"v":1,"rules":[{"items":0}]}', /rules\[0\]\.items must be in 1\.\.0/],
    ['{"v":1,"rules":[{"properties":[["a",0]]}]}', /rules\[0\]\.properties must be in/],
    ['{"v":1,"rules":[{"properties":[["a"]]}]}', /rules\[0\]\.properties must be in/],
    ['{"v":1,"rules":[{"pattern":"("}]}', /rules\[0\]\.pattern must hold to its form/],
    ['{"v":1,"rules":[{"const":"{"}]}', /rules\[0\]\.const must hold to its form/],
    ['{"v":1,"rules":[{"types":["text"]}]}', /rules\[0\]\.types must hold known names/],
    ['{"v":1,"rules":[{"closed":false}]}', /rules\[0\]\.closed must be true/],
    ['{"v":1,"rules":[{"allOf":[]}]}', /must have known keys/],
    ['[]', /rule table must be an object/],
  ];
  for (const [text, message] of bad) {
    assert.throws(() => parseRuleTable(json(text)), { code: 'CONFIG_TABLE', message }, text);
  }
});

test('judges as it would without the way through JSON, for random values', () => {
  const table = compileSchema(service);
  const again = throughJson(table);
  fc.assert(
    fc.property(fc.jsonValue(), (plain) => {
      const value = toJsonValue(plain);
      assert.deepEqual(checkAgainst(again, value), checkAgainst(table, value));
    }),
    { seed: 13, numRuns: 500 },
  );
});

test('knows the variables that nobody may set, in any case', () => {
  for (const name of [
    'LD_PRELOAD',
    'NODE_OPTIONS',
    'OPENSSL_CONF',
    'SSL_CERT_FILE',
    'GLIBC_TUNABLES',
    'MALLOC_ARENA_MAX',
    'BASH_ENV',
    'ENV',
    'PATH',
    'HOME',
    'CAISSON_NSM',
    'ARGONAUT_X',
    'INIT_CONFIG',
    'SSLKEYLOGFILE',
    'GCONV_PATH',
    'ld_preload',
    'Path',
  ]) {
    assert.ok(isForbiddenVariable(name), name);
  }
  for (const name of ['APP_PATH', 'LOG_LEVEL', 'ENVIRONMENT', 'HOMEPAGE', 'INITIAL', 'LDAP_URL']) {
    assert.ok(!isForbiddenVariable(name), name);
  }
});
