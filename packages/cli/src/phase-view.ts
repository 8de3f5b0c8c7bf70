// What a person sees while enclaves come up: on a terminal one table that fills itself, elsewhere a line for each thing that happens.

import type { Writable } from 'node:stream';
import { plain } from '@caisson/core/log';
import type { EngineEvent, UpPhase } from '@caisson/host/engine';
import { durationText } from './duration-text.ts';
import { standardSize } from './terminal-size.ts';

export interface PhaseView {
  onEvent(event: EngineEvent): void;
  /** Ends the view; the table stays on the screen. */
  close(): void;
}

// Given: UP_PHASES of host/engine, which is loaded only when a command runs. A phase that is missing here does not compile.
const phaseSet: Readonly<Record<UpPhase, true>> = {
  build: true,
  boot: true,
  heartbeat: true,
  config: true,
  services: true,
  ready: true,
  verified: true,
};
const phases = Object.keys(phaseSet) as readonly UpPhase[];
// Chosen.
const frameMs = 100;

// Given: the one value of TERM for a terminal without ECMA-48's control sequences.
const dumb = 'dumb';
const leastNameColumns = 8;

type Stderr = Writable & { readonly isTTY?: boolean; readonly columns?: number; readonly rows?: number };

export interface PhaseViewOptions {
  readonly quiet: boolean;
  /** Value of TERM. */
  readonly terminal?: string | undefined;
  readonly now?: () => number;
}

export function createPhaseView(stderr: Stderr, { quiet, terminal, now = Date.now }: PhaseViewOptions): PhaseView {
  if (quiet) return { onEvent: () => {}, close: () => {} };
  return stderr.isTTY === true && terminal !== dumb ? new PhaseTable(stderr, now) : new PhaseLines(stderr);
}

class PhaseLines implements PhaseView {
  readonly #stderr: Stderr;

  constructor(stderr: Stderr) {
    this.#stderr = stderr;
  }

  onEvent(event: EngineEvent): void {
    const line = lineOf(event);
    if (line !== undefined) this.#stderr.write(`${line}\n`);
  }

  close(): void {}
}

/** Undefined for a phase that only begins: a log file needs only what is done. */
function lineOf(event: EngineEvent): string | undefined {
  if (event.kind === 'note') return noteText(event);
  if (event.kind === 'begin') return undefined;
  if (event.kind === 'failed') return `${event.enclave}  ${event.phase.padEnd(9)}  FAILED`;
  const note = event.note === null ? '' : `  ${plain(event.note)}`;
  return `${event.enclave}  ${event.phase.padEnd(9)}  ${durationText(event.ms).padStart(7)}${note}`;
}

function noteText({ enclave, level, text, hint }: Extract<EngineEvent, { kind: 'note' }>): string {
  const who = enclave === null ? '' : `${enclave}: `;
  const advice = hint === undefined ? '' : `\n  hint: ${plain(hint)}`;
  return `${level === 'warn' ? 'warning: ' : ''}${who}${plain(text)}${advice}`;
}

type Cell = { readonly fromMs: number; readonly waitMs: number | undefined } | { readonly text: string };
type Row = readonly [name: string, row: ReadonlyMap<UpPhase, Cell>];

const cellWidths = phases.map((phase) => Math.max(7, phase.length));
// The last cell may read SIMULATED.
const phasesColumns = cellWidths.reduce((sum, width) => sum + 2 + width, 0) + 1;

function isOpen([, row]: Row): boolean {
  return [...row.values()].some((cell) => 'fromMs' in cell);
}

/** Where not all of them fit, those that are over go first: what happens now is what a person waits for. */
function phasesThatFit(shown: readonly Row[], columns: number): readonly UpPhase[] {
  const newest = Math.max(0, ...shown.flatMap(([, row]) => [...row.keys()].map((phase) => phases.indexOf(phase))));
  const columnsOf = (from: number, to: number): number =>
    cellWidths.slice(from, to).reduce((sum, width) => sum + 2 + width, to === phases.length ? 1 : 0);
  let from = 0;
  while (from < newest && columnsOf(from, newest + 1) > columns) from += 1;
  let to = newest + 1;
  while (to < phases.length && columnsOf(from, to + 1) <= columns) to += 1;
  return phases.slice(from, to);
}

class PhaseTable implements PhaseView {
  readonly #stderr: Stderr;
  readonly #now: () => number;
  readonly #rows = new Map<string, Map<UpPhase, Cell>>();
  #shownLines = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(stderr: Stderr, now: () => number) {
    this.#stderr = stderr;
    this.#now = now;
  }

  onEvent(event: EngineEvent): void {
    if (event.kind === 'note') {
      this.#erase();
      this.#stderr.write(`${noteText(event)}\n`);
    } else {
      const row = this.#rows.get(event.enclave) ?? new Map<UpPhase, Cell>();
      this.#rows.set(event.enclave, row);
      if (event.kind === 'begin') {
        // A new boot clears the phases that the old one had reached.
        for (const phase of phases.slice(phases.indexOf(event.phase))) row.delete(phase);
        row.set(event.phase, { fromMs: this.#now(), waitMs: event.waitMs });
      }
      if (event.kind === 'done') row.set(event.phase, { text: doneText(event) });
      if (event.kind === 'failed') row.set(event.phase, { text: 'FAILED' });
    }
    this.#timer ??= setInterval(() => this.#draw(), frameMs).unref();
    this.#draw();
  }

  close(): void {
    clearInterval(this.#timer);
    this.#draw(Number.POSITIVE_INFINITY);
    this.#shownLines = 0;
  }

  /** Lines above the top of the terminal cannot be rewritten, so only as many are drawn as fit; enclaves that are still on their way come first. */
  #draw(most: number = (this.#stderr.rows ?? standardSize.rows) - 1): void {
    if (this.#rows.size === 0) return;
    this.#erase();
    const columns = this.#stderr.columns ?? standardSize.columns;
    const rows = [...this.#rows];
    const fits = rows.length < most;
    const busiest = fits ? rows : rows.toSorted((left, right) => Number(isOpen(right)) - Number(isOpen(left)));
    const shown = fits ? busiest : busiest.slice(0, Math.max(1, most - 2));
    const lines = this.#lines(shown, columns).map((line) => line.slice(0, Math.max(20, columns - 1)));
    if (!fits) lines.push(`and ${rows.length - shown.length} more`);
    this.#stderr.write(lines.map((line) => `${line}\n`).join(''));
    this.#shownLines = lines.length;
  }

  #erase(): void {
    if (this.#shownLines > 0) this.#stderr.write(`\u001b[${this.#shownLines}A\r\u001b[J`);
    this.#shownLines = 0;
  }

  #lines(shown: readonly Row[], columns: number): string[] {
    const longest = Math.max(7, ...shown.map(([name]) => name.length));
    const width = Math.min(longest, Math.max(leastNameColumns, columns - 1 - phasesColumns));
    const fitting = phasesThatFit(shown, columns - 1 - width);
    const line = (name: string, text: (phase: UpPhase) => string): string =>
      [
        (name.length > width ? `${name.slice(0, width - 1)}…` : name).padEnd(width),
        ...fitting.map((phase) => text(phase).padEnd(cellWidths[phases.indexOf(phase)]!)),
      ]
        .join('  ')
        .trimEnd();
    const head = line('ENCLAVE', (phase) => phase.toUpperCase());
    return [head, ...shown.map(([name, row]) => line(name, (phase) => this.#text(row, phase)))];
  }

  #text(row: ReadonlyMap<UpPhase, Cell>, phase: UpPhase): string {
    const cell = row.get(phase);
    // A phase that was passed over took no visible time.
    const isPast = phases.slice(phases.indexOf(phase) + 1).some((later) => row.has(later));
    if (cell === undefined) return isPast ? '-' : '';
    if ('text' in cell) return cell.text;
    const tookMs = this.#now() - cell.fromMs;
    // A wait that is known to be in vain is shown by what is left of it, while something is.
    const leftMs = cell.waitMs === undefined ? 0 : cell.waitMs - tookMs;
    return leftMs > 0 ? `${Math.ceil(leftMs / 1_000)} left` : `${(tookMs / 1_000).toFixed(1)} ...`;
  }
}

function doneText({ phase, ms, note }: Extract<EngineEvent, { kind: 'done' }>): string {
  if (phase !== 'verified') return durationText(ms);
  if (note?.startsWith('not verified')) return 'no';
  return note?.startsWith('SIMULATED') ? 'SIMULATED' : 'yes';
}
