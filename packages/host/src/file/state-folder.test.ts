// The state folder's place.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { stateFolder } from './state-folder.ts';

test('lies where CAISSON_STATE says, and never at a relative path of XDG_STATE_HOME', () => {
  assert.equal(stateFolder({ CAISSON_STATE: '/s' }), '/s');
  assert.equal(stateFolder({ CAISSON_STATE: 'here' }), join(process.cwd(), 'here'));
  if (process.getuid?.() === 0) assert.equal(stateFolder({ XDG_STATE_HOME: '/x' }), '/var/lib/caisson');
  else assert.equal(stateFolder({ XDG_STATE_HOME: 'x', HOME: '/h' }), '/h/.local/state/caisson');
});
