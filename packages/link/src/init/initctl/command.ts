// The subcommands of initctl as data: words, arguments, options, and what each asks of the supervisor. Read by the host program's command
// tree and by the enclave program's own reader, so that both are the same tool (docs/initctl.md).
import { ParseError } from '@caisson/core/errors';
import { isServiceName, MAX_SIGNAL, SERVICE_NAME_RULE, signalNumber } from '@caisson/core/measured';
import type { InitSocketErrorCode } from '../error-code.ts';
import { type InitVerb, MAX_LOG_LINES } from '../messages.ts';

export interface InitctlOption {
  readonly name: string;
  readonly short?: string;
  /** What the value is called; without one the option is a flag. */
  readonly value?: string;
  readonly multiple?: true;
  readonly about: string;
}

export interface InitctlCall {
  readonly method: InitVerb;
  readonly params?: object;
}

export interface InitctlPlan {
  /** In order; the first that fails ends it. */
  readonly calls: readonly InitctlCall[];
  /** Afterwards, lines of this service until Ctrl-C. */
  readonly follow?: string;
  /** Lines go into this file instead of standard output. */
  readonly output?: string;
  /** For people, on standard error. */
  readonly note?: string;
}

export type InitctlValues = Readonly<Record<string, string | boolean | readonly string[] | undefined>>;

export interface InitctlCommand {
  /** `list`, `ps kill`. */
  readonly words: string;
  readonly alias?: string;
  readonly args: readonly { readonly name: string; readonly about: string; readonly rest?: true }[];
  /** What it asks of the whole enclave where no service is named: over the control channel only, where an enclave has been named instead. */
  readonly whole?: InitVerb;
  readonly about: string;
  readonly options: readonly InitctlOption[];
  /** Throws ParseError INITCTL_USAGE. */
  plan(args: readonly string[], values: InitctlValues): InitctlPlan;
}

// Given: the reference's default.
const defaultLines = '50';

const service = { name: 'service', about: 'name of a service, with or without .service' };
const pid = { name: 'pid', about: 'process id, 1 or more' };

const bare = (words: string, about: string, method: InitVerb): InitctlCommand => ({
  words,
  about,
  args: [],
  options: [],
  plan: () => ({ calls: [{ method }] }),
});
const named = (words: string, about: string, method: InitVerb, whole?: InitVerb): InitctlCommand => ({
  words,
  about,
  args: [service],
  options: [],
  ...(whole !== undefined && { whole }),
  plan: ([name]) => ({ calls: [{ method, params: { name: serviceName(name) } }] }),
});
const byPid = (words: string, about: string, method: InitVerb): InitctlCommand => ({
  words,
  about,
  args: [pid],
  options: [],
  plan: ([word]) => ({ calls: [{ method, params: { pid: integer('pid', word, 1, 4_194_304) } }] }),
});

export const initctlCommands: readonly InitctlCommand[] = [
  bare('list', 'list all services', 'ListServices'),
  named('status', 'show a service', 'ServiceStatus', 'SystemStatus'),
  named('start', 'start a service and what it requires', 'ServiceStart'),
  named('stop', 'stop a service, what requires it first', 'ServiceStop', 'SystemShutdown'),
  named('restart', 'restart a service', 'ServiceRestart'),
  {
    words: 'enable',
    about: 'enable a service until the enclave ends',
    args: [service],
    options: [{ name: 'now', about: 'and start it' }],
    plan([word], { now }) {
      const params = { name: serviceName(word) };
      const start: InitctlCall[] = now === true ? [{ method: 'ServiceStart', params }] : [];
      return { calls: [{ method: 'ServiceEnable', params }, ...start] };
    },
  },
  named('disable', 'stop a service and disable it until the enclave ends', 'ServiceDisable'),
  {
    words: 'logs',
    about: 'show the last lines of a service',
    args: [service],
    options: [{ name: 'lines', short: 'n', value: 'count', about: `lines to show, 1..${MAX_LOG_LINES}; default 50` }],
    plan: ([word], { lines }) => ({ calls: [logs(word, lines)] }),
  },
  {
    words: 'logs-stream',
    about: 'show the last lines of a service and, with --follow, those that come',
    args: [service],
    options: [
      { name: 'listen-cid', value: 'cid', about: 'taken and not needed: lines come over the same connection' },
      { name: 'listen-port', value: 'port', about: 'taken and not needed' },
      { name: 'output', short: 'o', value: 'file', about: 'add the lines to this file' },
      { name: 'follow', short: 'f', about: 'until Ctrl-C (exit 130)' },
    ],
    plan([word], values) {
      const { output, follow } = values;
      const isIdle = values['listen-cid'] !== undefined || values['listen-port'] !== undefined;
      return {
        calls: [logs(word, undefined)],
        ...(follow === true && { follow: serviceName(word) }),
        ...(typeof output === 'string' && { output }),
        ...(isIdle && { note: '--listen-cid and --listen-port have no effect: lines come over the same connection' }),
      };
    },
  },
  named('logs-clear', 'forget the lines of a service', 'ServiceLogsClear'),
  bare('ps list', 'list all processes', 'ProcessList'),
  byPid('ps status', 'show a process', 'ProcessStatus'),
  {
    words: 'ps start',
    alias: 'run',
    about: 'start a process that nobody supervises',
    args: [
      { name: 'command', about: 'program' },
      { name: 'args', about: 'its arguments', rest: true },
    ],
    options: [
      { name: 'env', short: 'e', value: 'NAME=VALUE', multiple: true, about: 'variable; its whole environment' },
    ],
    plan([command = '', ...args], { env = [] }) {
      const list = typeof env === 'object' ? env : [String(env)];
      const wrong = list.find((one) => !/^[^=]+=/.test(one));
      if (wrong !== undefined) throw misused(`--env must be NAME=VALUE, got ${JSON.stringify(wrong)}`);
      return { calls: [{ method: 'ProcessStart', params: { command, args, env: list } }] };
    },
  },
  byPid('ps stop', 'ask a process to stop (SIGTERM)', 'ProcessStop'),
  byPid('ps restart', 'restart the service of a process', 'ProcessRestart'),
  {
    words: 'ps kill',
    about: 'send a signal to a process',
    args: [pid],
    options: [{ name: 'signal', short: 's', value: 'signal', about: 'name or number; default 15' }],
    plan([word], { signal = '15' }) {
      const number = signalNumber(String(signal));
      if (number === undefined) {
        throw misused(`--signal must be a name or a number in 1..${MAX_SIGNAL}, got ${JSON.stringify(signal)}`);
      }
      return {
        calls: [{ method: 'ProcessKill', params: { pid: integer('pid', word, 1, 4_194_304), signal: number } }],
      };
    },
  },
  bare('system-status', 'show the system', 'SystemStatus'),
  bare('reload', 'read the service files again; what did not change is not touched', 'SystemReload'),
  bare('reboot', 'stop everything and end the enclave', 'SystemReboot'),
  bare('shutdown', 'stop everything and end the enclave', 'SystemShutdown'),
  bare('ping', 'ask whether the supervisor answers', 'Ping'),
];

/** For every command, before or after its words. */
export const initctlJsonOption: InitctlOption = { name: 'json', about: 'print one JSON document' };

/** Before the command. */
export const initctlOptions: readonly InitctlOption[] = [
  {
    name: 'config',
    short: 'c',
    value: 'file',
    about: 'config file; default INITCTL_CONFIG, then /etc/initctl.yaml where it is',
  },
  { name: 'protocol', short: 'p', value: 'protocol', about: 'unix or vsock; default unix' },
  {
    name: 'socket',
    short: 's',
    value: 'path',
    about: 'socket of the supervisor; default INIT_SOCKET, then /run/init.sock',
  },
  { name: 'vsock-cid', value: 'cid', about: 'for the protocol vsock' },
  { name: 'vsock-port', value: 'port', about: 'for the protocol vsock' },
];

export function misused(message: string): ParseError<InitSocketErrorCode> {
  return new ParseError('INITCTL_USAGE', message);
}

function logs(word: string | undefined, lines: InitctlValues[string]): InitctlCall {
  const count = integer('--lines', String(lines ?? defaultLines), 1, MAX_LOG_LINES);
  return { method: 'ServiceLogs', params: { name: serviceName(word), lines: count } };
}

function serviceName(word = ''): string {
  const name = word.replace(/\.service$/, '');
  if (!isServiceName(name)) throw misused(`service must be a name (${SERVICE_NAME_RULE}), got ${JSON.stringify(word)}`);
  return name;
}

function integer(what: string, word = '', least: number, most: number): number {
  const number = /^[0-9]{1,10}$/.test(word) ? Number(word) : Number.NaN;
  if (number >= least && number <= most) return number;
  throw misused(`${what} must be an integer in ${least}..${most}, got ${JSON.stringify(word)}`);
}
