// The four knobs that argonaut reads from the environment. A bad value never stops anything: it is named in one line and the default
// holds, because a parent that could stop an enclave by a variable could do so anyway, and users rely on the tolerance.
import { isIP } from 'node:net';
import { formatDuration, parseDuration, parseGoBool } from '@caisson/core/config';

export interface ArgonautKnobs {
  /** Per listener. */
  readonly maxConnections: number;
  /** Per direction; 0 = off. Whole milliseconds. */
  readonly idleTimeoutMs: number;
  /** IP literal that the host's inbound listener binds. */
  readonly httpBindAddress: string;
  /** One line when a connection is accepted and one when it is closed. */
  readonly logConnections: boolean;
}

type Environment = Readonly<Record<string, string | undefined>>;

// Given: argonaut.
const defaults: ArgonautKnobs = {
  maxConnections: 1024,
  idleTimeoutMs: 300_000,
  httpBindAddress: '0.0.0.0',
  logConnections: true,
};
// Given by the bridge room: a larger value means the largest one.
const mostConnections = 65_536;
const longestIdleMs = 0x7fffffff;

/** `complaints`: one line for each value that was not taken, `invalid NAME="value"; using DEFAULT`. */
export function parseArgonautKnobs(env: Environment): { knobs: ArgonautKnobs; complaints: readonly string[] } {
  const complaints: string[] = [];
  const read = <Value>(
    name: string,
    standard: Value,
    shown: string,
    parse: (text: string) => Value | undefined,
  ): Value => {
    const text = env[name] ?? '';
    if (text === '') return standard;
    const value = parse(text);
    if (value === undefined) complaints.push(`invalid ${name}=${quoteAsGo(text)}; using ${shown}`);
    return value ?? standard;
  };
  const { maxConnections, idleTimeoutMs, httpBindAddress, logConnections } = defaults;
  const knobs = {
    maxConnections: read('ARGONAUT_MAX_CONNECTIONS', maxConnections, String(maxConnections), readCount),
    idleTimeoutMs: read('ARGONAUT_IDLE_TIMEOUT', idleTimeoutMs, formatDuration(idleTimeoutMs), readIdle),
    httpBindAddress: read('ARGONAUT_HTTP_BIND_ADDR', httpBindAddress, httpBindAddress, readAddress),
    logConnections: read('ARGONAUT_LOG_CONNECTIONS', logConnections, String(logConnections), readBool),
  };
  return { knobs, complaints };
}

/** As strconv.Atoi, with its sign and its leading zeros; only what is greater than 0 is a limit. */
function readCount(text: string): number | undefined {
  if (!/^\+?[0-9]+$/.test(text) || BigInt(text.replace('+', '')) > 2n ** 63n - 1n) return undefined;
  const count = Math.min(Number(text), mostConnections);
  return count > 0 ? count : undefined;
}

function readIdle(text: string): number | undefined {
  const idleMs = attempt(() => parseDuration(text));
  // Rounded up: 1ns is a time-out, not the 0 that switches it off.
  return idleMs === undefined || idleMs < 0 ? undefined : Math.min(Math.ceil(idleMs), longestIdleMs);
}

function readAddress(text: string): string | undefined {
  return isIP(text) === 0 ? undefined : text;
}

function readBool(text: string): boolean | undefined {
  return attempt(() => parseGoBool(text));
}

function attempt<Value>(parse: () => Value): Value | undefined {
  try {
    return parse();
  } catch {
    return undefined;
  }
}

/** Go's %q for what can stand in an environment: a control character can forge no second line. */
function quoteAsGo(text: string): string {
  const short: Readonly<Record<string, string>> = {
    '\u0007': '\\a',
    '\b': '\\b',
    '\f': '\\f',
    '\n': '\\n',
    '\r': '\\r',
    '\t': '\\t',
    '\v': '\\v',
  };
  const quoted = text.replace(/["\\\u0000-\u001f\u007f-\u009f\u2028\u2029]/g, (character) => {
    const code = character.charCodeAt(0).toString(16);
    if (character === '"' || character === '\\') return `\\${character}`;
    return (
      short[character] ??
      (code.length <= 2 && character <= '\u007f' ? `\\x${code.padStart(2, '0')}` : `\\u${code.padStart(4, '0')}`)
    );
  });
  return `"${quoted}"`;
}
