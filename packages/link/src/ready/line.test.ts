// The ready line as text: what is written is read back, what is not of the form is refused with the place, and no input does anything else.
import { deepEqual, equal, ok, throws } from 'node:assert/strict';
import { test } from 'node:test';
import { CaissonError } from '@caisson/core/errors';
import { isServiceName } from '@caisson/core/measured';
import fc from 'fast-check';
import { formatReadyLine, parseReadyLine } from './line.ts';
import { ReadyLineSplitter } from './line-splitter.ts';
import { MAX_READY_LINE_BYTES, MAX_READY_REASONS, PHASES, REASON_CODES, type ReadyState } from './messages.ts';

const bootId = '0123456789abcdef0123456789abcdef';
const state = {
  v: 1,
  bootId,
  phase: 'services',
  uptimeMs: 1234,
  profile: 'production',
  clock: 'kvm-clock',
  reasons: [{ code: 'service-exited', service: 'app', exit: 1 }],
} as const;
const parse = (value: unknown) =>
  parseReadyLine(Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)));
const numRuns = process.env['CAISSON_LANE'] === 'deep' ? 100_000 : 1_000;

const name = fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9_.@+-]{0,62}$/).filter(isServiceName);
const reason = fc.record(
  {
    code: fc.constantFrom(...REASON_CODES),
    service: name,
    exit: fc.nat({ max: 255 }),
    signal: fc.integer({ min: 1, max: 64 }),
  },
  { requiredKeys: ['code'], noNullPrototype: true },
);
const states = fc.record(
  {
    v: fc.constant(1 as const),
    bootId: fc.stringMatching(/^[0-9a-f]{32}$/),
    phase: fc.constantFrom(...PHASES),
    uptimeMs: fc.nat(),
    configSha384: fc.stringMatching(/^[0-9a-f]{96}$/),
    profile: fc.constantFrom('development' as const, 'production' as const),
    clock: fc.constantFrom('kvm-clock', 'tsc', 'unknown'),
    reasons: fc.array(reason, { maxLength: MAX_READY_REASONS }),
    more: fc.integer({ min: 1, max: 65_535 }),
  },
  { requiredKeys: ['v', 'bootId', 'phase', 'uptimeMs', 'profile', 'clock', 'reasons'], noNullPrototype: true },
);

test('reads every state that can be written, and none is over the bound', () => {
  fc.assert(
    fc.property(states, (one) => {
      const line = formatReadyLine(one as ReadyState);
      ok(Buffer.byteLength(line) <= MAX_READY_LINE_BYTES, `${Buffer.byteLength(line)}`);
      const { v: _, configSha384 = null, more = 0, ...rest } = one;
      deepEqual(parse(line.trimEnd()), { kind: 'state', ...rest, configSha384, more });
    }),
    { seed: 1, numRuns },
  );
});

test('the longest state that a reporter can have is one line', () => {
  const longest = { code: 'service-requirement', service: 'a'.repeat(63), exit: 255, signal: 64 } as const;
  const one: ReadyState = {
    ...state,
    phase: 'degraded',
    uptimeMs: Number.MAX_SAFE_INTEGER,
    clock: 'c'.repeat(32),
    configSha384: 'a'.repeat(96),
    reasons: Array(MAX_READY_REASONS).fill(longest),
    more: 65_535,
  };
  ok(formatReadyLine(one).length <= MAX_READY_LINE_BYTES, `${formatReadyLine(one).length}`);
});

test('shows a reason that is in no list as unknown, and nothing of what was written', () => {
  const seen = parse({
    ...state,
    reasons: [
      { code: '\u001b[31mgone' },
      'text',
      { code: 'cycle', service: '../../etc', exit: 256, signal: 65, hint: 'x' },
    ],
  });
  deepEqual(seen.kind === 'state' && seen.reasons, [{ code: 'unknown' }, { code: 'unknown' }, { code: 'cycle' }]);
  deepEqual(parse({ v: 1, final: true, exit: 3, code: 'new-in-2030' }), { kind: 'final', exit: 3, code: 'unknown' });
});

test('refuses a line that is not of the form, with the member and what it got', () => {
  const faults: [unknown, RegExp][] = [
    ['', /ready line: JSON text must have a value here/],
    ['[]', /must be an object, got an array of 0/],
    ['{"v":1', /JSON text/],
    [{ ...state, v: 2 }, /v must be 1, got 2/],
    [{ ...state, phase: 'up' }, /phase must be a phase, got "up"/],
    [{ ...state, bootId: bootId.toUpperCase() }, /bootId must be 32 hex digits/],
    [{ ...state, bootId: `${bootId}0` }, /bootId/],
    [{ ...state, uptimeMs: -1 }, /uptimeMs must be an integer in 0\.\.9007199254740991, got -1/],
    [{ ...state, uptimeMs: 1.5 }, /uptimeMs/],
    [{ ...state, profile: 'debug' }, /profile must be development or production/],
    [{ ...state, clock: 'a b' }, /clock/],
    [{ ...state, configSha384: 'ab' }, /configSha384/],
    [{ ...state, reasons: {} }, /reasons must be an array of at most 24, got an object/],
    [{ ...state, reasons: Array(25).fill({ code: 'cycle' }) }, /got an array of 25/],
    [{ ...state, more: 0 }, /more must be an integer in 1\.\.65535/],
    [{ ...state, note: 'x' }, /"note" is no member/],
    [`{"v":1,"v":1}`, /given twice/],
    [{ v: 1, final: true, exit: 256, code: 'stopped' }, /exit must be an integer in 0\.\.255/],
    [{ v: 1, final: false, exit: 0, code: 'stopped' }, /final must be true/],
    [{ v: 1, final: true, exit: 0, code: 'stopped', bootId }, /"bootId" is no member/],
    [{ v: 1, words: { service: '../x', part: 0, parts: 1, lines: [] } }, /service must be the name of a service/],
    [{ v: 1, words: { service: 'app', part: 1, parts: 1, lines: [] } }, /part must be an integer in 0\.\.0/],
    [{ v: 1, words: { service: 'app', part: 0, parts: 65, lines: [] } }, /parts must be an integer in 1\.\.64/],
    [{ v: 1, words: { service: 'app', part: 0, parts: 1, lines: [1] } }, /lines must hold text, got 1/],
    [{ v: 1, words: { service: 'app', part: 0, parts: 1, lines: [], sealed: 'AA==' } }, /words\."lines" is no member/],
    [{ v: 1, words: { service: 'app', part: 0, parts: 1, sealed: 'a b' } }, /sealed must be base64/],
  ];
  for (const [value, message] of faults) throws(() => parse(value), { code: 'READY_LINE_FORM', message });
});

test('any bytes are a line of the form or an error with a code', () => {
  const text = JSON.stringify(state);
  const mutant = fc
    .tuple(fc.nat({ max: text.length }), fc.nat({ max: 6 }), fc.string())
    .map(([at, cut, patch]) => Buffer.from(text.slice(0, at) + patch + text.slice(at + cut)));
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array({ maxLength: 300 }), mutant), (bytes) => {
      try {
        parseReadyLine(bytes);
      } catch (error) {
        ok(error instanceof CaissonError && error.code === 'READY_LINE_FORM', String(error));
      }
    }),
    { seed: 1, numRuns },
  );
});

test('splits lines whatever the chunks, and refuses a line at its bound, not at its end', () => {
  const lines = ['', 'a', 'x'.repeat(MAX_READY_LINE_BYTES - 1), 'é'];
  const stream = Buffer.from(`${lines.join('\n')}\nrest`);
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 2_000 }), { minLength: 1, maxLength: 9 }), (steps) => {
      const splitter = new ReadyLineSplitter();
      const seen: string[] = [];
      for (let at = 0, turn = 0; at < stream.length; turn += 1) {
        const step = steps[turn % steps.length] ?? 1;
        for (const line of splitter.push(stream.subarray(at, at + step))) seen.push(Buffer.from(line).toString());
        at += step;
      }
      deepEqual(seen, lines);
      equal(splitter.pendingBytes, 4);
    }),
    { seed: 1, numRuns: 50 },
  );
  const splitter = new ReadyLineSplitter();
  deepEqual([...splitter.push(Buffer.alloc(MAX_READY_LINE_BYTES - 1, 'x'))], []);
  throws(() => [...splitter.push(Buffer.from('x'))], {
    code: 'READY_LINE_TOO_LONG',
    message: 'ready line must have at most 4096 bytes with its newline, got 4096 without',
  });
});
