// Phases with their times, in whichever pieces they are seen.
import { deepEqual } from 'node:assert/strict';
import { test } from 'node:test';
import { fakeState } from '@caisson/testkit/fake';
import type { EngineEvent } from './event.ts';
import { createTeller } from './phase-teller.ts';
import { Timeline } from './timeline.ts';

test('a phase ends where the next one begins, by the moments of both; an earlier one changes nothing', () => {
  let nowMs = 1_000;
  const events: EngineEvent[] = [];
  const timeline = new Timeline(
    'a',
    (event) => void events.push(event),
    () => nowMs,
  );
  timeline.begin('build');
  nowMs = 1_200;
  timeline.done('built');
  timeline.begin('boot');
  timeline.begin('heartbeat', 1_250);
  timeline.begin('boot', 1_260);
  nowMs = 2_000;
  timeline.begin('services', 1_400);
  timeline.begin('ready', 1_900);
  timeline.done('sim', 650);
  deepEqual(
    timeline.phases.map(({ phase, ms, note }) => [phase, ms, note]),
    [
      ['build', 200, 'built'],
      ['boot', 50, null],
      ['heartbeat', 150, null],
      ['services', 500, null],
      ['ready', 650, 'sim'],
    ],
  );
  timeline.failed('it fell');
  deepEqual(timeline.failedIn, 'verified');
  deepEqual(events.at(-1), { kind: 'failed', enclave: 'a', phase: 'verified', message: 'it fell' });
});

test('what fails before it began anything failed in its first phase', () => {
  const timeline = new Timeline('a', () => {});
  timeline.failed('no such file');
  deepEqual([timeline.failedIn, timeline.phases], ['build', []]);
});

test('what proves or isolates nothing is a warning, each departure once', () => {
  const notes: string[][] = [];
  const timeline = new Timeline('a', (event) => void (event.kind === 'note' && notes.push([event.level, event.text])));
  const { onState } = createTeller(timeline);
  const departures = [
    'NOT ISOLATED: it is a plain process',
    'DEBUG: zero',
    'PCR0, PCR1: as built',
    'memory is not bounded',
  ];
  for (let round = 0; round < 2; round += 1) onState(fakeState('a', { phase: 'booting', departures }));
  deepEqual(notes, [
    ['warn', departures[0]],
    ['warn', departures[1]],
    ['info', departures[2]],
    ['info', departures[3]],
  ]);
});

test('a clock that is set back makes no time negative', () => {
  let nowMs = 1_000_000;
  const done: number[] = [];
  const onEvent = (event: EngineEvent): void => void (event.kind === 'done' && done.push(event.ms));
  const timeline = new Timeline('web', onEvent, () => nowMs);
  timeline.begin('build');
  nowMs = 400_000;
  timeline.done();
  timeline.begin('boot');
  timeline.begin('heartbeat', 100_000);
  nowMs = 400_250;
  timeline.done();
  deepEqual(done, [0, 0, 300_250]);
});
