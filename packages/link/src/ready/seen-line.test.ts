// The host's machine of one ready line: whatever comes in whatever order, it is in one of its states, keeps to its bounds, and takes nothing
// for a boot's that the boot did not say.
import { deepEqual, equal, ok, throws } from 'node:assert/strict';
import { test } from 'node:test';
import { CaissonError } from '@caisson/core/errors';
import fc from 'fast-check';
import type { SeenFinal, SeenMessage, SeenState, SeenWordsPart } from './line.ts';
import { SeenLine } from './seen-line.ts';

const state = (bootId: string, phase: SeenState['phase'] = 'ready'): SeenState => ({
  kind: 'state',
  bootId,
  phase,
  uptimeMs: 1,
  configSha384: null,
  profile: 'development',
  clock: 'tsc',
  reasons: [],
  more: 0,
});
const words = (service: string, part = 0, parts = 1): SeenWordsPart => ({
  kind: 'words',
  service,
  part,
  parts,
  content: { lines: [`${service} ${part}`] },
});
const final: SeenFinal = { kind: 'final', exit: 0, code: 'stopped' };

test('goes through its states as the page says', () => {
  const line = new SeenLine();
  const standings: string[] = [line.standing];
  const step = (act: () => unknown): void => {
    act();
    standings.push(line.standing);
  };
  step(() => line.connected());
  step(() => line.take(state('a')));
  step(() => line.silent(15_000));
  step(() => line.take(state('a')));
  step(() => line.lost(undefined));
  step(() => line.connected());
  step(() => line.take(state('a')));
  step(() => line.take(final));
  step(() => line.lost(undefined));
  step(() => line.connected());
  step(() => line.take(state('b')));
  deepEqual(standings, [
    ...['waiting', 'waiting', 'open', 'silent', 'open', 'lost', 'lost', 'open', 'ended', 'ended', 'ended', 'open'],
  ]);
  equal(line.final, undefined, 'the end of the boot before is not this one’s');
});

test('words that were cut by the end of a connection are no words', () => {
  const line = new SeenLine();
  line.connected();
  line.take(state('a'));
  line.take(words('app', 0, 2));
  line.lost(undefined);
  line.connected();
  line.take(state('a'));
  throws(() => line.take(words('app', 1, 2)), { code: 'READY_LINE_FORM' });
  deepEqual(line.words, []);
});

test('keeps the words of 32 services, and newer ones of those', () => {
  const line = new SeenLine();
  line.connected();
  line.take(state('a'));
  for (let index = 0; index < 40; index += 1) line.take(words(`s${index}`));
  equal(line.words.length, 32);
  equal(line.take(words('s39')), undefined);
  deepEqual(line.take(words('s0'))?.kind, 'words');
});

test('any order of messages and breaks keeps the machine in its states', () => {
  const message: fc.Arbitrary<SeenMessage | 'connected' | 'lost' | 'silent'> = fc.oneof(
    fc.constantFrom('connected' as const, 'lost' as const, 'silent' as const, final),
    fc.constantFrom('a', 'b').map((bootId) => state(bootId)),
    fc.tuple(fc.constantFrom('x', 'y'), fc.nat({ max: 1 }), fc.constantFrom(1, 2)).map((one) => words(...one)),
  );
  fc.assert(
    fc.property(fc.array(message, { maxLength: 40 }), (messages) => {
      const line = new SeenLine();
      let isNamed = false;
      for (const one of messages) {
        try {
          if (one === 'connected') line.connected();
          else if (one === 'lost') line.lost(undefined);
          else if (one === 'silent') line.silent(1);
          else line.take(one);
          if (one === 'connected') isNamed = false;
          if (typeof one === 'object') {
            if (one.kind === 'state') isNamed = true;
            else ok(isNamed, 'nothing counts before a boot is named');
          }
        } catch (error) {
          ok(error instanceof CaissonError && error.code === 'READY_LINE_FORM', String(error));
        }
        ok(['waiting', 'open', 'silent', 'lost', 'ended'].includes(line.standing));
        if (line.standing === 'ended') ok(line.final !== undefined);
        if (line.standing !== 'waiting') ok(line.state !== undefined);
      }
    }),
    { seed: 1, numRuns: process.env['CAISSON_LANE'] === 'deep' ? 20_000 : 1_000 },
  );
});
