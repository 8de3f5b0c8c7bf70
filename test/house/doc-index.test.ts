// docs/README.md is the one list of pages. A page that is not in it is not found, and a link that leads nowhere is a broken promise.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { files, read, root } from './tree.ts';

const pages = files(/\.md$/);

test('every page of docs is in its index', () => {
  const index = read('docs/README.md');
  const missing = pages
    .filter((path) => /^docs\/(wire\/)?[^/]+\.md$/.test(path) && path !== 'docs/README.md')
    .filter((path) => !index.includes(`](${path.replace('docs/', '')})`));
  assert.deepEqual(missing, []);
});

test('every link from a page to a file of the tree leads to one', () => {
  const broken = pages.flatMap((path) => {
    const text = read(path).replace(/^```.*?^```/gms, '');
    return [...text.matchAll(/\]\(([^)#\s]+)(?:#[^)]*)?\)/g)]
      .map(([, target = '']) => target)
      .filter((target) => !/^[a-z]+:/.test(target) && !existsSync(join(root, dirname(path), target)))
      .map((target) => `${path}: ${target}`);
  });
  assert.deepEqual(broken, []);
});
