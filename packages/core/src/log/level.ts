// How much a log says.
import { ParseError } from '../errors/index.ts';

/** From the gravest down: a log at one level writes it and all before it. */
export const LOG_LEVELS = ['error', 'warn', 'info', 'debug', 'trace'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

export const LOG_ERROR_CODES = ['LOG_LEVEL'] as const;
export type LogErrorCode = (typeof LOG_ERROR_CODES)[number];

// Chosen.
const defaultLevel: LogLevel = 'info';

/** For LOG_LEVEL: any case; absent or empty is `info`. Throws ParseError LOG_LEVEL. */
export function parseLogLevel(text: string | undefined): LogLevel {
  if (text === undefined || text === '') return defaultLevel;
  const level = LOG_LEVELS.find((one) => one === text.toLowerCase());
  if (level !== undefined) return level;
  throw new ParseError<LogErrorCode>(
    'LOG_LEVEL',
    `log level must be one of ${LOG_LEVELS.join(', ')}, got ${JSON.stringify(text.slice(0, 40))}`,
  );
}

/** Whether a log at `least` writes it. */
export function isAsGrave(level: LogLevel, least: LogLevel): boolean {
  return LOG_LEVELS.indexOf(level) <= LOG_LEVELS.indexOf(least);
}
