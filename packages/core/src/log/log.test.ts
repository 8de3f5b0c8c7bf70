// One event is one line in every form, whatever a stranger wrote into it, and it still says what he wrote.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { ParseError } from '../errors/index.ts';
import { createLog, LOG_LEVELS, type LogFields, type LogFormat, parseLogLevel, silentLog } from './index.ts';

const formats: readonly LogFormat[] = ['json', 'people', 'argonaut'];
const exampleTime = Date.UTC(2026, 10, 20, 11, 5, 19, 7);
const numRuns = process.env['CAISSON_LANE'] === 'deep' ? 20_000 : 500;

function linesOf(format: LogFormat, message: string, fields?: LogFields, source = {}): string[] {
  const lines: string[] = [];
  const log = createLog({
    level: 'trace',
    format,
    write: (line) => lines.push(line),
    now: () => exampleTime,
    ...source,
  });
  log.info('TEST_EVENT', message, fields);
  return lines;
}

test('each form writes the line of its example in docs/wire/log.md', () => {
  const page = readFileSync(join(import.meta.dirname, '../../../../docs/wire/log.md'), 'utf8');
  const fields = { id: 7, peer: '127.0.0.1:5000', reason: 'a\nb \u001b[31m' };
  for (const format of formats) {
    const [, example] = new RegExp(`^\\| ${format} \\| \`(.+)\` \\|$`, 'm').exec(page) ?? [];
    const lines: string[] = [];
    const log = createLog({ level: 'info', format, write: (line) => lines.push(line), now: () => exampleTime });
    log.child({ enclave: 'web', service: 'api' }).warn('BRIDGE_REFUSED', 'over the cap', fields);
    assert.deepEqual(lines, [`${example}\n`]);
  }
});

test('the JSON form has time, level, code, message, enclave, service and fields, in this order', () => {
  assert.deepEqual(linesOf('json', 'accepted', { id: 7, ok: true, from: 'a b' }, { enclave: 'web', service: 'api' }), [
    '{"time":"2026-11-20T11:05:19.007Z","level":"info","code":"TEST_EVENT","message":"accepted",' +
      '"enclave":"web","service":"api","fields":{"id":7,"ok":true,"from":"a b"}}\n',
  ]);
});

test('the JSON form leaves out what there is nothing of', () => {
  assert.deepEqual(linesOf('json', 'm', { gone: undefined }), [
    '{"time":"2026-11-20T11:05:19.007Z","level":"info","code":"TEST_EVENT","message":"m"}\n',
  ]);
});

test('the form for people has time, level, source, message and fields', () => {
  assert.deepEqual(
    linesOf('people', 'accepted', { id: 7, from: 'a b', empty: '' }, { enclave: 'web', service: 'api' }),
    ['2026-11-20T11:05:19.007Z INFO  web/api: accepted id=7 from="a b" empty=""\n'],
  );
});

test('the form for people colours the level only when told to', () => {
  assert.deepEqual(linesOf('people', 'm', {}, { colour: true }), [
    '2026-11-20T11:05:19.007Z \u001b[36mINFO \u001b[0m m\n',
  ]);
  assert.deepEqual(linesOf('json', 'm', {}, { colour: true }), linesOf('json', 'm'));
});

test("argonaut's form is Go's standard logger with fields behind the message", () => {
  assert.deepEqual(linesOf('argonaut', 'accepted', { id: 7, target: '127.0.0.1:80' }), [
    '2026/11/20 11:05:19 accepted id=7 target=127.0.0.1:80\n',
  ]);
});

test('a child speaks for its service and keeps the enclave', () => {
  const lines: string[] = [];
  const log = createLog({ level: 'info', format: 'people', write: (line) => lines.push(line), now: () => 0 });
  log.child({ enclave: 'web' }).child({ service: 'api' }).info('TEST_EVENT', 'up');
  log.info('TEST_EVENT', 'down');
  assert.deepEqual(lines, ['1970-01-01T00:00:00.000Z INFO  web/api: up\n', '1970-01-01T00:00:00.000Z INFO  down\n']);
});

test('each level writes itself and what is graver, and asks the clock for nothing else', () => {
  for (const [index, level] of LOG_LEVELS.entries()) {
    let asked = 0;
    const lines: string[] = [];
    const log = createLog({ level, format: 'json', write: (line) => lines.push(line), now: () => asked++ });
    for (const one of LOG_LEVELS) log[one]('TEST_EVENT', one);
    assert.deepEqual(
      lines.map((line) => (JSON.parse(line) as { level: string }).level),
      LOG_LEVELS.slice(0, index + 1),
    );
    assert.equal(asked, index + 1);
  }
});

test('the silent log says nothing, nor do its children', () => {
  for (const level of LOG_LEVELS) assert.equal(silentLog.child({ service: 'x' })[level]('TEST_EVENT', 'm'), undefined);
});

// What strangers write: terminals, line ends, bidi, JSON, size, what is no text.
const hostile: readonly string[] = [
  '\u001b[2J\u001b[H',
  '\u001b]0;owned\u0007',
  '\u001b]8;;http://evil\u001b\\link\u001b]8;;\u001b\\',
  '\u009b31m',
  '\u009d0;title\u009c',
  'a\nb',
  'a\r\nb',
  'a\rb',
  'a\u0085b',
  'a\u2028b',
  'a\u2029b',
  'a\vb\fc',
  'a\0b',
  '\b\b\b\b',
  '\u007f',
  '\u202egnp.exe',
  '\u2066\u2067\u2068\u2069',
  '\u202a\u202b\u202c\u202d',
  '\u200e\u200f\u061c',
  'zero\u200bwidth\u200d',
  '\ufeffbom',
  'soft\u00adhyphen',
  '\u{e0041}\u{e0042}tags',
  '\ufff9\ufffa\ufffb',
  '\ud800',
  '\udfff tail',
  'pair\ud83d cut',
  '","level":"error","x":"',
  '"}\n{"time":"forged"}',
  '\\',
  '\\u001b[31m',
  'trailing\\',
  "'; drop table",
  'a=b c=d',
  '%s%n%x',
  '$(reboot)`reboot`',
  '',
  ' ',
  '\t',
  '😀 é 水',
];
const nasty = hostile.flatMap((text) => [text, `user ${text}`, `${text} left`]);
const forbidden =
  /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]|[\u{e0000}-\u{e0fff}]|\p{Cs}/u;

function assertOneHarmlessLine(lines: readonly string[]): void {
  assert.equal(lines.length, 1);
  const [line = ''] = lines;
  assert.equal(line.indexOf('\n'), line.length - 1, JSON.stringify(line));
  assert.doesNotMatch(line, forbidden);
}

for (const format of formats) {
  test(`no text can end, colour, reorder or hide in a line of the ${format} form`, () => {
    for (const text of nasty) {
      assertOneHarmlessLine(linesOf(format, text));
      assertOneHarmlessLine(linesOf(format, 'm', { text, [text]: 1 }));
      assertOneHarmlessLine(linesOf(format, 'm', {}, { enclave: text, service: text }));
    }
    const anything = fc.string({ unit: 'binary' });
    const halves = fc.array(fc.nat({ max: 0xffff }), { maxLength: 20 }).map((units) => String.fromCharCode(...units));
    fc.assert(
      fc.property(fc.oneof(anything, halves), anything, (message, value) => {
        assertOneHarmlessLine(linesOf(format, message, { value, [value]: message }));
      }),
      { seed: 1, numRuns },
    );
  });
}

test('the JSON form parses back to what was said', () => {
  for (const text of nasty) {
    const record = JSON.parse(linesOf('json', text, { text })[0]!) as { message: string; fields: { text: string } };
    assert.equal(record.message, text);
    assert.equal(record.fields.text, text);
  }
});

test('escapes are as a reader expects them', () => {
  assert.match(linesOf('people', 'say "hi"\\ \u001b[31m\n\u202e')[0]!, / say "hi"\\ \\u001b\[31m\\n\\u202e\n$/);
  assert.match(linesOf('argonaut', 'm', { text: 'a="b"' })[0]!, / text="a=\\"b\\""\n$/);
});

test('a text of 1 MiB is cut and says how much is missing', () => {
  for (const format of formats) {
    const [line = ''] = linesOf(format, 'x'.repeat(1_048_576), { text: '\u001b'.repeat(1_048_576) });
    assert.ok(line.length < 70_000, `${line.length}`);
    assert.equal(line.split('(1040384 more characters)').length - 1, 2);
  }
});

test('a cut between the halves of a character leaves no half', () => {
  const [line = ''] = linesOf('people', `${'x'.repeat(8191)}😀`);
  assert.doesNotMatch(line, forbidden);
});

test('a field named __proto__ is a field', () => {
  const fields = JSON.parse('{"__proto__":"p","constructor":"c"}') as LogFields;
  assert.match(linesOf('json', 'm', fields)[0]!, /"fields":\{"__proto__":"p","constructor":"c"\}/);
});

test('numbers that JSON lacks are written as text', () => {
  assert.match(
    linesOf('json', 'm', { a: Number.NaN, b: Number.NEGATIVE_INFINITY, c: -0.5 })[0]!,
    /\{"a":"NaN","b":"-Infinity","c":-0\.5\}/,
  );
});

test('fields whose name looks like a secret are redacted', () => {
  const names = ['password', 'DB_PASSWD', 'passphrase', 'authToken', 'clientSecret', 'private_key', 'privateKey'];
  const more = ['private key', 'Authorization', 'api-key', 'awsCredentials', 'set-cookie'];
  for (const format of formats) {
    for (const name of [...names, ...more]) {
      const [line = ''] = linesOf(format, 'm', { [name]: 'hunter2', other: 'seen' });
      assert.doesNotMatch(line, /hunter2/);
      assert.match(line, /\[redacted\]/);
      assert.match(line, /seen/);
    }
    assert.match(linesOf(format, 'm', { publicKey: 'ab', compass: 'north' })[0]!, /ab.*north/);
  }
});

test('log levels are read in any case, and default to info', () => {
  assert.equal(parseLogLevel(undefined), 'info');
  assert.equal(parseLogLevel(''), 'info');
  assert.equal(parseLogLevel('WARN'), 'warn');
  for (const level of LOG_LEVELS) assert.equal(parseLogLevel(level), level);
  assert.throws(
    () => parseLogLevel('loud\n'),
    (error: unknown) =>
      error instanceof ParseError &&
      error.message === 'log level must be one of error, warn, info, debug, trace, got "loud\\n"',
  );
});
