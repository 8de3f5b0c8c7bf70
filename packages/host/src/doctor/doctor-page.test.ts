// docs/doctor.md lists every check as it is, and its table of other guides names only checks that there are.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { CHECKS } from './index.ts';

const page = readFileSync(new URL('../../../../docs/doctor.md', import.meta.url), 'utf8');
const [, checks = '', steps = ''] = /\n## Checks\n([\s\S]*)\n## Steps of other guides\n([\s\S]*)$/.exec(page) ?? [];

test('the page has every check with what it looks at and what it prevents, and no other', () => {
  const rows = CHECKS.map(({ id, looksAt, prevents }) => `| \`${id}\` | ${looksAt} | ${prevents.join(', ')} |`);
  assert.deepEqual(
    checks.split('\n').filter((line) => line.startsWith('| `')),
    rows,
  );
});

test('every troubleshooting step of the reference is a check, or is said to be none of this machine', () => {
  const rows = steps.split('\n').filter((line) => line.startsWith('| ') && !line.startsWith('| step'));
  assert.ok(rows.length >= 25);
  const known = new Set(CHECKS.map(({ id }) => id));
  for (const row of rows) {
    const [, cell = ''] = /.*[^\\] \| (.*) \|$/.exec(row) ?? [];
    if (cell.startsWith('not of this machine')) continue;
    const [first] = [...cell.matchAll(/`([^`]+)`/g)].map(([, word]) => word ?? '');
    assert.ok(known.has(first ?? ''), row);
  }
});
