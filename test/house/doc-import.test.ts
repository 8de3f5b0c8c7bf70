// A program on a page begins with its imports. Each must be there under the name that the page has, or nobody can begin. Text only: loading it
// all would cost the gate seconds.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { files, read } from './tree.ts';

const statement = /^import (?:\{([^}]+)\}|\* as \w+) from '(@caisson\/[^']+)';/gm;

test('every import of a program on a page is one that its package exports', () => {
  const pages = files(/^(README|docs\/.+|examples\/.+)\.md$/).filter((page) => !page.startsWith('docs/cli/'));
  const missing: string[] = [];
  let found = 0;
  for (const page of pages) {
    for (const [, block = ''] of read(page).matchAll(/^```ts\n(.*?)^```/gms)) {
      for (const [, names = '', from = ''] of block.matchAll(statement)) {
        const values = names
          .split(',')
          .map((name) => name.trim())
          // Types leave nothing to look at when the program runs; the page's reader has a compiler for them.
          .filter((name) => name !== '' && !name.startsWith('type '));
        const exported = exportsOf(from);
        found += values.length;
        missing.push(...values.filter((name) => !exported.has(name)).map((name) => `${page}: ${name} from ${from}`));
      }
    }
  }
  assert.ok(found >= 10, `only ${found} imports found: this test looks in the wrong place`);
  assert.deepEqual(missing, []);
});

/** What the file behind an entry of `exports` says that it exports. */
function exportsOf(from: string): ReadonlySet<string> {
  const text = readFileSync(fileURLToPath(import.meta.resolve(from)), 'utf8');
  const lists = [...text.matchAll(/^export \{([^}]+)\}/gm)].flatMap(([, names = '']) => names.split(','));
  const own = [...text.matchAll(/^export (?:async )?(?:function|const|class) (\w+)/gm)].map(([, name = '']) => name);
  return new Set([...lists.map((name) => name.trim().replace(/^.* as /, '')), ...own]);
}
