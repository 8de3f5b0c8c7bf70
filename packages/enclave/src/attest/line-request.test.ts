// Every row of argonaut's table of answers, in both forms, as exact bytes, against a backend that echoes what it was asked.
import assert from 'node:assert/strict';
import { PassThrough, Readable } from 'node:stream';
import { test } from 'node:test';
import fc from 'fast-check';
import { type LineBackend, parseLineRequest, serveLines } from './index.ts';

const echo: LineBackend = {
  attest: async ({ publicKey, nonce, userData }) =>
    Buffer.concat([publicKey, Buffer.from([nonce?.length ?? 0xff]), Buffer.from([userData?.length ?? 0xff])]),
  random: async () => Uint8Array.of(0xde, 0xad, 0xbe, 0xef),
};

async function answerTo(input: string | Uint8Array, backend: LineBackend = echo): Promise<string> {
  const output = new PassThrough({ highWaterMark: 1 << 30 });
  await serveLines({ input: Readable.from([Buffer.from(input)]), output, backend });
  return (output.read() as Buffer | null)?.toString() ?? '';
}

const json = (id: string, error: string): string => `${JSON.stringify({ id, ok: false, error })}\n`;
const long = 'ab'.repeat(2049);
const full = 'ab'.repeat(2048);

test('answers the JSON form with the bytes that argonaut writes', async () => {
  const table: Record<string, string> = {
    '{"id":"1","method":"ATT","publicKey":"aaBB","nonce":"cc","userData":"ddee"}':
      '{"id":"1","ok":true,"data":"aabb0102"}\n',
    '{"id":"1","method":"ATT","publicKey":"aa"}': '{"id":"1","ok":true,"data":"aaffff"}\n',
    '{"id":"1","method":"ATT","publicKey":"aa","nonce":"","userData":null}': '{"id":"1","ok":true,"data":"aaffff"}\n',
    '  { "method" : "RND" , "id" : "A.b_c:d-9" }  ': '{"id":"A.b_c:d-9","ok":true,"data":"deadbeef"}\n',
    '{"id":"1","method":"RND","publicKey":"","nonce":null}': '{"id":"1","ok":true,"data":"deadbeef"}\n',
    '{"id":"\\u0031","method":"RND"}': '{"id":"1","ok":true,"data":"deadbeef"}\n',
    '{': json('', 'invalid_json'),
    '{"id":"1","method":"RND"}x': json('', 'invalid_json'),
    '{"id":"1","method":"RND"} {}': json('', 'invalid_json'),
    '{"id":"1","method":"RND","extra":true}': json('', 'invalid_json'),
    '{"id":"1","method":"RND","__proto__":null}': json('', 'invalid_json'),
    '{"id":"1","id":"2","method":"RND"}': json('', 'invalid_json'),
    '{"ID":"1","method":"RND"}': json('', 'invalid_json'),
    '{"id":1,"method":"RND"}': json('', 'invalid_json'),
    '{"id":"1","method":"RND","nonce":{}}': json('', 'invalid_json'),
    '{"id":"1","method":["RND"]}': json('', 'invalid_json'),
    '{}': json('', 'invalid_id'),
    '{"id":"","method":"RND"}': json('', 'invalid_id'),
    '{"id":null,"method":"RND"}': json('', 'invalid_id'),
    '{"id":"bad id","method":"RND"}': json('', 'invalid_id'),
    '{"id":"a\\nb","method":"RND"}': json('', 'invalid_id'),
    '{"id":"é","method":"RND"}': json('', 'invalid_id'),
    [`{"id":"${'x'.repeat(65)}","method":"RND"}`]: json('', 'invalid_id'),
    [`{"id":"${'x'.repeat(64)}","method":"RND"}`]: `{"id":"${'x'.repeat(64)}","ok":true,"data":"deadbeef"}\n`,
    '{"id":"bad id","method":"NOPE"}': json('', 'invalid_id'),
    '{"id":"1"}': json('1', 'unknown_method'),
    '{"id":"1","method":"att"}': json('1', 'unknown_method'),
    '{"id":"1","method":"NOPE","publicKey":"zz"}': json('1', 'unknown_method'),
    '{"id":"1","method":"ATT"}': json('1', 'missing_public_key'),
    '{"id":"1","method":"ATT","publicKey":""}': json('1', 'missing_public_key'),
    '{"id":"1","method":"ATT","publicKey":"","nonce":"zz"}': json('1', 'missing_public_key'),
    '{"id":"1","method":"ATT","publicKey":"abc"}': json('1', 'invalid_hex'),
    '{"id":"1","method":"ATT","publicKey":"zz"}': json('1', 'invalid_hex'),
    '{"id":"1","method":"ATT","publicKey":"-"}': json('1', 'invalid_hex'),
    '{"id":"1","method":"ATT","publicKey":" aa"}': json('1', 'invalid_hex'),
    '{"id":"1","method":"ATT","publicKey":"0xaa"}': json('1', 'invalid_hex'),
    '{"id":"1","method":"ATT","publicKey":"aa","nonce":"-"}': json('1', 'invalid_hex'),
    '{"id":"1","method":"ATT","publicKey":"aa","userData":"a"}': json('1', 'invalid_hex'),
    [`{"id":"1","method":"ATT","publicKey":"${long}"}`]: json('1', 'public_key_too_large'),
    [`{"id":"1","method":"ATT","publicKey":"${full}","nonce":"${long}"}`]: json('1', 'nonce_too_large'),
    [`{"id":"1","method":"ATT","publicKey":"aa","userData":"${long}"}`]: json('1', 'user_data_too_large'),
    [`{"id":"1","method":"ATT","publicKey":"${long}","userData":"zz"}`]: json('1', 'invalid_hex'),
    [`{"id":"1","method":"ATT","publicKey":"${long}","nonce":"${long}"}`]: json('1', 'public_key_too_large'),
    '{"id":"1","method":"RND","publicKey":"aa"}': json('1', 'invalid_request'),
    '{"id":"1","method":"RND","nonce":"zz"}': json('1', 'invalid_request'),
    '{"id":"1","method":"RND","userData":"-"}': json('1', 'invalid_request'),
  };
  for (const [line, answer] of Object.entries(table)) assert.equal(await answerTo(`${line}\n`), answer, line);
});

test('answers the legacy form with the bytes that argonaut writes', async () => {
  const table: Record<string, string> = {
    '': '0 ERR empty_request',
    '   ': '0 ERR empty_request',
    '\r': '0 ERR empty_request',
    '\u00a0\u2003\u0085': '0 ERR empty_request',
    '1 RND': '1 OK deadbeef',
    '1 RND\r': '1 OK deadbeef',
    '\t1 \u2003 RND ': '1 OK deadbeef',
    '1 ATT AAbb': '1 OK aabbffff',
    '1 ATT aabb cc ddee': '1 OK aabb0102',
    '1 ATT aabb - ddee': '1 OK aabbff02',
    '1 ATT aabb cc -': '1 OK aabb01ff',
    '1 ATT aabb - -': '1 OK aabbffff',
    'bad/id RND': '0 ERR invalid_id',
    [`${'x'.repeat(65)} RND`]: '0 ERR invalid_id',
    '[] RND': '0 ERR invalid_id',
    '\ufeff1 RND': '0 ERR invalid_id',
    '5': '5 ERR invalid_request',
    '3 NOPE': '3 ERR unknown_method',
    '3 rnd': '3 ERR unknown_method',
    '6 ATT': '6 ERR missing_public_key',
    '7 ATT ': '7 ERR missing_public_key',
    '8 ATT abc': '8 ERR invalid_hex',
    '8 ATT zz': '8 ERR invalid_hex',
    '8 ATT -': '8 ERR invalid_hex',
    '8 ATT aa zz -': '8 ERR invalid_hex',
    '8 ATT aa - a': '8 ERR invalid_hex',
    '9 ATT aa bb': '9 ERR invalid_request',
    '9 ATT zz bb': '9 ERR invalid_request',
    '9 ATT aa bb cc dd': '9 ERR invalid_request',
    '2 RND extra': '2 ERR invalid_request',
    [`1 ATT ${long}`]: '1 ERR public_key_too_large',
    [`1 ATT aa ${long} -`]: '1 ERR nonce_too_large',
    [`1 ATT aa - ${long}`]: '1 ERR user_data_too_large',
    [`1 ATT ${long} - zz`]: '1 ERR invalid_hex',
  };
  for (const [line, answer] of Object.entries(table)) assert.equal(await answerTo(`${line}\n`), `${answer}\n`, line);
});

test('takes bytes that are no UTF-8 for a bad line and goes on', async () => {
  const bytes = Buffer.concat([
    Buffer.from([0xff, 0x20, 0x52, 0x4e, 0x44, 0x0a]),
    Buffer.from('{"id":"1","method":"RND","nonce":"'),
    Buffer.from([0xc0, 0xaf]),
    Buffer.from('"}\n2 RND\n'),
  ]);
  assert.equal(await answerTo(bytes), `0 ERR invalid_id\n${json('', 'invalid_json')}2 OK deadbeef\n`);
});

test('names a device failure by its own word or by backend_error, never by more than one word', async () => {
  const failing = (message: unknown): LineBackend => ({
    attest: async () => Promise.reject(message),
    random: async () => Promise.reject(message),
  });
  const cases: readonly [unknown, string][] = [
    [new Error('device.gone_2-x'), 'device.gone_2-x'],
    [new Error('nsm error: InvalidArgument'), 'backend_error'],
    [new Error('x\n1 OK 00'), 'backend_error'],
    [new Error('word\n'), 'backend_error'],
    [new Error('gerät'), 'backend_error'],
    [new Error(''), 'backend_error'],
    ['a string', 'backend_error'],
    [undefined, 'backend_error'],
  ];
  for (const [reason, word] of cases) {
    assert.equal(await answerTo('1 RND\n', failing(reason)), `1 ERR ${word}\n`);
    assert.equal(await answerTo('{"id":"1","method":"ATT","publicKey":"aa"}\n', failing(reason)), json('1', word));
  }
});

test('parses any line without throwing, and repeats an id only when it is one', () => {
  const word = fc.oneof(
    fc.constantFrom('ATT', 'RND', '-', 'aa', 'zz', '1', '{', '"'),
    fc.string({ maxLength: 6, unit: 'binary' }),
  );
  const words = fc.array(word, { maxLength: 7 }).map((parts) => Buffer.from(parts.join(' ')));
  const value = fc.oneof(fc.constantFrom<unknown>('ATT', 'RND', '', 'aa', 'abc', null, 1), fc.string({ maxLength: 4 }));
  const object = fc
    .record(
      { id: value, method: value, publicKey: value, nonce: value, userData: value, other: value },
      { requiredKeys: [] },
    )
    .map((request) => Buffer.from(JSON.stringify(request)));
  fc.assert(
    fc.property(fc.oneof(words, object, fc.uint8Array({ maxLength: 80 })), (line) => {
      const { form, id, wish } = parseLineRequest(line);
      if (id !== '' && id !== '0') assert.match(id, /^[A-Za-z0-9._:-]{1,64}$/);
      if (id === '') assert.equal(form, 'json');
      if (wish.kind === 'refused') assert.match(wish.error, /^[a-z_]+$/);
      if (wish.kind === 'document') assert.ok(wish.publicKey.length >= 1 && wish.publicKey.length <= 2048);
    }),
    { seed: 1, numRuns: process.env['CAISSON_LANE'] === 'deep' ? 500_000 : 10_000 },
  );
});
