// Whose keys must not come into an image.
import { doesNotThrow, throws } from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { requireNoOwnKeys } from './own-key.ts';

test('a folder that holds the keys of operators is no source, however it is named, unless they are left out', (context) => {
  const home = mkdtempSync(join(tmpdir(), 'caisson-own-key-'));
  context.after(() => rmSync(home, { recursive: true }));
  const env = { HOME: home };
  doesNotThrow(() => requireNoOwnKeys(home, [], env));
  mkdirSync(join(home, '.config/caisson/operators'), { recursive: true });
  mkdirSync(join(home, 'app'));
  for (const source of [home, join(home, 'app/..'), join(home, '.config'), join(home, '.config/caisson/operators')])
    throws(() => requireNoOwnKeys(source, ['.conf'], env), { code: 'BUILD_SOURCE', hint: /exclude/ });
  doesNotThrow(() => requireNoOwnKeys(home, ['.config'], env));
  doesNotThrow(() => requireNoOwnKeys(join(home, 'app'), [], env));
});
