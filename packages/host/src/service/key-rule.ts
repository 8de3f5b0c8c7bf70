// The keys of a service file, each with its type and bound (docs/service.md has the table). A key that is not here is an error.
import {
  environmentNameForm,
  httpPathForm,
  type MeasuredService,
  type Readiness,
  SERVICE_LIMITS,
  splitWords,
} from '@caisson/core/measured';
import type { TomlValue } from 'smol-toml';
import {
  KeyFault,
  readBoolean,
  readChoice,
  readInteger,
  readList,
  readNames,
  readSeconds,
  readSignal,
  readText,
  readUmask,
} from './key-value.ts';

type Mutable<Type> = { -readonly [Key in keyof Type]: Type[Key] };
/** A service while its file is read; it has no command before ExecStart. */
export type ServiceDraft = Mutable<MeasuredService>;
export type ReadKey = (draft: ServiceDraft, value: TomlValue) => void;

const { words, variables, names, pathCharacters, mostMs } = SERVICE_LIMITS;
// Chosen: the stop of all services has 30 s in all.
const mostStopMs = 30_000;
const mostCommandCharacters = 8_192;

/** At most one of these may stand in a file. */
export const readyKeys: readonly string[] = ['ReadyNotify', 'ReadyPort', 'ReadyHttp', 'ReadyFile', 'ReadyAction'];

export const keyRules: ReadonlyMap<string, ReadKey> = new Map<string, ReadKey>([
  ['ExecStart', (draft, value) => (draft.argv = readCommand(value))],
  ['Environment', (draft, value) => (draft.environment = readEnvironment(value))],
  ['Restart', (draft, value) => (draft.restart = readChoice(value, ['no', 'always', 'on-failure', 'on-success']))],
  ['RestartSec', (draft, value) => (draft.restartDelayMs = readSeconds(value, 0, mostMs))],
  ['WorkingDirectory', (draft, value) => (draft.workingDirectory = readPath(value))],
  ['ServiceEnable', (draft, value) => (draft.enabled = readBoolean(value) && draft.enabled)],
  ['Before', (draft, value) => (draft.before = readNames(value, names))],
  ['After', (draft, value) => (draft.after = readNames(value, names))],
  ['Requires', (draft, value) => (draft.requires = readNames(value, names))],
  ['RequiredBy', (draft, value) => (draft.requiredBy = readNames(value, names))],
  ['User', (draft, value) => (draft.user = readAccount(value))],
  ['Group', (draft, value) => (draft.group = readAccount(value))],
  ['Umask', (draft, value) => (draft.umask = readUmask(value))],
  ['ReadyNotify', takeReadyNotify],
  ['ReadyPort', (draft, value) => (draft.ready = { kind: 'port', port: readInteger(value, 1, 65_535) })],
  ['ReadyHttp', (draft, value) => (draft.ready = readReadyHttp(value))],
  ['ReadyFile', (draft, value) => (draft.ready = { kind: 'file', path: readPath(value) })],
  ['ReadyAction', (draft, value) => (draft.ready = readReadyAction(value))],
  ['ReadyTimeoutSec', (draft, value) => (draft.readyTimeoutMs = readSeconds(value, 1, mostMs))],
  [
    'StartLimitBurst',
    (draft, value) => (draft.startLimit = { ...draft.startLimit, count: readInteger(value, 1, 1_000) }),
  ],
  [
    'StartLimitIntervalSec',
    (draft, value) => (draft.startLimit = { ...draft.startLimit, windowMs: readSeconds(value, 0, mostMs) }),
  ],
  ['NsmPcrs', (draft, value) => (draft.nsmPcrs = readPcrs(value))],
  ['StopSignal', (draft, value) => (draft.stopSignal = readSignal(value))],
  ['StopTimeoutSec', (draft, value) => (draft.stopTimeoutMs = readSeconds(value, 0, mostStopMs))],
  ['KillMode', (draft, value) => (draft.killMode = readChoice(value, ['control-group', 'process', 'mixed']))],
  ['LimitNOFILE', (draft, value) => (draft.limitNofile = readInteger(value, 1, 1_048_576))],
  ['OOMScoreAdjust', (draft, value) => (draft.oomScoreAdjust = readInteger(value, -1_000, 1_000))],
  ['NoNewPrivileges', (draft, value) => (draft.noNewPrivileges = readBoolean(value))],
  ['StandardInput', (draft, value) => (draft.standardInput = readChoice(value, ['null', 'config']))],
  ['StandardOutput', (draft, value) => (draft.standardOutput = readChoice(value, ['log', 'null', 'console']))],
]);

/** What a file without the key means. */
export function draftService(name: string, enabled: boolean): ServiceDraft {
  return {
    name,
    argv: [],
    environment: {},
    enabled,
    workingDirectory: null,
    user: null,
    group: null,
    umask: 0o022,
    restart: 'no',
    restartDelayMs: 100,
    startLimit: { count: 5, windowMs: 60_000 },
    before: [],
    after: [],
    requires: [],
    requiredBy: [],
    ready: { kind: 'fork' },
    readyTimeoutMs: 30_000,
    nsmPcrs: [],
    stopSignal: 15,
    stopTimeoutMs: 10_000,
    killMode: 'control-group',
    limitNofile: null,
    oomScoreAdjust: null,
    noNewPrivileges: true,
    standardInput: 'null',
    standardOutput: 'log',
    builtIn: false,
  };
}

/** `false` is as good as nothing, so that it can stand beside another sign. */
function takeReadyNotify(draft: ServiceDraft, value: TomlValue): void {
  if (readBoolean(value)) draft.ready = { kind: 'notify' };
}

function readCommand(value: TomlValue): string[] {
  const rule = 'a command line';
  const text = readText(value, rule, mostCommandCharacters);
  const split = splitWords(text);
  if ('message' in split)
    throw new KeyFault(`${rule} that can be split: it ${split.message} (character ${split.at + 1})`, text);
  if (split.length === 0 || split[0] === '') throw new KeyFault('a command', text);
  if (split.length > words) throw new KeyFault(`${rule} of at most ${words} words`, text);
  return [...split];
}

function readEnvironment(value: TomlValue): Record<string, string> {
  const entries = readList(value, variables, 'a list of "NAME=value"', (item) => {
    const [, name = '', text] = typeof item === 'string' ? (/^([^=\0]*)=([^\0]*)$/.exec(item) ?? []) : [];
    if (text === undefined || !environmentNameForm.test(name)) throw new KeyFault('a list of "NAME=value"', item);
    return [name, text] as const;
  });
  const seen = new Set<string>();
  for (const [name] of entries) {
    if (seen.has(name)) throw new KeyFault('a list that names each variable once', name);
    seen.add(name);
  }
  return Object.fromEntries(entries);
}

function readPath(value: TomlValue): string {
  return readText(value, 'an absolute path', pathCharacters, /^\//);
}

function readAccount(value: TomlValue): string {
  if (typeof value === 'bigint') return String(readInteger(value, 0, 0xfffffffe));
  return readText(value, 'a name or a number', 32, /^(?:[A-Za-z_][A-Za-z0-9_.-]*|[0-9]{1,10})$/);
}

function readReadyHttp(value: TomlValue): Readiness {
  const rule = 'http://127.0.0.1:PORT/PATH';
  const text = readText(value, rule, pathCharacters);
  const [, port = '', path = '/'] = /^http:\/\/(?:127\.0\.0\.1|localhost):([0-9]{1,5})(\/.*)?$/.exec(text) ?? [];
  if (!isPort(port) || !httpPathForm.test(path)) throw new KeyFault(rule, text);
  return { kind: 'http', port: Number(port), path };
}

function readReadyAction(value: TomlValue): Readiness {
  const rule = 'vsock:PORT or tcp:PORT';
  const [, transport, port = ''] = /^(vsock|tcp):([0-9]{1,5})$/.exec(readText(value, rule, 12)) ?? [];
  if (transport === undefined || !isPort(port)) throw new KeyFault(rule, value);
  return { kind: 'action', transport: transport as 'vsock' | 'tcp', port: Number(port) };
}

function isPort(text: string): boolean {
  return Number(text) >= 1 && Number(text) <= 65_535;
}

function readPcrs(value: TomlValue): number[] {
  const indexes = readList(value, 15, 'a list of PCRs 17 to 31', (item) => readInteger(item, 17, 31));
  return [...new Set(indexes)].sort((left, right) => left - right);
}
