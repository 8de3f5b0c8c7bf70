// The simulated NSM answers what hardware answers, errors included.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { before, test } from 'node:test';
import { parseAttestationCertificate, parseAttestationDocument } from '@caisson/core/attestation';
import { parseHex, toHex, toUtf8 } from '@caisson/core/bytes';
import { type CborValue, decodeCbor, encodeCbor } from '@caisson/core/cbor';
import { encodeSigStructure } from '@caisson/core/cose';
import {
  createNsmClient,
  encodeNsmRequest,
  MAX_NSM_REQUEST_BYTES,
  type NsmClient,
  type NsmRequest,
  parseNsmResponse,
} from '@caisson/core/nitro';
import fc from 'fast-check';
import { createSimulatedAuthority, type SimulatedAuthority } from './authority.ts';
import { createSimulatedNsm, type SimulatedNsmOptions } from './device.ts';

const runs = (fast: number): number => (process.env['CAISSON_LANE'] === 'deep' ? fast * 50 : fast);

const moduleId = 'i-0123456789abcdef0-enc0fedcba987654321';
const zero = new Uint8Array(48);
const sha384 = (...parts: Uint8Array[]): string => {
  const hash = createHash('sha384');
  for (const part of parts) hash.update(part);
  return hash.digest('hex');
};

let authority: SimulatedAuthority;
before(async () => {
  authority = await createSimulatedAuthority();
});
const device = (options: Partial<SimulatedNsmOptions> = {}): ReturnType<typeof createSimulatedNsm> =>
  createSimulatedNsm({ authority, moduleId, ...options });
const client = (options: Partial<SimulatedNsmOptions> = {}): NsmClient => createNsmClient(device(options));
const refusal = async (
  nsm: ReturnType<typeof device>,
  request: NsmRequest | Uint8Array,
): Promise<string | undefined> => {
  const response = parseNsmResponse(
    await nsm.request(request instanceof Uint8Array ? request : encodeNsmRequest(request)),
  );
  return response.type === 'Error' ? response.error : undefined;
};

test('at boot PCRs 0 to 15 are locked, 16 to 31 zero and open', async () => {
  const nsm = client();
  const { lockedPcrs, maxPcrs, digest, ...rest } = await nsm.describeNsm();
  assert.deepEqual(
    lockedPcrs,
    Array.from({ length: 16 }, (_, index) => index),
  );
  assert.deepEqual([maxPcrs, digest], [32, 'SHA384']);
  assert.deepEqual(rest, { versionMajor: 1, versionMinor: 0, versionPatch: 0, moduleId });
  for (let index = 0; index < 32; index += 1) {
    const { lock, data } = await nsm.describePcr(index);
    assert.equal(lock, index < 16);
    if (index !== 4) assert.deepEqual(data, zero);
  }
});

test('PCR4 measures the instance id, PCR3 the role, and given values stand as given', async () => {
  const value = 'ab'.repeat(48);
  const role = 'arn:aws:iam::123456789012:role/sim';
  const nsm = client({ roleArn: role, pcrs: { 0: value, 8: value } });
  assert.equal(toHex((await nsm.describePcr(4)).data), sha384(zero, toUtf8('i-0123456789abcdef0')));
  assert.equal(toHex((await nsm.describePcr(3)).data), sha384(zero, toUtf8(role)));
  assert.equal(toHex((await nsm.describePcr(0)).data), value);
  assert.equal(toHex((await nsm.describePcr(8)).data), value);
});

test('refuses boot values for open PCRs and values that are not 48 bytes of hex', () => {
  const value = 'ab'.repeat(48);
  for (const pcrs of [
    { 16: value },
    { 32: value },
    { [-1]: value },
    { 0: 'ab' },
    { 0: 'zz'.repeat(48) },
    { x: value },
  ]) {
    assert.throws(() => device({ pcrs: pcrs as Record<number, string> }), { code: 'SIMULATOR_PCR' });
  }
});

test('takes ids of any shape that certificates and terminals can carry', async () => {
  for (const id of ['i-234-enc5678', 'x', 'y'.repeat(100)]) {
    const { payload } = parseAttestationDocument(await client({ moduleId: id }).attestation());
    assert.equal(payload.moduleId, id);
    assert.ok(payload.certificate.length <= 1024);
  }
  for (const id of ['', 'a b', 'é', 'a\u001b[2J', 'y'.repeat(101)]) {
    assert.throws(() => device({ moduleId: id }), { code: 'SIMULATOR_MODULE_ID' });
  }
});

test('extends by SHA-384 over the old value and the data, of any length', async () => {
  const nsm = client();
  const first = await nsm.extendPcr(16, toUtf8('one'));
  assert.equal(toHex(first), sha384(zero, toUtf8('one')));
  assert.equal(toHex(await nsm.extendPcr(16, new Uint8Array(0))), sha384(first));
  assert.equal(toHex((await nsm.describePcr(16)).data), sha384(first));
});

test('tells apart: locked is ReadOnlyIndex, beyond 31 is InvalidIndex, LockPCRs takes 32 and not 33', async () => {
  const nsm = device();
  const data = Uint8Array.of(1);
  assert.equal(await refusal(nsm, { type: 'ExtendPCR', index: 0, data }), 'ReadOnlyIndex');
  assert.equal(await refusal(nsm, { type: 'LockPCR', index: 15 }), 'ReadOnlyIndex');
  assert.equal(await refusal(nsm, { type: 'LockPCR', index: 16 }), undefined);
  assert.equal(await refusal(nsm, { type: 'LockPCR', index: 16 }), 'ReadOnlyIndex');
  assert.equal(await refusal(nsm, { type: 'ExtendPCR', index: 16, data }), 'ReadOnlyIndex');
  for (const index of [32, 255, 256, 65_535]) {
    assert.equal(await refusal(nsm, { type: 'DescribePCR', index }), 'InvalidIndex');
    assert.equal(await refusal(nsm, { type: 'LockPCR', index }), 'InvalidIndex');
    assert.equal(await refusal(nsm, { type: 'ExtendPCR', index, data }), 'InvalidIndex');
  }
  assert.equal(await refusal(nsm, { type: 'LockPCRs', range: 33 }), 'InvalidIndex');
  assert.equal(
    await refusal(nsm, { type: 'ExtendPCR', index: 17, data }),
    undefined,
    'a refused LockPCRs locks nothing',
  );
  assert.equal(await refusal(nsm, { type: 'LockPCRs', range: 0 }), undefined);
  assert.equal(await refusal(nsm, { type: 'LockPCRs', range: 32 }), undefined);
  assert.equal(
    await refusal(nsm, { type: 'LockPCRs', range: 32 }),
    undefined,
    'locking what is locked is no error here',
  );
  assert.equal(await refusal(nsm, { type: 'ExtendPCR', index: 31, data }), 'ReadOnlyIndex');
});

test('what is malformed is answered: no CBOR or no operation InvalidOperation, wrong arguments InvalidArgument', async () => {
  const nsm = device();
  const bytes = (value: CborValue): Uint8Array => encodeCbor(value);
  for (const wrong of [new Uint8Array(0), Uint8Array.of(0xff), bytes('Reboot'), bytes(1), bytes(new Map())]) {
    assert.equal(await refusal(nsm, wrong), 'InvalidOperation');
  }
  for (const wrong of ['0', -1, 65_536, null]) {
    assert.equal(await refusal(nsm, bytes(new Map([['DescribePCR', new Map([['index', wrong]])]]))), 'InvalidArgument');
  }
});

test('a request of 4,096 bytes is taken, one of 4,097 is InputTooLarge', async () => {
  const nsm = device();
  const request = (length: number): Uint8Array =>
    encodeCbor(
      new Map([
        [
          'ExtendPCR',
          new Map<string, CborValue>([
            ['index', 20],
            ['data', new Uint8Array(length)],
          ]),
        ],
      ]),
    );
  const overhead = request(4000).length - 4000;
  const fitting = request(MAX_NSM_REQUEST_BYTES - overhead);
  assert.equal(fitting.length, 4096);
  assert.equal(await refusal(nsm, fitting), undefined);
  assert.equal(await refusal(nsm, request(MAX_NSM_REQUEST_BYTES - overhead + 1)), 'InputTooLarge');
});

test('a document that does not fit 12,288 bytes is BufferTooSmall', async () => {
  const wide: SimulatedAuthority = {
    rootPem: authority.rootPem,
    issueLeaf: async (id) => {
      const leaf = await authority.issueLeaf(id);
      return { ...leaf, cabundle: Array.from({ length: 12 }, () => new Uint8Array(1024)) };
    },
  };
  const request = { type: 'Attestation', userData: null, nonce: null, publicKey: null } as const;
  assert.equal(await refusal(device({ authority: wide }), request), 'BufferTooSmall');
});

test('GetRandom gives 256 bytes, other ones each time', async () => {
  const nsm = client();
  const [one, other] = [await nsm.getRandom(), await nsm.getRandom()];
  assert.equal(one.length, 256);
  assert.notDeepEqual(one, other);
});

test('a document attests locked PCRs only, in order, and what was asked for', async () => {
  const now = Date.parse('2026-11-20T12:00:00.123Z');
  const nsm = createNsmClient(
    device({ now: () => now, authority: await createSimulatedAuthority({ now: () => now }) }),
  );
  await nsm.extendPcr(17, toUtf8('not locked'));
  await nsm.extendPcr(16, toUtf8('locked'));
  await nsm.lockPcr(16);
  const document = await nsm.attestation({ nonce: toUtf8('n'), userData: new Uint8Array(0) });
  const { payload } = parseAttestationDocument(document);
  assert.deepEqual(
    [...payload.pcrs.keys()],
    Array.from({ length: 17 }, (_, index) => index),
  );
  assert.deepEqual(payload.pcrs.get(16), (await nsm.describePcr(16)).data);
  assert.equal(payload.timestamp, now);
  assert.equal(payload.moduleId, moduleId);
  assert.deepEqual([payload.publicKey, payload.userData, payload.nonce], [undefined, new Uint8Array(0), toUtf8('n')]);
});

test('writes the COSE envelope and the payload map as current hardware, or the map as older hardware', async () => {
  const request = encodeNsmRequest({ type: 'Attestation', userData: null, nonce: null, publicKey: null });
  for (const indefinitePayloadMap of [true, false]) {
    const response = parseNsmResponse(await device({ indefinitePayloadMap }).request(request));
    assert.ok(response.type === 'Attestation');
    assert.ok(toHex(response.document).startsWith('8444a1013822a059'));
    const { cose } = parseAttestationDocument(response.document);
    assert.equal(cose.payload[0], indefinitePayloadMap ? 0xbf : 0xa9);
    assert.equal(cose.payload.at(-1), indefinitePayloadMap ? 0xff : 0xf6);
    const map = decodeCbor(cose.payload, { allowIndefiniteMap: true }) as Map<string, CborValue>;
    assert.equal(
      [...map.keys()].join(),
      'module_id,digest,timestamp,pcrs,certificate,cabundle,public_key,user_data,nonce',
    );
    assert.deepEqual([map.get('public_key'), map.get('user_data'), map.get('nonce')], [null, null, null]);
  }
});

test('three fields of 1,024 bytes fit, and the size is that of real documents', async () => {
  const full = new Uint8Array(1024).fill(1);
  const nsm = client();
  const document = await nsm.attestation({ nonce: full, userData: full, publicKey: full });
  assert.deepEqual(parseAttestationDocument(document).payload.publicKey, full);
  const plain = await nsm.attestation();
  // Given: 43 real documents have 4,396 to 7,539 bytes.
  assert.ok(plain.length > 4_000 && document.length < 8_000, `${plain.length} and ${document.length}`);
});

test('the signature holds under the leaf’s key', async () => {
  const { cose, payload } = parseAttestationDocument(await client().attestation({ nonce: toUtf8('n') }));
  const { publicKey } = parseAttestationCertificate(payload.certificate);
  const curve = { name: 'ECDSA', namedCurve: 'P-384' };
  const key = await crypto.subtle.importKey('spki', Uint8Array.from(publicKey.spki), curve, false, ['verify']);
  const signed = Uint8Array.from(encodeSigStructure(cose));
  const signature = Uint8Array.from(cose.signature);
  assert.ok(await crypto.subtle.verify({ name: 'ECDSA', hash: 'SHA-384' }, key, signature, signed));
});

test('uses a leaf again until it has less than an hour left, and never after it ended', async () => {
  const start = Date.parse('2026-11-20T12:00:00Z');
  let now = start;
  const nsm = client({ now: () => now, authority: await createSimulatedAuthority({ now: () => now }) });
  const leafAt = async (minutes: number): Promise<string> => {
    now = start + minutes * 60_000;
    const { payload } = parseAttestationDocument(await nsm.attestation());
    const { notBefore, notAfter } = parseAttestationCertificate(payload.certificate);
    assert.ok(notBefore * 1000 <= now && now + 3_600_000 <= notAfter * 1000, `leaf at minute ${minutes}`);
    return toHex(payload.certificate);
  };
  const first = await leafAt(0);
  assert.equal(await leafAt(120), first);
  const second = await leafAt(121);
  assert.notEqual(second, first);
  assert.equal(await leafAt(122), second);
  assert.notEqual(await leafAt(100_000), second);
  // A clock that was set back: the leaf of the future is not valid yet.
  now = start;
  const { payload } = parseAttestationDocument(await nsm.attestation());
  assert.ok(parseAttestationCertificate(payload.certificate).notBefore * 1000 <= start);
});

test('answers in order, one at a time, whatever the caller does with its buffer', async () => {
  const nsm = device();
  const buffer = encodeNsmRequest({ type: 'ExtendPCR', index: 16, data: Uint8Array.of(1) });
  const order: string[] = [];
  const attestation = encodeNsmRequest({ type: 'Attestation', userData: null, nonce: null, publicKey: null });
  const all = [
    nsm.request(attestation).then(() => order.push('attestation')),
    nsm.request(buffer).then(() => order.push('extend')),
    nsm.request(encodeNsmRequest({ type: 'DescribePCR', index: 16 })).then((answer) => {
      order.push('describe');
      const response = parseNsmResponse(answer);
      assert.ok(response.type === 'DescribePCR');
      assert.equal(toHex(response.data), sha384(zero, Uint8Array.of(1)));
    }),
  ];
  buffer.fill(0);
  await Promise.all(all);
  assert.deepEqual(order, ['attestation', 'extend', 'describe']);
});

test('a closed device refuses with EBADF', async () => {
  const nsm = device();
  const last = nsm.request(encodeNsmRequest({ type: 'GetRandom' }));
  await nsm.close();
  assert.equal(parseNsmResponse(await last).type, 'GetRandom');
  await assert.rejects(nsm.request(encodeNsmRequest({ type: 'GetRandom' })), { code: 'EBADF' });
});

test('fuzz: any bytes get an answer that parses, and no PCR below 16 ever changes', async () => {
  const nsm = device({ pcrs: { 0: 'ab'.repeat(48) } });
  const seeds = [
    encodeNsmRequest({ type: 'ExtendPCR', index: 0, data: Uint8Array.of(1, 2) }),
    encodeNsmRequest({ type: 'LockPCRs', range: 3 }),
    encodeNsmRequest({ type: 'DescribePCR', index: 3 }),
    parseHex('69446573637269626e'),
  ];
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...seeds),
      fc.nat(),
      fc.nat(255),
      fc.uint8Array({ maxLength: 8 }),
      async (seed, at, octet, tail) => {
        const mutant = Uint8Array.of(...seed, ...(octet % 3 === 0 ? tail : []));
        mutant[at % mutant.length] = octet;
        parseNsmResponse(await nsm.request(mutant));
      },
    ),
    { seed: 1, numRuns: runs(1_500) },
  );
  assert.equal(toHex((await createNsmClient(nsm).describePcr(0)).data), 'ab'.repeat(48));
});
