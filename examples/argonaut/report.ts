// What a person reads: a line for each step as it happens, then the figures. Colour only on a terminal.
import { styleText } from 'node:util';

export interface Report {
  /** A step that has just been completed, with the time since the start. */
  step(text: string): void;
  /** A titled block of names and values. */
  block(title: string, rows: readonly (readonly [name: string, value: string])[]): void;
  say(text: string): void;
}

export function createReport(write: (line: string) => void, colour: boolean): Report {
  const started = performance.now();
  const paint = (style: Parameters<typeof styleText>[0], text: string): string =>
    colour ? styleText(style, text) : text;
  return {
    step(text) {
      const seconds = ((performance.now() - started) / 1000).toFixed(2).padStart(6);
      write(`${paint('dim', `${seconds} s`)}  ${text}`);
    },
    block(title, rows) {
      const width = Math.max(...rows.map(([name]) => name.length));
      write('');
      write(paint('bold', title));
      for (const [name, value] of rows) write(`  ${paint('dim', name.padEnd(width))}  ${value}`);
    },
    say: write,
  };
}

/** `1234567` -> `1.2 MB`. */
export function formatBytes(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB'];
  const step = bytes === 0 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(bytes) / 3));
  const value = bytes / 1000 ** step;
  return `${step === 0 ? value : value.toFixed(1)} ${units[step]}`;
}
