// The knobs: their defaults, what they take, and the exact line for what they do not.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseArgonautKnobs } from './index.ts';

const defaults = { maxConnections: 1024, idleTimeoutMs: 300_000, httpBindAddress: '0.0.0.0', logConnections: true };

test('has argonaut’s defaults when nothing is set, or only emptiness', () => {
  assert.deepEqual(parseArgonautKnobs({}), { knobs: defaults, complaints: [] });
  const empty = {
    ARGONAUT_MAX_CONNECTIONS: '',
    ARGONAUT_IDLE_TIMEOUT: '',
    ARGONAUT_HTTP_BIND_ADDR: '',
    ARGONAUT_LOG_CONNECTIONS: '',
  };
  assert.deepEqual(parseArgonautKnobs(empty), { knobs: defaults, complaints: [] });
});

test('takes what Go’s Atoi, ParseDuration and ParseBool take', () => {
  const cases: readonly [string, string, Partial<typeof defaults>][] = [
    ['ARGONAUT_MAX_CONNECTIONS', '1', { maxConnections: 1 }],
    ['ARGONAUT_MAX_CONNECTIONS', '+007', { maxConnections: 7 }],
    ['ARGONAUT_MAX_CONNECTIONS', '9223372036854775807', { maxConnections: 65_536 }],
    ['ARGONAUT_IDLE_TIMEOUT', '5m', { idleTimeoutMs: 300_000 }],
    ['ARGONAUT_IDLE_TIMEOUT', '90s', { idleTimeoutMs: 90_000 }],
    ['ARGONAUT_IDLE_TIMEOUT', '0', { idleTimeoutMs: 0 }],
    ['ARGONAUT_IDLE_TIMEOUT', '0s', { idleTimeoutMs: 0 }],
    ['ARGONAUT_IDLE_TIMEOUT', '1ns', { idleTimeoutMs: 1 }],
    ['ARGONAUT_IDLE_TIMEOUT', '2562047h', { idleTimeoutMs: 0x7fffffff }],
    ['ARGONAUT_HTTP_BIND_ADDR', '127.0.0.1', { httpBindAddress: '127.0.0.1' }],
    ['ARGONAUT_HTTP_BIND_ADDR', '::1', { httpBindAddress: '::1' }],
    ['ARGONAUT_LOG_CONNECTIONS', '0', { logConnections: false }],
    ['ARGONAUT_LOG_CONNECTIONS', 'False', { logConnections: false }],
    ['ARGONAUT_LOG_CONNECTIONS', 'T', { logConnections: true }],
  ];
  for (const [name, value, expected] of cases) {
    assert.deepEqual(
      parseArgonautKnobs({ [name]: value }),
      { knobs: { ...defaults, ...expected }, complaints: [] },
      value,
    );
  }
});

test('names a bad value in one line and uses the default', () => {
  const cases: readonly [string, string, string][] = [
    ['ARGONAUT_MAX_CONNECTIONS', '0', 'invalid ARGONAUT_MAX_CONNECTIONS="0"; using 1024'],
    ['ARGONAUT_MAX_CONNECTIONS', '-5', 'invalid ARGONAUT_MAX_CONNECTIONS="-5"; using 1024'],
    ['ARGONAUT_MAX_CONNECTIONS', '1e3', 'invalid ARGONAUT_MAX_CONNECTIONS="1e3"; using 1024'],
    ['ARGONAUT_MAX_CONNECTIONS', ' 5', 'invalid ARGONAUT_MAX_CONNECTIONS=" 5"; using 1024'],
    [
      'ARGONAUT_MAX_CONNECTIONS',
      '9223372036854775808',
      'invalid ARGONAUT_MAX_CONNECTIONS="9223372036854775808"; using 1024',
    ],
    ['ARGONAUT_IDLE_TIMEOUT', '5', 'invalid ARGONAUT_IDLE_TIMEOUT="5"; using 5m0s'],
    ['ARGONAUT_IDLE_TIMEOUT', '-5m', 'invalid ARGONAUT_IDLE_TIMEOUT="-5m"; using 5m0s'],
    ['ARGONAUT_IDLE_TIMEOUT', 'a"b\\c\n\u001b', 'invalid ARGONAUT_IDLE_TIMEOUT="a\\"b\\\\c\\n\\x1b"; using 5m0s'],
    ['ARGONAUT_HTTP_BIND_ADDR', 'everywhere', 'invalid ARGONAUT_HTTP_BIND_ADDR="everywhere"; using 0.0.0.0'],
    ['ARGONAUT_HTTP_BIND_ADDR', '127.1', 'invalid ARGONAUT_HTTP_BIND_ADDR="127.1"; using 0.0.0.0'],
    ['ARGONAUT_LOG_CONNECTIONS', 'yes', 'invalid ARGONAUT_LOG_CONNECTIONS="yes"; using true'],
  ];
  for (const [name, value, line] of cases) {
    assert.deepEqual(parseArgonautKnobs({ [name]: value }), { knobs: defaults, complaints: [line] });
  }
});

test('has usable knobs and one-line complaints for any environment', () => {
  const value = fc.string({ maxLength: 12, unit: 'binary' });
  const names = [
    'ARGONAUT_MAX_CONNECTIONS',
    'ARGONAUT_IDLE_TIMEOUT',
    'ARGONAUT_HTTP_BIND_ADDR',
    'ARGONAUT_LOG_CONNECTIONS',
  ];
  fc.assert(
    fc.property(fc.array(value, { minLength: 4, maxLength: 4 }), (values) => {
      const env = Object.fromEntries(names.map((name, index) => [name, values[index] ?? '']));
      const { knobs, complaints } = parseArgonautKnobs(env);
      assert.ok(Number.isInteger(knobs.maxConnections) && knobs.maxConnections >= 1 && knobs.maxConnections <= 65_536);
      assert.ok(Number.isInteger(knobs.idleTimeoutMs) && knobs.idleTimeoutMs >= 0 && knobs.idleTimeoutMs <= 0x7fffffff);
      for (const line of complaints) assert.doesNotMatch(line, /[\n\r\u2028\u2029\u0000-\u001f\u007f]/);
    }),
    { seed: 1, numRuns: 2000 },
  );
});
