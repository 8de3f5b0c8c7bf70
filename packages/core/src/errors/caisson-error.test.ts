// What callers may rely on when something fails.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inspect } from 'node:util';
import { CaissonError, LimitError, ParseError, PolicyError, Secret, VerificationError } from './index.ts';

test('the four kinds are told apart and are all CaissonErrors', () => {
  const kinds = [ParseError, VerificationError, PolicyError, LimitError];
  for (const Kind of kinds) {
    const error = new Kind('ROOM_CAUSE', 'operation failed');
    assert.ok(error instanceof CaissonError);
    assert.equal(error.name, Kind.name);
    assert.deepEqual(
      kinds.filter((Other) => error instanceof Other),
      [Kind],
    );
  }
});

test('only the code may leave the process unless a safe text is given', () => {
  const cause = new Error('secret path');
  assert.equal(new CaissonError('ROOM_CAUSE', 'reading /etc/shadow failed', { cause }).safe, 'ROOM_CAUSE');
  assert.equal(new CaissonError('ROOM_CAUSE', 'x', { safe: 'unreadable file' }).safe, 'unreadable file');
});

test('keeps the cause and the hint, and has no cause property when there is none', () => {
  const cause = new Error('first');
  const error = new CaissonError('ROOM_CAUSE', 'x', { cause, hint: 'try again' });
  assert.equal(error.cause, cause);
  assert.equal(error.hint, 'try again');
  assert.ok(!('cause' in new CaissonError('ROOM_CAUSE', 'x')));
});

test('a Secret prints as [secret] in every way JavaScript prints, and erases in place', () => {
  const bytes = new TextEncoder().encode('hunter2');
  const secret = new Secret(bytes);
  const texts = [String(secret), JSON.stringify({ secret }), inspect(secret), inspect({ deep: [secret] }), `${secret}`];
  for (const text of texts) {
    assert.match(text, /\[secret\]/);
    assert.doesNotMatch(text, /hunter2|104/);
  }
  assert.equal(secret.reveal(), bytes);
  secret.erase();
  assert.deepEqual([...bytes], [0, 0, 0, 0, 0, 0, 0]);
});
