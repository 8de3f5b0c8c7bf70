// `--since`: so long ago, or a moment.
import { parseDuration } from '@caisson/core/config';
import { UsageError } from './exit-code.ts';

// Chosen: nothing is kept for a year.
const longestMs = 366 * 86_400_000;

/** Unix milliseconds. `10m`, `2h`, or RFC 3339. */
export function parseSince(text: string, nowMs: number): number {
  const moment = /^\d{4}-\d\d-\d\dT/.test(text) ? Date.parse(text) : nowMs - ageOf(text);
  if (moment >= nowMs - longestMs && moment <= nowMs) return moment;
  throw new UsageError(
    `--since must be a duration such as 10m or a moment such as 2026-11-21T10:15:00Z, not in the future and within a year, got ${JSON.stringify(text)}`,
  );
}

function ageOf(text: string): number {
  try {
    return parseDuration(text);
  } catch {
    return Number.NaN;
  }
}

/** `--tail`: at least 1. */
export function parseTail(text: string, most: number): number {
  const count = /^\d{1,6}$/.test(text) ? Number(text) : Number.NaN;
  if (count >= 1 && count <= most) return count;
  throw new UsageError(`--tail must be an integer in 1..${most}, got ${JSON.stringify(text)}`);
}

/** 100 ms to an hour. */
export function parseInterval(name: string, text: string): number {
  const ms = ageOf(text);
  if (ms >= 100 && ms <= 3_600_000) return ms;
  throw new UsageError(`${name} must be a duration in 100ms..1h, got ${JSON.stringify(text)}`);
}
