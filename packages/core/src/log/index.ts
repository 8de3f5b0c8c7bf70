// Log lines: JSON for machines, a form for people, and argonaut's.

export { plain } from './escape.ts';
export type { LogErrorCode, LogLevel } from './level.ts';
export { isAsGrave, LOG_ERROR_CODES, LOG_LEVELS, parseLogLevel } from './level.ts';
export type { Log, LogOptions, LogSource } from './log.ts';
export { createLog, silentLog } from './log.ts';
export type { LogFields, LogFormat, LogLine } from './record.ts';
export { logLineOf } from './record.ts';
