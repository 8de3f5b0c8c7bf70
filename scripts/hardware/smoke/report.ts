// One line for each check, as it is known, and what came of all of them.
import type { SmokeSettings } from './settings.ts';

export type CheckOutcome = 'PASS' | 'FAIL' | 'SKIP';

export interface CheckLine {
  readonly outcome: CheckOutcome;
  readonly name: string;
  readonly list: 'argonaut' | 'caisson';
  readonly detail: string;
}

export interface Report {
  readonly lines: readonly CheckLine[];
  add(line: CheckLine): void;
  /** 0 where nothing failed and every check of the list was looked at. */
  finish(): number;
}

const nameWidth = 14;

type Ran = Pick<SmokeSettings, 'backend' | 'isSimulated'>;

export function createReport({ backend, isSimulated }: Ran, expected: number, say: (line: string) => void): Report {
  const lines: CheckLine[] = [];
  return {
    lines,
    add(line) {
      lines.push(line);
      say(`${line.outcome}  ${line.name.padEnd(nameWidth)}${line.detail}`);
    },
    finish() {
      const count = (list: CheckLine['list'], outcome: CheckOutcome): number =>
        lines.filter((line) => line.list === list && line.outcome === outcome).length;
      const failed = count('argonaut', 'FAIL') + count('caisson', 'FAIL');
      const skipped = count('argonaut', 'SKIP') + count('caisson', 'SKIP');
      const missing = expected - lines.length;
      const held = `argonaut's checks: ${count('argonaut', 'PASS')}, ours: ${count('caisson', 'PASS')}`;
      const rest = `failed: ${failed}, skipped: ${skipped}, not reached: ${missing}`;
      say(`${failed === 0 && missing === 0 ? 'HELD' : 'DID NOT HOLD'}  ${held}; ${rest}; backend ${backend}`);
      if (isSimulated) say('SIMULATED: this says nothing about hardware');
      return failed === 0 && missing === 0 ? 0 : 1;
    },
  };
}
