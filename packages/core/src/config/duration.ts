// Go's text forms of durations and booleans, which the knobs of argonaut have always had: time.ParseDuration,
// time.Duration.String and strconv.ParseBool.
import { ParseError } from '../errors/index.ts';
import type { ConfigErrorCode } from './error-code.ts';

// Given: the units of time.ParseDuration in nanoseconds; both micro signs (U+00B5, U+03BC).
const nanosecondsPerUnit: Readonly<Record<string, bigint>> = {
  ns: 1n,
  us: 1_000n,
  µs: 1_000n,
  μs: 1_000n,
  ms: 1_000_000n,
  s: 1_000_000_000n,
  m: 60_000_000_000n,
  h: 3_600_000_000_000n,
};
// Given: time.Duration is an int64 of nanoseconds.
const mostNanoseconds = 2n ** 63n - 1n;
// Chosen: no honest duration is longer, and the cost of reading digits grows with their number.
const mostCharacters = 64;
const pieceForm = /([0-9]*)(?:\.([0-9]*))?(ns|us|µs|μs|ms|s|m|h)/y;

/**
 * Milliseconds (with a fraction) of `5m`, `90s`, `1h30m`, `1.5s`, `0`, signs allowed as in Go.
 * Throws ParseError CONFIG_DURATION. `what` names the place in messages.
 */
export function parseDuration(text: string, what = 'duration'): number {
  const unsigned = text.replace(/^[+-]/, '');
  if (unsigned === '0') return 0;
  if (unsigned === '' || text.length > mostCharacters) throw fault(text, what);
  let nanoseconds = 0n;
  for (let at = 0; at < unsigned.length; at = pieceForm.lastIndex) {
    pieceForm.lastIndex = at;
    const [, whole = '', fraction = '', unit = ''] = pieceForm.exec(unsigned) ?? [];
    const scale = nanosecondsPerUnit[unit];
    if (scale === undefined || whole + fraction === '') throw fault(text, what);
    nanoseconds += BigInt(whole === '' ? 0 : whole) * scale;
    if (fraction !== '') nanoseconds += (BigInt(fraction) * scale) / 10n ** BigInt(fraction.length);
    if (nanoseconds > mostNanoseconds) throw fault(text, what);
  }
  return (Number(nanoseconds) / 1e6) * (text.startsWith('-') ? -1 : 1);
}

/** As Go prints a duration: `5m0s`, `1.5s`, `250µs`, `0s`. */
export function formatDuration(milliseconds: number): string {
  const sign = milliseconds < 0 ? '-' : '';
  const nanoseconds = Math.round(Math.abs(milliseconds) * 1e6);
  if (nanoseconds === 0) return '0s';
  if (nanoseconds < 1e3) return `${sign}${nanoseconds}ns`;
  if (nanoseconds < 1e6) return `${sign}${nanoseconds / 1e3}µs`;
  if (nanoseconds < 1e9) return `${sign}${nanoseconds / 1e6}ms`;
  const minutes = Math.floor(nanoseconds / 60e9);
  const seconds = `${(nanoseconds - minutes * 60e9) / 1e9}s`;
  if (minutes === 0) return `${sign}${seconds}`;
  const hours = Math.floor(minutes / 60);
  return `${sign}${hours === 0 ? '' : `${hours}h`}${minutes % 60}m${seconds}`;
}

const trueWords = ['1', 't', 'T', 'TRUE', 'true', 'True'];
const falseWords = ['0', 'f', 'F', 'FALSE', 'false', 'False'];

/** strconv.ParseBool. Throws ParseError CONFIG_BOOLEAN. */
export function parseGoBool(text: string, what = 'boolean'): boolean {
  if (trueWords.includes(text)) return true;
  if (falseWords.includes(text)) return false;
  const words = [...trueWords, ...falseWords].join(', ');
  throw new ParseError<ConfigErrorCode>('CONFIG_BOOLEAN', `${what} must be one of ${words}, got ${quote(text)}`);
}

function fault(text: string, what: string): ParseError<ConfigErrorCode> {
  return new ParseError(
    'CONFIG_DURATION',
    `${what} must be a Go duration of at most ${mostNanoseconds} ns, got ${quote(text)}`,
    { hint: 'durations look like 90s, 5m, 1h30m or 0; units are ns, us, ms, s, m, h' },
  );
}

function quote(text: string): string {
  return JSON.stringify(text.length <= 60 ? text : `${text.slice(0, 57)}...`);
}
