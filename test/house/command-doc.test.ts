// docs/cli is generated from the command tree, and the schema of caisson.yaml from the form that checks it; this holds them equal, so
// that the manual cannot drift from the program.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { renderCommandPages, renderComposeSchema } from '../../scripts/docs.ts';
import { files, read } from './tree.ts';

test('docs/cli has exactly the pages that the command tree gives', async () => {
  const pages = await renderCommandPages();
  assert.deepEqual(
    files(/^docs\/cli\//),
    [...pages.keys()].sort(),
    'regenerate with: node --conditions=caisson-source scripts/docs.ts',
  );
  for (const [file, text] of pages) assert.equal(read(file), text, `${file} is stale`);
});

test('docs/schema/caisson-yaml.json is the form that caisson.yaml is checked by', () => {
  assert.deepEqual(
    JSON.parse(read('docs/schema/caisson-yaml.json')),
    JSON.parse(renderComposeSchema()),
    'regenerate it',
  );
});
