// Go's durations and booleans: the values of Go's own time and strconv packages.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { formatDuration, parseDuration, parseGoBool } from './index.ts';

test('reads the durations that time.ParseDuration reads', () => {
  const given: Record<string, number> = {
    '0': 0,
    '+0': 0,
    '5m': 300_000,
    '90s': 90_000,
    '1h30m': 5_400_000,
    '1.5s': 1500,
    '.5s': 500,
    '1.s': 1000,
    '-1.5h': -5_400_000,
    '+5s': 5000,
    '3m.5s': 180_500,
    '100us': 0.1,
    '100µs': 0.1,
    '100μs': 0.1,
    '1ns': 0.000001,
    '1h1h': 7_200_000,
    '0.1000000000000000000000h': 360_000,
    '2562047h47m16.854775807s': 9223372036854.775,
  };
  for (const [text, milliseconds] of Object.entries(given)) assert.equal(parseDuration(text), milliseconds, text);
});

test('refuses what time.ParseDuration refuses', () => {
  for (const text of [
    '',
    '5',
    '-',
    '+',
    's',
    '.',
    '.s',
    '-.s',
    '1e3s',
    ' 5m',
    '5m ',
    '5 m',
    '1d',
    '--1s',
    '1s-1s',
    '5M',
    '0x1s',
    '00',
    'NaN',
    '2562047h47m16.854775808s',
    '9999999h',
    '1'.repeat(100_000),
  ]) {
    assert.throws(
      () => parseDuration(text, 'KNOB'),
      { code: 'CONFIG_DURATION', message: /^KNOB must be a Go duration/ },
      text,
    );
  }
});

test('prints a duration as Go does', () => {
  const given: Record<string, number> = {
    '0s': 0,
    '1ns': 0.000001,
    '1.1µs': 0.0011,
    '2.2ms': 2.2,
    '3.3s': 3300,
    '4m5s': 245_000,
    '4m5.001s': 245_001,
    '5h6m7.001s': 18_367_001,
    '5m0s': 300_000,
    '1h0m0s': 3_600_000,
    '-1.5s': -1500,
  };
  for (const [text, milliseconds] of Object.entries(given)) assert.equal(formatDuration(milliseconds), text);
});

test('reads back what it prints', () => {
  fc.assert(
    fc.property(fc.integer({ min: -(2 ** 40), max: 2 ** 40 }), (microseconds) => {
      assert.equal(parseDuration(formatDuration(microseconds / 1000)), microseconds / 1000);
    }),
    { seed: 1, numRuns: 2000 },
  );
});

test('reads the booleans of strconv.ParseBool and no others', () => {
  for (const text of ['1', 't', 'T', 'TRUE', 'true', 'True']) assert.equal(parseGoBool(text), true);
  for (const text of ['0', 'f', 'F', 'FALSE', 'false', 'False']) assert.equal(parseGoBool(text), false);
  for (const text of ['', 'yes', 'no', 'tRUE', ' true', '2', 'on']) {
    assert.throws(() => parseGoBool(text), { code: 'CONFIG_BOOLEAN' }, text);
  }
});
