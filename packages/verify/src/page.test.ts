// The pages about verification against the code: their examples are what they say.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { parseHex, toHex } from '@caisson/core/bytes';
import { findClaims } from './claim.ts';
import { VERIFICATION_CLASSES } from './index.ts';
import { POLICY_SCHEMA } from './policy/index.ts';

const page = (name: string): string => readFileSync(join(import.meta.dirname, `../../../docs/${name}.md`), 'utf8');

test('the example of docs/attest.md is a user_data of the web, and says what the page says', () => {
  const [, hex = ''] = /```hex\n([0-9a-f\n]+)```/.exec(page('attest')) ?? [];
  const claims = findClaims(parseHex(hex.replaceAll('\n', '')));
  assert.ok(claims !== undefined);
  assert.deepEqual(
    [claims.purpose, claims.imageVersion, claims.profile, claims.configVersion, claims.configSha384],
    ['caisson-web/1', 3, 'production', undefined, undefined],
  );
  assert.match(toHex(claims.tlsKeySha256!), /^484b.*9d$/);
});

test('docs/verify.md names every class, in the order in which they are looked at', () => {
  const rows = [...page('verify').matchAll(/^\| ([A-Z, ]+) \| /gm)].flatMap(([, names = '']) => names.split(', '));
  assert.deepEqual(rows, [...VERIFICATION_CLASSES]);
});

test('docs/policy.md names every field, and none that does not exist', () => {
  const named = [...page('policy').matchAll(/^\| `([A-Za-z.]+)` \|/gm)].map(([, name]) => name);
  const fields = Object.entries(POLICY_SCHEMA.properties ?? {}).flatMap(([name, { properties = {} }]) => [
    name,
    ...Object.keys(properties).map((inner) => `${name}.${inner}`),
  ]);
  // `image` has no meaning but its one field.
  assert.deepEqual([...named].sort(), fields.filter((name) => name !== 'image').sort());
});
