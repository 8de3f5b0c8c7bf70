// Who has no home, and is told so.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { homeFolder } from './index.ts';

test('a user without HOME has the folder of the user database, and without an entry there is told what to set', () => {
  assert.equal(homeFolder({ HOME: '/h' }), '/h');
  assert.equal(
    homeFolder({ HOME: '' }, () => '/database'),
    '/database',
  );
  assert.equal(
    homeFolder({}, () => '/database'),
    '/database',
  );
  assert.equal(
    homeFolder({ HOME: 'here' }, () => '/database'),
    '/database',
    'a key in the working folder may come into an image',
  );
  assert.throws(() => homeFolder({ HOME: '' }, () => ''), { code: 'FILE_HOME' });
  const none = (): string => {
    throw new Error('uv_os_homedir returned ENOENT');
  };
  assert.throws(() => homeFolder({}, none), { code: 'FILE_HOME', hint: /^set HOME; CAISSON_STATE/ });
});
