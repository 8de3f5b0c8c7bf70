// Errors in Node's form.
import { equal } from 'node:assert/strict';
import { test } from 'node:test';
import { createSystemError, errnoName, errnoNumber } from './errno.ts';

test('an errno becomes an Error with code, negative errno, syscall, object, cause and hint', () => {
  const cause = new Error('raw');
  const error = createSystemError(errnoNumber('ECONNREFUSED'), 'connect', 'vsock:16:5000', {
    cause,
    reason: 'nobody listens',
    hint: 'start it',
  });
  equal(error.message, 'connect ECONNREFUSED vsock:16:5000: nobody listens');
  equal(error.code, 'ECONNREFUSED');
  equal(error.errno, -111);
  equal(error.syscall, 'connect');
  equal(error.cause, cause);
  equal(error.hint, 'start it');
});

test('an error without cause and hint has neither property', () => {
  const error = createSystemError(-24, 'socket', 'vsock:16:5000');
  equal(error.code, 'EMFILE');
  equal('cause' in error, false);
  equal('hint' in error, false);
});

test('a number that libuv has no name for keeps its number', () => {
  equal(errnoName(-126), 'ERRNO_126');
});
