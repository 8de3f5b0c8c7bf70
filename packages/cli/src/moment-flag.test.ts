// --since, --tail and --interval as they are written.
import { equal, throws } from 'node:assert/strict';
import { test } from 'node:test';
import { parseInterval, parseSince, parseTail } from './moment-flag.ts';

const nowMs = Date.parse('2026-11-21T10:00:00.000Z');

test('--since is so long ago, or a moment', () => {
  equal(parseSince('10m', nowMs), nowMs - 600_000);
  equal(parseSince('1h30m', nowMs), nowMs - 5_400_000);
  equal(parseSince('2026-11-21T09:59:00Z', nowMs), nowMs - 60_000);
  for (const text of [
    '',
    'yesterday',
    '-1m',
    '10',
    '2026-11-21T10:00:01Z',
    '2024-01-01T00:00:00Z',
    '2026-13-41T00:00:00Z',
    '9999h',
  ])
    throws(
      () => parseSince(text, nowMs),
      { code: 'CLI_USAGE', message: /^--since must be a duration such as 10m or a moment/ },
      text,
    );
});

test('--tail and --interval are within their bounds', () => {
  equal(parseTail('1', 10), 1);
  for (const text of ['0', '11', '-1', '1e1', '', 'all'])
    throws(() => parseTail(text, 10), { message: /^--tail must be an integer in 1\.\.10, got/ }, text);
  equal(parseInterval('--interval', '2s'), 2_000);
  for (const text of ['99ms', '2h', '2', ''])
    throws(() => parseInterval('--interval', text), { message: /^--interval must be a duration in 100ms\.\.1h/ }, text);
});
