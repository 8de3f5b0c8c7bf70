// /etc/caisson/services.json, read by the supervisor and written by the builder: one form, every member there, names once, and each
// name that a Requires or RequiredBy gives is a service of the file.
import { toUtf8 } from '../bytes/index.ts';
import { type JsonValue, parseStrictJson } from '../config/index.ts';
import type { MeasuredService, MeasuredServices, Readiness } from './service.ts';
import { isServiceName, SERVICE_NAME_RULE } from './service-name.ts';
import { integerOf, measuredFault, Shape, textOf } from './shape.ts';
import { MAX_SIGNAL } from './signal.ts';

// Given: PID 1 keeps a table of 256 (docs/wire/pid1.md).
export const MAX_SERVICES = 256;
// Chosen: 256 services of 16 KiB.
export const MAX_MEASURED_SERVICES_BYTES = 4 << 20;
export const SERVICE_LIMITS = {
  words: 256,
  wordCharacters: 4_096,
  variables: 256,
  names: 256,
  pathCharacters: 1_024,
  mostMs: 3_600_000,
  /** Of argv and environment together, with a NUL each: PID 1 takes 8 KiB, and the supervisor adds variables of its own. */
  startBytes: 7_168,
} as const;

const pathForm = /^\/[^\0]*$/;
const accountForm = /^(?:[A-Za-z_][A-Za-z0-9_.-]{0,31}|[0-9]{1,10})$/;

/** Throws ParseError MEASURED_FORM, LimitError MEASURED_LIMIT and what parseStrictJson throws. */
export function parseMeasuredServices(bytes: Uint8Array): MeasuredServices {
  const file = new Shape(parseStrictJson(bytes, { maxBytes: MAX_MEASURED_SERVICES_BYTES, maxDepth: 8 }), '');
  file.constant('v', 1);
  const services = file.list('services', MAX_SERVICES, readService);
  file.end();
  const names = new Set<string>();
  for (const [index, { name }] of services.entries()) {
    if (names.has(name)) throw measuredFault(`services[${index}].name`, 'given once', name);
    names.add(name);
  }
  for (const [index, { requires, requiredBy }] of services.entries()) {
    for (const name of [...requires, ...requiredBy]) {
      if (!names.has(name)) throw measuredFault(`services[${index}].requires`, 'names of services of the file', name);
    }
  }
  return { v: 1, services };
}

/** The same bytes for the same services on every machine: members in the order of the type, services as they stand. */
export function writeMeasuredServices(file: MeasuredServices): Uint8Array<ArrayBuffer> {
  const services = file.services.map((service) => Object.fromEntries(order.map((key) => [key, service[key]])));
  return toUtf8(`${JSON.stringify({ v: 1, services }, null, 1)}\n`);
}

function readService(value: JsonValue, path: string): MeasuredService {
  const shape = new Shape(value, path);
  const { words, wordCharacters, variables, mostMs } = SERVICE_LIMITS;
  const service: MeasuredService = {
    name: nameOf(shape.take('name'), shape.at('name')),
    argv: shape.list('argv', words, (item, at) => textOf(item, at, wordCharacters)),
    environment: shape.environment('environment', variables),
    enabled: shape.boolean('enabled'),
    workingDirectory: shape.nullable('workingDirectory', () => pathIn(shape, 'workingDirectory')),
    user: shape.nullable('user', () => shape.text('user', 32, accountForm)),
    group: shape.nullable('group', () => shape.text('group', 32, accountForm)),
    umask: shape.integer('umask', 0, 0o777),
    restart: shape.choice('restart', ['no', 'always', 'on-failure', 'on-success']),
    restartDelayMs: shape.integer('restartDelayMs', 0, mostMs),
    startLimit: readStartLimit(new Shape(shape.take('startLimit'), shape.at('startLimit'))),
    before: namesIn(shape, 'before'),
    after: namesIn(shape, 'after'),
    requires: namesIn(shape, 'requires'),
    requiredBy: namesIn(shape, 'requiredBy'),
    ready: readReadiness(new Shape(shape.take('ready'), shape.at('ready'))),
    readyTimeoutMs: shape.integer('readyTimeoutMs', 1, mostMs),
    nsmPcrs: shape.list('nsmPcrs', 15, (item, at) => integerOf(item, at, 17, 31)),
    stopSignal: shape.integer('stopSignal', 1, MAX_SIGNAL),
    stopTimeoutMs: shape.integer('stopTimeoutMs', 0, mostMs),
    killMode: shape.choice('killMode', ['control-group', 'process', 'mixed']),
    limitNofile: shape.nullable('limitNofile', () => shape.integer('limitNofile', 1, 1_048_576)),
    oomScoreAdjust: shape.nullable('oomScoreAdjust', () => shape.integer('oomScoreAdjust', -1_000, 1_000)),
    noNewPrivileges: shape.boolean('noNewPrivileges'),
    standardInput: shape.choice('standardInput', ['null', 'config']),
    standardOutput: shape.choice('standardOutput', ['log', 'null', 'console']),
    builtIn: shape.boolean('builtIn'),
  };
  shape.end();
  // A built-in service may have none: the supervisor knows its program.
  if (service.argv[0] === '' || (service.argv.length === 0 && !service.builtIn)) {
    throw measuredFault(shape.at('argv'), 'a command', '');
  }
  return service;
}

function readStartLimit(shape: Shape): MeasuredService['startLimit'] {
  const limit = {
    count: shape.integer('count', 1, 1_000),
    windowMs: shape.integer('windowMs', 0, SERVICE_LIMITS.mostMs),
  };
  shape.end();
  return limit;
}

function readReadiness(shape: Shape): Readiness {
  const kind = shape.choice('kind', ['fork', 'notify', 'port', 'http', 'file', 'action']);
  const port = (): number => shape.integer('port', 1, 65_535);
  const read: Record<Readiness['kind'], () => Readiness> = {
    fork: () => ({ kind: 'fork' }),
    notify: () => ({ kind: 'notify' }),
    port: () => ({ kind: 'port', port: port() }),
    http: () => ({ kind: 'http', port: port(), path: shape.text('path', SERVICE_LIMITS.pathCharacters, httpPathForm) }),
    file: () => ({ kind: 'file', path: pathIn(shape, 'path') }),
    action: () => ({ kind: 'action', transport: shape.choice('transport', ['vsock', 'tcp']), port: port() }),
  };
  const ready = read[kind]();
  shape.end();
  return ready;
}

/** Nothing that could end the request line or begin a header. */
export const httpPathForm = /^\/[\x21-\x7e]*$/;

function pathIn(shape: Shape, key: string): string {
  return shape.text(key, SERVICE_LIMITS.pathCharacters, pathForm);
}

function namesIn(shape: Shape, key: string): string[] {
  return shape.list(key, SERVICE_LIMITS.names, nameOf);
}

function nameOf(value: JsonValue, path: string): string {
  if (typeof value !== 'string' || !isServiceName(value)) throw measuredFault(path, SERVICE_NAME_RULE, value);
  return value;
}

const order: readonly (keyof MeasuredService)[] = [
  'name',
  'argv',
  'environment',
  'enabled',
  'workingDirectory',
  'user',
  'group',
  'umask',
  'restart',
  'restartDelayMs',
  'startLimit',
  'before',
  'after',
  'requires',
  'requiredBy',
  'ready',
  'readyTimeoutMs',
  'nsmPcrs',
  'stopSignal',
  'stopTimeoutMs',
  'killMode',
  'limitNofile',
  'oomScoreAdjust',
  'noNewPrivileges',
  'standardInput',
  'standardOutput',
  'builtIn',
];
