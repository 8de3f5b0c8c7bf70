// The NSM's bytes: the examples of docs/wire/nsm.md in both directions, and what each reader refuses and with which word.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { concatBytes, parseHex, toHex, toUtf8 } from '../bytes/index.ts';
import { type CborKey, type CborValue, decodeCbor, encodeCbor } from '../cbor/index.ts';
import { CaissonError, LimitError, ParseError } from '../errors/index.ts';
import {
  encodeNsmRequest,
  encodeNsmResponse,
  NSM_ERROR_NAMES,
  NsmDeviceError,
  type NsmRequest,
  type NsmResponse,
  PCR_COUNT,
  parseNsmRequest,
  parseNsmResponse,
  toNsmErrorName,
  toPcrIndex,
} from './index.ts';

const deep = process.env['CAISSON_LANE'] === 'deep';
const numRuns = deep ? 50_000 : 1000;

const page = readFileSync(join(import.meta.dirname, '../../../../docs/wire/nsm.md'), 'utf8');
const examples = [...page.matchAll(/^\| (request|response) \| `(\{.+\})` \| `([0-9a-f]+)` \|$/gm)].map(
  ([, direction = '', value = '', hex = '']) => ({ direction, value: JSON.parse(value) as { type: string }, hex }),
);
const requests = examples.filter(({ direction }) => direction === 'request');
const responses = examples.filter(({ direction }) => direction === 'response');

/** Byte strings as hex, as the page writes them. */
function written(message: NsmRequest | NsmResponse): unknown {
  return Object.fromEntries(
    Object.entries(message).map(([name, value]) => [name, value instanceof Uint8Array ? toHex(value) : value]),
  );
}

test('the page has an example of all seven requests, their responses and every error', () => {
  const names = ['DescribePCR', 'ExtendPCR', 'LockPCR', 'LockPCRs', 'DescribeNSM', 'Attestation', 'GetRandom'];
  assert.deepEqual(
    requests.map(({ value }) => value.type),
    names,
  );
  assert.deepEqual(
    responses.map(({ value }) => value.type),
    [...names, ...NSM_ERROR_NAMES.map(() => 'Error')],
  );
});

for (const { value, hex } of requests) {
  test(`reads and writes the example of the request ${value.type}`, () => {
    const request = parseNsmRequest(parseHex(hex));
    assert.deepEqual(written(request), value);
    assert.equal(toHex(encodeNsmRequest(request)), hex);
  });
}

for (const { value, hex } of responses) {
  const name = 'error' in value ? `Error ${String(value.error)}` : value.type;
  test(`reads and writes the example of the response ${name}`, () => {
    const response = parseNsmResponse(parseHex(hex));
    assert.deepEqual(written(response), value);
    assert.equal(toHex(encodeNsmResponse(response)), hex);
  });
}

const u16 = fc.nat({ max: 0xffff });
const bytes = fc.uint8Array({ maxLength: 900 });
const optional = fc.option(bytes);
const plain = { noNullPrototype: true };
const anyRequest: fc.Arbitrary<NsmRequest> = fc.oneof(
  fc.record({ type: fc.constant('DescribePCR' as const), index: u16 }, plain),
  fc.record({ type: fc.constant('ExtendPCR' as const), index: u16, data: bytes }, plain),
  fc.record({ type: fc.constant('LockPCR' as const), index: u16 }, plain),
  fc.record({ type: fc.constant('LockPCRs' as const), range: u16 }, plain),
  fc.record(
    { type: fc.constant('Attestation' as const), userData: optional, nonce: optional, publicKey: optional },
    plain,
  ),
  fc.constantFrom({ type: 'DescribeNSM' as const }, { type: 'GetRandom' as const }),
);
const anyResponse: fc.Arbitrary<NsmResponse> = fc.oneof(
  fc.record({ type: fc.constant('DescribePCR' as const), lock: fc.boolean(), data: bytes }, plain),
  fc.record({ type: fc.constantFrom('ExtendPCR' as const), data: bytes }, plain),
  fc.record({ type: fc.constant('Attestation' as const), document: bytes }, plain),
  fc.record({ type: fc.constant('GetRandom' as const), random: bytes }, plain),
  fc.record({ type: fc.constant('Error' as const), error: fc.constantFrom(...NSM_ERROR_NAMES) }, plain),
  fc.constantFrom({ type: 'LockPCR' as const }, { type: 'LockPCRs' as const }),
  fc.record(
    {
      type: fc.constant('DescribeNSM' as const),
      versionMajor: u16,
      versionMinor: u16,
      versionPatch: u16,
      moduleId: fc.string({ unit: 'grapheme' }),
      maxPcrs: u16,
      lockedPcrs: fc.array(u16, { maxLength: 32 }),
      digest: fc.constantFrom('SHA256' as const, 'SHA384' as const, 'SHA512' as const),
    },
    plain,
  ),
);

test('every request and every response survives its bytes', () => {
  fc.assert(
    fc.property(anyRequest, anyResponse, (request, response) => {
      assert.deepEqual(parseNsmRequest(encodeNsmRequest(request)), request);
      assert.deepEqual(parseNsmResponse(encodeNsmResponse(response)), response);
    }),
    { seed: 1, numRuns },
  );
});

test('any bytes give a message or an error of this room, and a request has one form', () => {
  const mutant = fc
    .tuple(fc.constantFrom(...examples), fc.nat(), fc.nat({ max: 255 }))
    .map(([{ hex }, place, byte]) => {
      const changed = parseHex(hex);
      changed[place % changed.length] = byte;
      return changed;
    });
  fc.assert(
    fc.property(fc.oneof(mutant, fc.uint8Array({ maxLength: 64 })), (input) => {
      try {
        assert.equal(toHex(encodeNsmRequest(parseNsmRequest(input))), toHex(input));
      } catch (error) {
        assert.ok(error instanceof ParseError && /^NSM_REQUEST_(FORM|ARGUMENT)$/.test(error.code), String(error));
      }
      try {
        parseNsmResponse(input);
      } catch (error) {
        assert.ok(error instanceof ParseError && error.code === 'NSM_RESPONSE', String(error));
      }
    }),
    { seed: 1, numRuns },
  );
});

test('a request is read in any order of keys', () => {
  const fields = ['user_data', 'nonce', 'public_key'] as const;
  for (const order of [fields, fields.toReversed(), ['nonce', 'public_key', 'user_data'] as const]) {
    const request = parseNsmRequest(variant('Attestation', new Map(order.map((name) => [name, toUtf8(name)]))));
    assert.deepEqual(request, {
      type: 'Attestation',
      userData: toUtf8('user_data'),
      nonce: toUtf8('nonce'),
      publicKey: toUtf8('public_key'),
    });
  }
});

test('null and zero bytes stay apart', () => {
  const request = { type: 'Attestation', userData: null, nonce: new Uint8Array(), publicKey: null } as const;
  assert.deepEqual(parseNsmRequest(encodeNsmRequest(request)), request);
});

function variant(name: CborKey, fields: CborValue): Uint8Array {
  return encodeCbor(new Map([[name, fields]]));
}
const index = (value: CborValue): CborValue => new Map([['index', value]]);
const text = (value: CborValue): Uint8Array => encodeCbor(value);

const refusedRequests: readonly (readonly [what: string, bytes: Uint8Array, answer: string])[] = [
  ['no bytes', new Uint8Array(), 'InvalidOperation'],
  ['bytes that are no CBOR', Uint8Array.of(0xff, 0xff), 'InvalidOperation'],
  ['a trailing byte', concatBytes(text('GetRandom'), Uint8Array.of(0)), 'InvalidOperation'],
  ['an index in 16-bit form', parseHex('a1674c6f636b504352a165696e646578190010'), 'InvalidOperation'],
  ['an indefinite map', parseHex('bf674c6f636b504352a165696e64657810ff'), 'InvalidOperation'],
  ['a number', text(1), 'InvalidOperation'],
  ['an empty map', text(new Map()), 'InvalidOperation'],
  [
    'two operations in one map',
    text(
      new Map([
        ['LockPCR', index(1)],
        ['DescribePCR', index(1)],
      ]),
    ),
    'InvalidOperation',
  ],
  ['a name that is bytes', variant(toUtf8('LockPCR'), index(1)), 'InvalidOperation'],
  ['an unknown operation', text('Reboot'), 'InvalidOperation'],
  ['an operation in other letters', text('getrandom'), 'InvalidOperation'],
  ['a response', variant('Error', 'InvalidIndex'), 'InvalidOperation'],
  ['fields where there are none', variant('GetRandom', new Map()), 'InvalidArgument'],
  ['null where there are no fields', variant('DescribeNSM', null), 'InvalidArgument'],
  ['no fields where there are some', text('LockPCR'), 'InvalidArgument'],
  ['fields as an array', variant('LockPCR', [16]), 'InvalidArgument'],
  ['a missing index', variant('LockPCR', new Map()), 'InvalidArgument'],
  [
    'an unknown key',
    variant('LockPCR', new Map([...(index(1) as Map<string, number>), ['force', 1]])),
    'InvalidArgument',
  ],
  ['a key that is a number', variant('LockPCR', new Map([[0, 1]])), 'InvalidArgument'],
  ['an index below zero', variant('DescribePCR', index(-1)), 'InvalidArgument'],
  ['an index beyond u16', variant('DescribePCR', index(65_536)), 'InvalidArgument'],
  ['an index beyond 2^53', variant('DescribePCR', index(2n ** 60n)), 'InvalidArgument'],
  ['an index as text', variant('DescribePCR', index('16')), 'InvalidArgument'],
  ['a range as null', variant('LockPCRs', new Map([['range', null]])), 'InvalidArgument'],
  [
    'text where bytes must be',
    variant(
      'ExtendPCR',
      new Map<string, CborValue>([
        ['index', 16],
        ['data', 'hello'],
      ]),
    ),
    'InvalidArgument',
  ],
  ['an Attestation without its fields', variant('Attestation', new Map([['nonce', null]])), 'InvalidArgument'],
  [
    'a nonce as text',
    variant(
      'Attestation',
      new Map([
        ['user_data', null],
        ['nonce', 'x'],
        ['public_key', null],
      ]),
    ),
    'InvalidArgument',
  ],
  ['4,097 bytes', new Uint8Array(4097), 'InputTooLarge'],
];

for (const [what, input, answer] of refusedRequests) {
  test(`a request of ${what} is answered ${answer}`, () => {
    assert.throws(
      () => parseNsmRequest(input),
      (error: unknown) => {
        assert.ok(error instanceof (answer === 'InputTooLarge' ? LimitError : ParseError), String(error));
        assert.equal(toNsmErrorName(error), answer);
        assert.match(error.message, /^nsm request/);
        return true;
      },
    );
  });
}

test('an index beyond 31 is a well-formed request: an NSM has its own answer to it', () => {
  assert.deepEqual(parseNsmRequest(variant('LockPCR', index(65_535))), { type: 'LockPCR', index: 65_535 });
});

test('an error that is no refusal of a request is an InternalError', () => {
  for (const error of [new Error('EIO'), new CaissonError('CBOR_TAG', 'm'), undefined]) {
    assert.equal(toNsmErrorName(error), 'InternalError');
  }
  assert.equal(toNsmErrorName(new NsmDeviceError('LockPCR', 'ReadOnlyIndex')), 'ReadOnlyIndex');
});

test('a message of a refusal tells lengths and kinds, never bytes of the caller', () => {
  const secret = 'hunter2hunter2';
  const fields = new Map<string, CborValue>([
    ['index', 16],
    ['data', secret],
  ]);
  assert.throws(() => parseNsmRequest(variant('ExtendPCR', fields)), {
    message: 'nsm request ExtendPCR: data must be bytes, got text of 14 characters',
  });
});

test('a response is read by name: in any order, with keys nobody knows, with maps of indefinite length', () => {
  const expected = { type: 'DescribePCR', lock: true, data: Uint8Array.of(1) };
  const entries: readonly (readonly [string, CborValue])[] = [
    ['future', [new Map([[1, null]])]],
    ['data', Uint8Array.of(1)],
    ['lock', true],
  ];
  assert.deepEqual(parseNsmResponse(variant('DescribePCR', new Map(entries))), expected);
  assert.deepEqual(parseNsmResponse(parseHex('bf6b4465736372696265504352bf646c6f636bf564646174614101ffff')), expected);
});

const refusedResponses: readonly (readonly [what: string, bytes: Uint8Array])[] = [
  ['no bytes', new Uint8Array()],
  ['an unknown variant', variant('Reboot', new Map())],
  ['an unknown name', text('Reboot')],
  ['the name of a request without fields', text('GetRandom')],
  ['an unknown error', variant('Error', 'Success')],
  ['two variants', text(new Map([...NSM_ERROR_NAMES.slice(0, 2)].map((name) => [name, null])))],
  ['fields that are no map', variant('GetRandom', new Uint8Array(256))],
  ['a missing field', variant('GetRandom', new Map())],
  ['random as text', variant('GetRandom', new Map([['random', 'x']]))],
  ['a document that is null', variant('Attestation', new Map([['document', null]]))],
  [
    'a lock that is a number',
    variant(
      'DescribePCR',
      new Map<string, CborValue>([
        ['lock', 1],
        ['data', new Uint8Array(48)],
      ]),
    ),
  ],
  ['a repeated field', parseHex('a16947657452616e646f6da26672616e646f6d41016672616e646f6d4102')],
  ['12,289 bytes', new Uint8Array(12_289)],
];

for (const [what, input] of refusedResponses) {
  test(`refuses a response of ${what}`, () => {
    assert.throws(
      () => parseNsmResponse(input),
      (error: unknown) =>
        error instanceof CaissonError && error.code === 'NSM_RESPONSE' && /^nsm response/.test(error.message),
    );
  });
}

for (const field of ['version_major', 'module_id', 'max_pcrs', 'locked_pcrs', 'digest']) {
  for (const wrong of [null, -1, 'MD5', [65_536], new Uint8Array()] as const) {
    if (field === 'module_id' && wrong === 'MD5') continue;
    test(`refuses a DescribeNSM whose ${field} is ${JSON.stringify(wrong)}`, () => {
      const example = responses.find(({ value }) => value.type === 'DescribeNSM')!;
      const fields = (decodeCbor(parseHex(example.hex)) as Map<string, Map<string, CborValue>>).get('DescribeNSM')!;
      assert.throws(() => parseNsmResponse(variant('DescribeNSM', new Map([...fields, [field, wrong]]))), {
        code: 'NSM_RESPONSE',
        message: new RegExp(`^nsm response DescribeNSM: ${field} must be .+, got `),
      });
    });
  }
}

test('refuses to write a request or a response beyond its bound', () => {
  // 4,096 - 25 bytes of map, name, keys and heads.
  const room = 4096 - 27;
  const extend = (length: number): NsmRequest => ({ type: 'ExtendPCR', index: 16, data: new Uint8Array(length) });
  assert.equal(encodeNsmRequest(extend(room)).length, 4096);
  assert.throws(() => encodeNsmRequest(extend(room + 1)), {
    code: 'NSM_REQUEST_TOO_LARGE',
    message: /at most 4096 bytes, got 4097$/,
  });
  assert.throws(() => encodeNsmResponse({ type: 'Attestation', document: new Uint8Array(12_288) }), {
    code: 'NSM_RESPONSE',
  });
});

test('refuses to write numbers that are no u16', () => {
  for (const wrong of [-1, 1.5, 65_536, Number.NaN]) {
    assert.throws(() => encodeNsmRequest({ type: 'LockPCR', index: wrong }), TypeError);
    assert.throws(() => encodeNsmRequest({ type: 'LockPCRs', range: wrong }), TypeError);
  }
});

test('a PCR index is 0..31', () => {
  assert.equal(toPcrIndex(0), 0);
  assert.equal(toPcrIndex(PCR_COUNT - 1), 31);
  for (const wrong of [-1, 32, 1.5, Number.NaN, 2 ** 32]) assert.throws(() => toPcrIndex(wrong), TypeError);
});
