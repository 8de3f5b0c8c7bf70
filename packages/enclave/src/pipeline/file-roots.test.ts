// Which folders an image gives out.
import { deepEqual } from 'node:assert/strict';
import { test } from 'node:test';
import { fileRootsOf } from './open-pipeline.ts';

test('a production image gives out the file roots it measures and no other, a development image all of /', () => {
  const named = { name: 'data', path: '/data' };
  deepEqual(fileRootsOf('production', []), []);
  deepEqual(fileRootsOf('production', [named]), [{ ...named, access: 'both' }]);
  deepEqual(fileRootsOf('development', [named]), [
    { path: '/', access: 'both' },
    { ...named, access: 'both' },
  ]);
});
