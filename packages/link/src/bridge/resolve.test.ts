// From a name to what is dialled, and the race over it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { raceAttempts } from './race.ts';
import { resolveBySystem, resolveTargets, untilAborted } from './resolve.ts';

const policy = { what: 'bridge b', allowMetadata: false };
const { signal } = new AbortController();
const answer =
  (...addresses: string[]) =>
  async (): Promise<string[]> =>
    addresses;

test('never looks up a literal', async () => {
  const resolve = async (): Promise<never> => assert.fail('looked up');
  assert.deepEqual(await resolveTargets('127.0.0.1', policy, resolve, signal), ['127.0.0.1']);
  assert.deepEqual(await resolveTargets('::1', policy, resolve, signal), ['::1']);
});

test('alternates families and starts with the one that the resolver prefers', async () => {
  const mixed = answer('::1', '::2', '127.0.0.1', '::3', '127.0.0.2');
  assert.deepEqual(await resolveTargets('a.test', policy, mixed, signal), [
    '::1',
    '127.0.0.1',
    '::2',
    '127.0.0.2',
    '::3',
  ]);
});

test('tries at most 16 addresses of a name', async () => {
  const many = Array.from({ length: 1_000 }, (_, index) => `127.0.${index >> 8}.${index & 255}`);
  assert.equal((await resolveTargets('a.test', policy, answer(...many), signal)).length, 16);
});

test('refuses a name of which one answer is a metadata address, and lets it pass where that is allowed', async () => {
  const answers = answer('127.0.0.1', '169.254.169.254');
  await assert.rejects(resolveTargets('a.test', policy, answers, signal), {
    name: 'PolicyError',
    code: 'BRIDGE_METADATA',
    message: 'bridge b must not dial a.test at 169.254.169.254, a metadata or credentials address',
  });
  assert.equal((await resolveTargets('a.test', { ...policy, allowMetadata: true }, answers, signal)).length, 2);
});

test('refuses an answer that cannot be judged', async () => {
  await assert.rejects(resolveTargets('a.test', policy, answer('127.0.0.1', 'b.test'), signal), {
    code: 'BRIDGE_RESOLVE',
    message: 'bridge b cannot resolve a.test: answer "b.test" is no address',
  });
});

test('says why a name has no address', async () => {
  await assert.rejects(resolveTargets('a.test', policy, answer(), signal), {
    message: 'bridge b cannot resolve a.test: no address',
  });
  const missing = async (): Promise<never> => Promise.reject(Object.assign(new Error('x'), { code: 'ENOTFOUND' }));
  await assert.rejects(resolveTargets('a.test', policy, missing, signal), {
    message: 'bridge b cannot resolve a.test: ENOTFOUND',
  });
});

test('stops waiting for a silent resolver when its signal aborts', async () => {
  const stop = new AbortController();
  const waiting = resolveTargets('a.test', policy, () => new Promise(() => {}), stop.signal);
  stop.abort(new Error('dial timeout'));
  await assert.rejects(waiting, { message: 'dial timeout' });
  await assert.rejects(untilAborted(new Promise(() => {}), stop.signal), { message: 'dial timeout' });
});

test('asks the system once for connections that want one name at the same time', async () => {
  const [first, second] = [resolveBySystem('localhost', signal), resolveBySystem('localhost', signal)];
  assert.equal(first, second);
  assert.ok((await first).includes('127.0.0.1') || (await first).includes('::1'));
  assert.notEqual(resolveBySystem('localhost', signal), first);
});

test('a race starts the next attempt at once when one fails, and calls the others off when one wins', async () => {
  const calledOff: string[] = [];
  const started: string[] = [];
  const won = await raceAttempts({
    candidates: ['fails', 'hangs', 'wins', 'never'],
    staggerMs: 20,
    signal,
    discard: () => assert.fail('nothing came late'),
    attempt(name, attemptSignal) {
      started.push(name);
      attemptSignal.addEventListener('abort', () => calledOff.push(name));
      if (name === 'fails') return Promise.reject(new Error('refused'));
      return name === 'wins' ? Promise.resolve(name) : new Promise(() => {});
    },
  });
  assert.equal(won, 'wins');
  assert.deepEqual(started, ['fails', 'hangs', 'wins']);
  assert.deepEqual(calledOff, ['hangs']);
});

test('a race discards what comes after the winner, and fails with the error of the preferred candidate', async () => {
  const late: string[] = [];
  const { promise, resolve } = Promise.withResolvers<string>();
  const race = { signal, staggerMs: 1, discard: (name: string) => void late.push(name) };
  await raceAttempts({ ...race, candidates: [promise, Promise.resolve('b')], attempt: (candidate) => candidate });
  resolve('a');
  await promise;
  await new Promise((turn) => setImmediate(turn));
  assert.deepEqual(late, ['a']);
  const failing = raceAttempts({
    ...race,
    candidates: ['a', 'b'],
    attempt: async (name: string) => Promise.reject(new Error(`no ${name}`)),
  });
  await assert.rejects(failing, { message: 'no a' });
});

test('a race that is aborted ends with the reason and leaves no attempt running', async () => {
  const stop = new AbortController();
  let attemptSignal: AbortSignal | undefined;
  const race = raceAttempts({
    candidates: ['a'],
    signal: stop.signal,
    discard: () => {},
    attempt: (_, own) => {
      attemptSignal = own;
      return new Promise(() => {});
    },
  });
  stop.abort(new Error('dial timeout'));
  await assert.rejects(race, { message: 'dial timeout' });
  assert.equal(attemptSignal?.aborted, true);
});
