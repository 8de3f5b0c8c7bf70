// What is seen while enclaves come up.
import { deepEqual, doesNotMatch, equal, match, ok } from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { test } from 'node:test';
import type { EngineEvent } from '@caisson/host/engine';
import { createPhaseView } from './phase-view.ts';

const story: readonly EngineEvent[] = [
  { kind: 'note', enclave: null, level: 'info', text: 'backend sim (asked for)' },
  { kind: 'begin', enclave: 'web', phase: 'build' },
  { kind: 'done', enclave: 'web', phase: 'build', ms: 1_234, note: 'built\u001b[2J' },
  { kind: 'note', enclave: 'web', level: 'warn', text: 'no kernel here', hint: 'make one' },
  { kind: 'begin', enclave: 'web', phase: 'boot' },
  { kind: 'begin', enclave: 'api', phase: 'build' },
  { kind: 'done', enclave: 'web', phase: 'boot', ms: 20, note: null },
  { kind: 'begin', enclave: 'web', phase: 'services' },
  { kind: 'failed', enclave: 'web', phase: 'services', message: 'late' },
];

interface Shown {
  readonly isTTY: boolean;
  readonly quiet?: boolean;
  readonly terminal?: string;
  readonly events?: readonly EngineEvent[];
  readonly columns?: number;
  readonly rows?: number;
}

function shown({ isTTY, quiet = false, terminal, events = story, columns = 60, rows = 24 }: Shown): string {
  const stderr = Object.assign(new PassThrough({ encoding: 'utf8' }), { isTTY, columns, rows });
  let nowMs = 0;
  const view = createPhaseView(stderr, { quiet, terminal, now: () => nowMs });
  for (const event of events) {
    nowMs += 500;
    view.onEvent(event);
  }
  view.close();
  return String(stderr.read() ?? '');
}

test('away from a terminal each thing that is done is one line, and nothing of an enclave steers anything', () => {
  deepEqual(shown({ isTTY: false }).trimEnd().split('\n'), [
    'backend sim (asked for)',
    'web  build       1.23 s  built\\u001b[2J',
    'warning: web: no kernel here',
    '  hint: make one',
    'web  boot        0.02 s',
    'web  services   FAILED',
  ]);
});

test('on a terminal one table fills itself, within its width; what was passed over is a dash, what goes on counts', () => {
  const text = shown({ isTTY: true });
  const frames = text.split(/\u001b\[\d+A\r\u001b\[J/);
  const last = frames.at(-1)!.trimEnd().split('\n');
  match(last[0]!, /^ENCLAVE {2}BUILD {4}BOOT {5}HEARTBEAT {2}CONFIG {3}SERVICES/);
  match(last[1]!, /^web {6}1\.23 s {3}0\.02 s {3}- {10}- {8}FAILED/);
  match(last[2]!, /^api {6}1\.5 \.\.\./);
  equal(
    last.every((line) => line.length < 60),
    true,
  );
  match(text, /\[Jwarning: web: no kernel here$/m);
});

test('a wait that is known to be in vain counts down, and up again where it takes longer', () => {
  const begun: EngineEvent = { kind: 'begin', enclave: 'web', phase: 'config', waitMs: 1_000 };
  const later: readonly EngineEvent[] = Array.from({ length: 3 }, () => story[0]!);
  const frames = shown({ isTTY: true, events: [begun, ...later] }).match(/^web .*$/gm) ?? [];
  deepEqual(
    frames.map((line) => line.split(/ {2,}/).at(-1)),
    ['1 left', '1 left', '1.0 ...', '1.5 ...', '1.5 ...'],
  );
});

test('a terminal that cannot be steered has lines as a file has', () => {
  equal(shown({ isTTY: true, terminal: 'dumb' }), shown({ isTTY: false }));
});

test('more enclaves than a terminal has rows are shown as far as they fit, busy ones first, and all at the end', () => {
  const events = Array.from({ length: 30 }, (_, at): readonly EngineEvent[] => [
    { kind: 'begin', enclave: `enclave-${at}`, phase: 'build' },
    ...(at === 29 ? [] : [{ kind: 'done', enclave: `enclave-${at}`, phase: 'build', ms: 1, note: null } as const]),
  ]).flat();
  const frames = shown({ isTTY: true, events, columns: 80, rows: 10 }).split(/\u001b\[\d+A\r\u001b\[J/);
  ok(frames.slice(0, -1).every((frame) => frame.split('\n').length <= 10));
  match(frames.at(-2)!, /^ENCLAVE .*\nenclave-29 .*\n[\s\S]*and 23 more\n$/);
  equal(frames.at(-1)!.trimEnd().split('\n').length, 31);
});

test('a long name leaves room for the phases', () => {
  const events = [{ kind: 'begin', enclave: 'x'.repeat(63), phase: 'build' } as const];
  match(shown({ isTTY: true, events, columns: 80 }), /^x+… {2}0\.\d \.\.\.$/m);
});

test('with --json nothing is shown', () => {
  equal(shown({ isTTY: true, quiet: true }), '');
  doesNotMatch(shown({ isTTY: false }), /\u001b/);
});

test('a terminal that is too narrow for every phase shows the newest ones, whole', () => {
  const events: EngineEvent[] = (['build', 'boot', 'heartbeat', 'services', 'ready', 'verified'] as const).map(
    (phase) => ({
      ...{ kind: 'done', enclave: 'web', phase, ms: 1_000, note: 'SIMULATED' },
    }),
  );
  const lastOf = (columns: number, count: number): string[] =>
    shown({ isTTY: true, columns, events: events.slice(0, count) })
      .split(/\u001b\[\d+A\r\u001b\[J/)
      .at(-1)!
      .split('\n');
  const names = 'CONFIG   SERVICES  READY    VERIFIED';
  deepEqual(lastOf(60, 6).slice(0, 2), [
    `ENCLAVE  HEARTBEAT  ${names}`,
    'web      1.00 s     -        1.00 s    1.00 s   SIMULATED',
  ]);
  match(lastOf(60, 2)[0]!, /^ENCLAVE {2}BUILD {4}BOOT {5}HEARTBEAT {2}CONFIG {3}SERVICES$/);
  match(lastOf(80, 6)[0]!, new RegExp(`^ENCLAVE {2}BUILD {4}BOOT {5}HEARTBEAT {2}${names}$`));
  match(lastOf(21, 6)[0]!, /^ENCLAVE {2}VERIFIED$/);
});
