// The log of both sides of the wall: levels, codes, one line for one event. Formats only; the clock and the place where
// lines go are handed in.
import { LOG_LEVELS, type LogLevel } from './level.ts';
import { formatRecord, type LogFields, type LogFormat } from './record.ts';

/** `code` is an error code or `ROOM_EVENT`; `message` is for people; what varies belongs into `fields`. */
export interface Log {
  error(code: string, message: string, fields?: LogFields): void;
  warn(code: string, message: string, fields?: LogFields): void;
  info(code: string, message: string, fields?: LogFields): void;
  debug(code: string, message: string, fields?: LogFields): void;
  trace(code: string, message: string, fields?: LogFields): void;
  /** The same log, speaking for one service or one enclave. */
  child(source: LogSource): Log;
}

export interface LogSource {
  readonly enclave?: string;
  readonly service?: string;
}

export interface LogOptions extends LogSource {
  readonly level: LogLevel;
  readonly format: LogFormat;
  /** Gets one line at a time, its newline included. */
  readonly write: (line: string) => void;
  /** Unix milliseconds. */
  readonly now: () => number;
  /** Colour the level, in the form for people only. Default false. */
  readonly colour?: boolean;
}

export function createLog(options: LogOptions): Log {
  const { level, format, write, now, colour = false, enclave, service } = options;
  const threshold = LOG_LEVELS.indexOf(level);

  const at = (own: LogLevel) => {
    if (LOG_LEVELS.indexOf(own) > threshold) return ignore;
    return (code: string, message: string, fields: LogFields = {}): void => {
      const record = { timeMs: now(), level: own, code, message, enclave, service, fields };
      write(`${formatRecord(record, format, colour)}\n`);
    };
  };

  return {
    error: at('error'),
    warn: at('warn'),
    info: at('info'),
    debug: at('debug'),
    trace: at('trace'),
    child: (source) => createLog({ ...options, ...source }),
  };
}

function ignore(): void {}

/** Says nothing. */
export const silentLog: Log = {
  error: ignore,
  warn: ignore,
  info: ignore,
  debug: ignore,
  trace: ignore,
  child: () => silentLog,
};
