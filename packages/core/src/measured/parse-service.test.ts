// The measured files of services and of init: one form each, read back as written, closed to everything else, names that are no paths.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { toUtf8, utf8Text } from '../bytes/index.ts';
import { CaissonError } from '../errors/index.ts';
import type { MeasuredInit, MeasuredService, MeasuredServices } from './index.ts';
import {
  DEFAULT_INIT,
  isServiceName,
  MAX_SERVICES,
  parseMeasuredInit,
  parseMeasuredServices,
  signalName,
  signalNumber,
  writeMeasuredInit,
  writeMeasuredServices,
} from './index.ts';

const seed = 6;
const name = fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9_.@+-]{0,20}$/).filter(isServiceName);
const text = fc.string({ maxLength: 40, unit: 'grapheme' }).map((word) => word.replaceAll('\0', ''));
const environment = fc.dictionary(fc.stringMatching(/^[A-Z_][A-Z0-9_]{0,9}$/), text, {
  maxKeys: 4,
  noNullPrototype: true,
});
const path = fc.stringMatching(/^(\/[a-z]{1,6}){1,3}$/);
const port = fc.integer({ min: 1, max: 65_535 });
const ready: fc.Arbitrary<MeasuredService['ready']> = fc.oneof(
  fc.constant({ kind: 'fork' } as const),
  fc.constant({ kind: 'notify' } as const),
  fc.record({ kind: fc.constant('port' as const), port }),
  fc.record({ kind: fc.constant('http' as const), port, path }),
  fc.record({ kind: fc.constant('file' as const), path }),
  fc.record({
    kind: fc.constant('action' as const),
    transport: fc.constantFrom('vsock' as const, 'tcp' as const),
    port,
  }),
);
const service = (own: string, others: readonly string[]): fc.Arbitrary<MeasuredService> => {
  const names = fc.subarray([...others]);
  return fc.record({
    name: fc.constant(own),
    argv: fc.tuple(path, fc.array(text, { maxLength: 4 })).map(([program, words]) => [program, ...words]),
    environment,
    enabled: fc.boolean(),
    workingDirectory: fc.option(path),
    user: fc.option(fc.constantFrom('app', '1000')),
    group: fc.option(fc.constantFrom('app', '1000')),
    umask: fc.integer({ min: 0, max: 0o777 }),
    restart: fc.constantFrom('no', 'always', 'on-failure', 'on-success'),
    restartDelayMs: fc.nat(3_600_000),
    startLimit: fc.record({ count: fc.integer({ min: 1, max: 1_000 }), windowMs: fc.nat(3_600_000) }),
    before: fc.array(name, { maxLength: 2 }),
    after: names,
    requires: names,
    requiredBy: names,
    ready,
    readyTimeoutMs: fc.integer({ min: 1, max: 3_600_000 }),
    nsmPcrs: fc.subarray([17, 20, 31]),
    stopSignal: fc.integer({ min: 1, max: 31 }),
    stopTimeoutMs: fc.nat(3_600_000),
    killMode: fc.constantFrom('control-group', 'process', 'mixed'),
    limitNofile: fc.option(fc.integer({ min: 1, max: 1_048_576 })),
    oomScoreAdjust: fc.option(fc.integer({ min: -1_000, max: 1_000 })),
    noNewPrivileges: fc.boolean(),
    standardInput: fc.constantFrom('null', 'config'),
    standardOutput: fc.constantFrom('log', 'null', 'console'),
    builtIn: fc.boolean(),
  });
};
const services: fc.Arbitrary<MeasuredServices> = fc
  .uniqueArray(name, { maxLength: 5 })
  .chain((names) => fc.tuple(...names.map((own) => service(own, names))))
  .map((list) => ({ v: 1, services: list }));
const init: fc.Arbitrary<MeasuredInit> = fc.record({
  v: fc.constant(1 as const),
  logDir: path,
  maxLogBytes: fc.integer({ min: 4_096, max: 1 << 30 }),
  maxLogFiles: fc.integer({ min: 1, max: 100 }),
  environment,
  controlSocket: fc.option(path),
});

test('what is written is read back the same, for services and for init', () => {
  fc.assert(
    fc.property(services, (file) =>
      assert.deepEqual(parseMeasuredServices(writeMeasuredServices(file)), structuredClone(file)),
    ),
    { seed, numRuns: 200 },
  );
  fc.assert(
    fc.property(init, (file) => assert.deepEqual(parseMeasuredInit(writeMeasuredInit(file)), structuredClone(file))),
    { seed, numRuns: 200 },
  );
  assert.deepEqual(parseMeasuredInit(writeMeasuredInit(DEFAULT_INIT)), DEFAULT_INIT);
});

const [sample] = fc.sample(
  fc.tuple(service('one', ['one', 'two']), service('two', ['one', 'two'])).map((list) => ({ v: 1, services: list })),
  { seed, numRuns: 1 },
);
type Loose = { [key: string]: unknown; services: Record<string, unknown>[] };
function changed(change: (file: Loose) => void): Uint8Array {
  const file = structuredClone(sample) as unknown as Loose;
  change(file);
  return toUtf8(JSON.stringify(file));
}
const first = (file: Loose): Record<string, unknown> => file.services[0] ?? {};

test('refuses a member that is missing, unknown, of another type or outside its bound, and names it', () => {
  for (const key of Object.keys(first(sample as unknown as Loose))) {
    assert.throws(() => parseMeasuredServices(changed((file) => delete first(file)[key])), {
      code: 'MEASURED_FORM',
      message: `measured services[0].${key} must be there, got nothing`,
    });
    const wrong = changed((file) => Object.assign(first(file), { [key]: { odd: [] } }));
    assert.throws(() => parseMeasuredServices(wrong), { code: 'MEASURED_FORM' }, key);
  }
  for (const [key, value, code] of [
    ['name', '../etc/passwd', 'MEASURED_FORM'],
    ['name', 'a.service', 'MEASURED_FORM'],
    ['name', 'exec-1', 'MEASURED_FORM'],
    ['name', 'two', 'MEASURED_FORM'],
    ['argv', ['a\0b'], 'MEASURED_FORM'],
    ['argv', ['', 'a'], 'MEASURED_FORM'],
    ['argv', Array(257).fill('a'), 'MEASURED_LIMIT'],
    ['umask', 0o1000, 'MEASURED_FORM'],
    ['umask', 1.5, 'MEASURED_FORM'],
    ['requires', ['three'], 'MEASURED_FORM'],
    ['nsmPcrs', [16], 'MEASURED_FORM'],
    ['stopSignal', 0, 'MEASURED_FORM'],
    ['environment', { 'A=B': 'c' }, 'MEASURED_FORM'],
    ['workingDirectory', 'app', 'MEASURED_FORM'],
    ['ready', { kind: 'port', port: 0 }, 'MEASURED_FORM'],
    ['ready', { kind: 'http', port: 80, path: '/ HTTP/1.1\r\n' }, 'MEASURED_FORM'],
    ['ready', { kind: 'fork', port: 80 }, 'MEASURED_FORM'],
    ['odd', 1, 'MEASURED_FORM'],
  ] as const) {
    const bytes = changed((file) => Object.assign(first(file), { [key]: value }));
    assert.throws(() => parseMeasuredServices(bytes), { code }, `${key} ${JSON.stringify(value)}`);
  }
  const many = changed((file) => (file.services = Array(MAX_SERVICES + 1).fill(file.services[0])));
  assert.throws(() => parseMeasuredServices(many), { code: 'MEASURED_LIMIT' });
  const doubled = utf8Text(writeMeasuredServices(sample as MeasuredServices)).replace('"v": 1', '"v": 1, "v": 1');
  assert.throws(() => parseMeasuredServices(toUtf8(doubled)), { code: 'CONFIG_DUPLICATE_KEY' });
  assert.throws(() => parseMeasuredServices(changed((file) => (file['v'] = 2))), { code: 'MEASURED_FORM' });
  for (const change of [{ logDir: '/a/../b' }, { logDir: 'log' }, { maxLogFiles: 0 }, { controlSocket: '' }]) {
    const bytes = toUtf8(JSON.stringify({ ...DEFAULT_INIT, ...change }));
    assert.throws(() => parseMeasuredInit(bytes), { code: 'MEASURED_FORM' }, JSON.stringify(change));
  }
});

test('any bytes and any mutant of a sound file are read or refused with a code, never anything else', () => {
  const sound = writeMeasuredServices(sample as MeasuredServices);
  const readAny = (bytes: Uint8Array): void => {
    for (const parse of [parseMeasuredServices, parseMeasuredInit]) {
      try {
        parse(bytes);
      } catch (error) {
        assert.ok(error instanceof CaissonError, String(error));
      }
    }
  };
  fc.assert(fc.property(fc.uint8Array({ maxLength: 64 }), readAny), { seed, numRuns: 500 });
  const mutant = fc.tuple(fc.nat(sound.length - 1), fc.nat(255)).map(([at, byte]) => {
    const bytes = Uint8Array.from(sound);
    bytes[at] = byte;
    return bytes;
  });
  fc.assert(fc.property(mutant, readAny), { seed, numRuns: 500 });
  fc.assert(
    fc.property(fc.json(), (json) => readAny(toUtf8(json))),
    { seed, numRuns: 300 },
  );
});

test('a service name is never a path, hidden, empty, or one that the supervisor gives to processes of its own', () => {
  for (const good of ['nats', 'web-1', 'A.b', 'x@y', 'a'.repeat(63)]) assert.ok(isServiceName(good), good);
  const bad = [
    '',
    '.',
    '..',
    'a/b',
    '../a',
    '/a',
    '.a',
    '-a',
    'a..b',
    'a b',
    'a\n',
    'a\0',
    'é',
    'a'.repeat(64),
    'job-1',
  ];
  for (const wrong of [...bad, 'exec-x', 'process-1', 'nats.service']) assert.ok(!isServiceName(wrong), wrong);
});

test('a signal is known by its name in any letter case, with or without SIG, and by its number', () => {
  for (const word of ['15', 'TERM', 'SIGTERM', 'sigterm']) assert.equal(signalNumber(word), 15);
  for (const word of ['0', '32', '-1', '', 'SIG', 'TERMS', '1e1', ' 9'])
    assert.equal(signalNumber(word), undefined, word);
  assert.equal(signalName(9), 'SIGKILL');
  assert.equal(signalName(40), 'signal 40');
});
