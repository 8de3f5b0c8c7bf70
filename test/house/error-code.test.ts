// Error codes are a contract: what a room can throw and what docs/errors.md explains are the same list.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { renderErrorTable } from '../../scripts/error-table.ts';
import { read, root, shipped } from './tree.ts';

const declared = new Map<string, string>();
for (const file of shipped()) {
  for (const [, list = ''] of read(file).matchAll(/export const [A-Z0-9_]+_ERROR_CODES = \[([^\]]*)\] as const/g)) {
    for (const [, code = ''] of list.matchAll(/'([A-Z0-9_]+)'/g)) declared.set(code, file);
  }
}
// Codes of one-off classes stand in their type argument.
for (const file of shipped()) {
  for (const [, code = ''] of read(file).matchAll(/extends \w*Error<'([A-Z0-9_]+)'>/g)) declared.set(code, file);
}

test('docs/errors.md lists every code with its cause and remedy, and no code that does not exist', () => {
  const listed = new Map(
    [...read('docs/errors.md').matchAll(/^\| `([A-Z0-9_]+)` \| ([^|]+) \| ([^|]+) \|$/gm)].map(
      ([, code = '', cause = '', remedy = '']) => [code, { cause: cause.trim(), remedy: remedy.trim() }] as const,
    ),
  );
  assert.deepEqual([...listed.keys()].sort(), [...declared.keys()].sort());
  for (const [code, { cause, remedy }] of listed) {
    assert.ok(cause.length > 10 && remedy.length > 5, `${code} needs a cause and a remedy`);
  }
});

test('what the program says of each code is what docs/errors.md says', () => {
  for (const [file, text] of renderErrorTable()) {
    assert.equal(read(file), text, `${file} is stale: node --conditions=caisson-source scripts/docs.ts`);
  }
});

test('each page that a remedy names exists', () => {
  const missing = [...read('docs/errors.md').matchAll(/\bdocs\/[a-z/-]+\.md\b/g)].filter(
    ([page]) => !existsSync(join(root, page)),
  );
  assert.deepEqual(missing, []);
});

test('every code that is thrown stands in its room’s list', () => {
  const unknown = shipped().flatMap((file) =>
    [...read(file).matchAll(/new (?:Caisson|Parse|Verification|Policy|Limit)Error\(\s*'([^']+)'/g)]
      .map(([, code = '']) => code)
      .filter((code) => !declared.has(code))
      .map((code) => `${file}: ${code}`),
  );
  assert.deepEqual(unknown, []);
});
