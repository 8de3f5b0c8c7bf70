// docs/cli is generated from the command tree; this holds the two equal, so that the manual cannot drift from the program.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { renderCommandPages } from '../../scripts/docs.ts';
import { files, read } from './tree.ts';

test('docs/cli has exactly the pages that the command tree gives', () => {
  const pages = renderCommandPages();
  assert.deepEqual(
    files(/^docs\/cli\//),
    [...pages.keys()].sort(),
    'regenerate with: node --conditions=caisson-source scripts/docs.ts',
  );
  for (const [file, text] of pages) assert.equal(read(file), text, `${file} is stale`);
});
