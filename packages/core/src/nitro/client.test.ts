// The client refuses what would be wrong before the NSM sees it, and believes no answer that is not to its question.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CaissonError, LimitError } from '../errors/index.ts';
import {
  createNsmClient,
  encodeNsmResponse,
  type NsmClient,
  type NsmClientOptions,
  NsmDeviceError,
  type NsmRequest,
  type NsmResponse,
  parseNsmRequest,
} from './index.ts';

function clientOf(
  answer: NsmResponse | Uint8Array,
  options?: NsmClientOptions,
): { client: NsmClient; asked: NsmRequest[] } {
  const asked: NsmRequest[] = [];
  const pipe = {
    request(bytes: Uint8Array): Promise<Uint8Array> {
      asked.push(parseNsmRequest(bytes));
      return Promise.resolve(answer instanceof Uint8Array ? answer : encodeNsmResponse(answer));
    },
  };
  return { client: createNsmClient(pipe, options), asked };
}

const description = {
  versionMajor: 1,
  versionMinor: 0,
  versionPatch: 0,
  moduleId: 'i-234-enc5678',
  maxPcrs: 32,
  lockedPcrs: [0, 1],
  digest: 'SHA384',
} as const;
const bytes = Uint8Array.of(1, 2, 3);

// Each request through the client: what it asks, what it makes of the answer.
const calls: readonly {
  readonly call: (client: NsmClient) => Promise<unknown>;
  readonly request: NsmRequest;
  readonly answer: NsmResponse;
  readonly result: unknown;
}[] = [
  {
    call: (client) => client.describePcr(16),
    request: { type: 'DescribePCR', index: 16 },
    answer: { type: 'DescribePCR', lock: true, data: bytes },
    result: { lock: true, data: bytes },
  },
  {
    call: (client) => client.extendPcr(31, Uint8Array.of(9)),
    request: { type: 'ExtendPCR', index: 31, data: Uint8Array.of(9) },
    answer: { type: 'ExtendPCR', data: bytes },
    result: bytes,
  },
  {
    call: (client) => client.lockPcr(0),
    request: { type: 'LockPCR', index: 0 },
    answer: { type: 'LockPCR' },
    result: undefined,
  },
  {
    call: (client) => client.lockPcrs(32),
    request: { type: 'LockPCRs', range: 32 },
    answer: { type: 'LockPCRs' },
    result: undefined,
  },
  {
    call: (client) => client.describeNsm(),
    request: { type: 'DescribeNSM' },
    answer: { type: 'DescribeNSM', ...description },
    result: description,
  },
  {
    call: (client) => client.attestation({ nonce: bytes, userData: new Uint8Array() }),
    request: { type: 'Attestation', userData: new Uint8Array(), nonce: bytes, publicKey: null },
    answer: { type: 'Attestation', document: bytes },
    result: bytes,
  },
  {
    call: (client) => client.getRandom(),
    request: { type: 'GetRandom' },
    answer: { type: 'GetRandom', random: bytes },
    result: bytes,
  },
];

for (const { call, request, answer, result } of calls) {
  test(`${request.type} asks once and gives what was answered`, async () => {
    const { client, asked } = clientOf(answer);
    assert.deepEqual(await call(client), result);
    assert.deepEqual(asked, [request]);
  });

  test(`${request.type} refuses the answer to another request`, async () => {
    for (const other of calls) {
      if (other.request.type === request.type) continue;
      await assert.rejects(call(clientOf(other.answer).client), {
        code: 'NSM_RESPONSE',
        message: `nsm answered ${request.type} with ${other.request.type}`,
      });
    }
  });

  test(`${request.type} gives the NSM's own word when the NSM refuses`, async () => {
    await assert.rejects(call(clientOf({ type: 'Error', error: 'ReadOnlyIndex' }).client), (error: unknown) => {
      assert.ok(error instanceof NsmDeviceError && error instanceof CaissonError);
      assert.equal(error.code, 'NSM_DEVICE_ERROR');
      assert.equal(error.nsmError, 'ReadOnlyIndex');
      assert.equal(error.safe, 'ReadOnlyIndex');
      assert.match(
        error.message,
        new RegExp(`^nsm refused ${request.type}( of PCR \\d+| with range 32)?: ReadOnlyIndex$`),
      );
      return true;
    });
  });
}

test('an answer that is no NSM response is refused with the reason inside', async () => {
  await assert.rejects(clientOf(Uint8Array.of(0xff)).client.getRandom(), (error: unknown) => {
    assert.ok(error instanceof CaissonError && error.code === 'NSM_RESPONSE');
    assert.ok(error.cause instanceof CaissonError && error.cause.code === 'CBOR_BREAK');
    return true;
  });
});

test('random bytes that are none are refused', async () => {
  await assert.rejects(clientOf({ type: 'GetRandom', random: new Uint8Array() }).client.getRandom(), {
    code: 'NSM_RESPONSE',
  });
});

test('a field beyond its bound is refused before anything is sent', async () => {
  for (const field of ['publicKey', 'nonce', 'userData'] as const) {
    for (const [fieldLimitBytes, options] of [
      [1024, undefined],
      [2048, { fieldLimitBytes: 2048 }],
    ] as const) {
      const { client, asked } = clientOf({ type: 'Attestation', document: bytes }, options);
      await client.attestation({ [field]: new Uint8Array(fieldLimitBytes) });
      assert.equal(asked.length, 1);
      await assert.rejects(client.attestation({ [field]: new Uint8Array(fieldLimitBytes + 1) }), (error: unknown) => {
        assert.ok(error instanceof LimitError && error.code === 'NSM_FIELD_TOO_LARGE');
        assert.match(
          error.message,
          new RegExp(`${field} must have at most ${fieldLimitBytes} bytes, got ${fieldLimitBytes + 1}$`),
        );
        return true;
      });
      assert.equal(asked.length, 1);
    }
  }
});

test('fields that fit one by one but not together are refused before anything is sent', async () => {
  const { client, asked } = clientOf({ type: 'Attestation', document: bytes }, { fieldLimitBytes: 2048 });
  const field = new Uint8Array(2048);
  await assert.rejects(client.attestation({ publicKey: field, nonce: field }), { code: 'NSM_REQUEST_TOO_LARGE' });
  assert.deepEqual(asked, []);
});

test('absent, undefined and null fields are all null', async () => {
  const { client, asked } = clientOf({ type: 'Attestation', document: bytes });
  await client.attestation();
  await client.attestation({ nonce: null, publicKey: undefined });
  const empty = { type: 'Attestation', userData: null, nonce: null, publicKey: null };
  assert.deepEqual(asked, [empty, empty]);
});

test('an index or a range that no NSM has is the mistake of the caller', async () => {
  const { client, asked } = clientOf({ type: 'LockPCR' });
  for (const wrong of [-1, 32, 0.5]) {
    await assert.rejects(client.describePcr(wrong), TypeError);
    await assert.rejects(client.extendPcr(wrong, bytes), TypeError);
    await assert.rejects(client.lockPcr(wrong), TypeError);
  }
  for (const wrong of [-1, 33, 0.5]) await assert.rejects(client.lockPcrs(wrong), TypeError);
  assert.deepEqual(asked, []);
});

test('an error of the pipe comes through as it is', async () => {
  const cause = Object.assign(new Error('device gone'), { code: 'EIO' });
  const client = createNsmClient({ request: () => Promise.reject(cause) });
  await assert.rejects(client.getRandom(), (error: unknown) => error === cause);
});
