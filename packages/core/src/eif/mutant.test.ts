// T-E2: mutants of sound images, most of them with a checksum that fits again, as an attacker would make it. Both readers give one
// verdict; what they take is one image for whoever walks the sections and for whoever goes by the table; and nothing that
// differs from the seed reads like the seed.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { before, test } from 'node:test';
import { crc32 as zlibCrc32 } from 'node:zlib';
import { toHex, toUtf8 } from '@caisson/core/bytes';
import { type CborValue, encodeCbor } from '@caisson/core/cbor';
import { signCoseSign1 } from '@caisson/core/cose';
import { CaissonError } from '@caisson/core/errors';
import { encodeName, issueCertificate, OID, toPem } from '@caisson/core/x509';
import { laneFigure } from '@caisson/testkit/contract';
import fc from 'fast-check';
import type { EifFile, EifImage, EifMeasurements, EifSurvey } from './index.ts';
import {
  crc32,
  parseEif,
  parseEifCertificate,
  parseEifSignature,
  planEif,
  readEif,
  surveyEif,
  verifyEifSignature,
} from './index.ts';

const sha384 = () => createHash('sha384');
const at = 1_780_000_000;
const plain: EifImage = {
  architecture: 'x86_64',
  kernel: Buffer.from('a kernel of some bytes'),
  cmdline: 'reboot=k panic=30 console=ttyS0',
  metadata: { ImageName: 'seed', ImageVersion: '1' },
  ramdisks: [Buffer.from('the first ramdisk'), Buffer.from('the second'), Buffer.from('the third')],
};

async function write(image: EifImage): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of (await planEif(image, sha384)).open()) chunks.push(chunk);
  return new Uint8Array(Buffer.concat(chunks));
}

const inPieces = (bytes: Uint8Array): EifFile => ({
  size: bytes.length,
  read: async (offset, length) => bytes.subarray(offset, offset + length),
});

const payloadOf = (pcr0: Uint8Array): Uint8Array =>
  encodeCbor(
    new Map<string, CborValue>([
      ['register_index', 0],
      ['register_value', [...pcr0]],
    ]),
  );
const entryOf = (pem: string, message: Uint8Array): CborValue =>
  new Map<string, CborValue>([
    ['signing_certificate', [...toUtf8(pem)]],
    ['signature', [...message]],
  ]);

let pem: string;
let key: CryptoKey;
let entry: CborValue;
let pcr0: Uint8Array;
let seeds: readonly Uint8Array[];

before(async () => {
  const pair = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-384' }, true, ['sign', 'verify']);
  key = pair.privateKey;
  const name = encodeName([
    { oid: OID.country, value: 'CH' },
    { oid: OID.commonName, value: 'signer' },
  ]);
  const der = await issueCertificate(
    {
      serial: Uint8Array.of(1),
      issuer: name,
      subject: name,
      notBefore: at - 1_000,
      notAfter: at + 1_000,
      publicKey: new Uint8Array(await crypto.subtle.exportKey('spki', pair.publicKey)),
      extensions: [],
    },
    key,
  );
  pem = toPem('CERTIFICATE', der);
  pcr0 = (await planEif(plain, sha384)).measurements.pcr0;
  entry = entryOf(pem, await signCoseSign1(payloadOf(pcr0), key));
  const signed = { ...plain, signature: encodeCbor([entry]) };
  seeds = [await write(plain), await write({ ...plain, ramdisks: plain.ramdisks.slice(0, 1) }), await write(signed)];
});

interface Part {
  readonly type: number;
  readonly data: Uint8Array;
}

/** As AWS's reader: from section to section, the table unseen. */
function walk(bytes: Uint8Array): Part[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const parts: Part[] = [];
  for (let offset = 548; offset + 12 <= bytes.length; ) {
    const size = Number(view.getBigUint64(offset + 4));
    parts.push({ type: view.getUint16(offset), data: bytes.subarray(offset + 12, offset + 12 + size) });
    offset += 12 + size;
  }
  return parts;
}

/** As QEMU: by the table, the walk unseen. */
function lookUp(bytes: Uint8Array): Part[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  return Array.from({ length: view.getUint16(26) }, (_, index) => {
    const offset = Number(view.getBigUint64(28 + 8 * index));
    const size = Number(view.getBigUint64(284 + 8 * index));
    return { type: view.getUint16(offset), data: bytes.subarray(offset + 12, offset + 12 + size) };
  });
}

function assemble(seed: Uint8Array, parts: readonly Part[]): Uint8Array {
  const head = seed.slice(0, 548).fill(0, 28, 540);
  const view = new DataView(head.buffer);
  view.setUint16(26, parts.length);
  const body: Uint8Array[] = [];
  let offset = 548;
  for (const [index, { type, data }] of parts.entries()) {
    view.setBigUint64(28 + 8 * index, BigInt(offset));
    view.setBigUint64(284 + 8 * index, BigInt(data.length));
    const own = new DataView(new ArrayBuffer(12));
    own.setUint16(0, type);
    own.setBigUint64(4, BigInt(data.length));
    body.push(new Uint8Array(own.buffer), data);
    offset += 12 + data.length;
  }
  return mend(new Uint8Array(Buffer.concat([head, ...body])));
}

function mend(bytes: Uint8Array): Uint8Array {
  if (bytes.length < 548) return bytes;
  const crc = crc32(bytes.subarray(548), crc32(bytes.subarray(0, 544)));
  new DataView(bytes.buffer, bytes.byteOffset).setUint32(544, crc);
  return bytes;
}

/** Moves bytes over the border after part `index`; what is measured stays one and the same string. */
function shiftBorder(parts: readonly Part[], index: number, by: number): Part[] {
  const [left, right] = [parts[index]!, parts[index + 1]!];
  const joined = new Uint8Array(Buffer.concat([left.data, right.data]));
  const border = Math.max(0, Math.min(joined.length, left.data.length + by));
  return parts.map((part, place) => {
    if (place === index) return { ...part, data: joined.subarray(0, border) };
    return place === index + 1 ? { ...part, data: joined.subarray(border) } : part;
  });
}

type Bend = (seed: Uint8Array, a: number, b: number) => Uint8Array;
const edited = (seed: Uint8Array, edit: (view: DataView, bytes: Uint8Array) => void): Uint8Array => {
  const bytes = seed.slice();
  edit(new DataView(bytes.buffer), bytes);
  return mend(bytes);
};
const bends: Readonly<Record<string, Bend>> = {
  'a bit, the checksum left': (seed, a, b) => {
    const bytes = seed.slice();
    bytes[a % bytes.length]! ^= 1 << (b & 7);
    return bytes;
  },
  'a bit, the checksum mended': (seed, a, b) => edited(seed, (_, bytes) => (bytes[a % bytes.length]! ^= 1 << (b & 7))),
  'a bit of the header': (seed, a, b) => edited(seed, (_, bytes) => (bytes[a % 548]! ^= 1 << (b & 7))),
  'an offset': (seed, a, b) => edited(seed, (view) => view.setBigUint64(28 + 8 * (a % 32), BigInt(b))),
  'a size in the table': (seed, a, b) => edited(seed, (view) => view.setBigUint64(284 + 8 * (a % 32), BigInt(b))),
  'the count': (seed, a) => edited(seed, (view) => view.setUint16(26, a % 40)),
  'a cut': (seed, a) => mend(seed.slice(0, a % seed.length)),
  'a tail': (seed, a, b) => mend(new Uint8Array(Buffer.concat([seed, Buffer.alloc(1 + (a % 30), b)]))),
  'a section left out': (seed, a) => {
    const parts = walk(seed);
    return assemble(seed, parts.toSpliced(a % parts.length, 1));
  },
  'a section twice': (seed, a, b) => {
    const parts = walk(seed);
    return assemble(seed, parts.toSpliced(b % parts.length, 0, parts[a % parts.length]!));
  },
  'two sections exchanged': (seed, a, b) => {
    const parts = walk(seed);
    const [i, j] = [a % parts.length, b % parts.length];
    return assemble(seed, parts.with(i, parts[j]!).with(j, parts[i]!));
  },
  'another type': (seed, a, b) => {
    const parts = walk(seed);
    const index = a % parts.length;
    return assemble(seed, parts.with(index, { ...parts[index]!, type: b % 8 }));
  },
  'a border': (seed, a, b) => {
    const parts = walk(seed);
    return assemble(seed, shiftBorder(parts, a % (parts.length - 1), (b % 9) - 4));
  },
  'a border of the walk only': (seed, a, b) => {
    const shifted = assemble(seed, shiftBorder(walk(seed), a % (walk(seed).length - 1), 1 + (b % 4)));
    shifted.set(seed.subarray(0, 544));
    return mend(shifted);
  },
  'the list of signatures': (seed, a, b) => {
    const lists: CborValue[] = [[], [entry, entry], [entry, null], entry, [[entry]], new Map([[0, entry]])];
    const bytes = encodeCbor(lists[a % lists.length]!);
    const parts = walk(seed).filter(({ type }) => type !== 4);
    return assemble(seed, [...parts, { type: 4, data: b % 4 === 0 ? bytes.subarray(0, b % bytes.length) : bytes }]);
  },
};

const verdictWord = (read: CaissonError | (EifSurvey & { measurements: EifMeasurements })): string =>
  read instanceof CaissonError ? `${read.code} ${read.message}` : Object.values(read.measurements).map(toHex).join(' ');
const view = ({ header, sections }: EifSurvey): string =>
  JSON.stringify([header, sections.map(({ kind, offset, size, sha384: hash }) => [kind, offset, size, toHex(hash)])]);

test('T-E2: no mutant is accepted that differs from what it is taken for', async () => {
  const seen = await Promise.all(seeds.map(async (seed) => await readEif(inPieces(seed), sha384)));
  const [names, tally] = [Object.keys(bends), { refused: 0, accepted: 0 }];
  const cases = fc.tuple(fc.nat(seeds.length - 1), fc.constantFrom(...names), fc.nat(100_000), fc.nat(100_000));
  await fc.assert(
    fc.asyncProperty(cases, async ([index, name, a, b]) => {
      const seed = seeds[index]!;
      const bytes = bends[name]!(seed, a, b);
      if (Buffer.compare(bytes, seed) === 0) return;
      const whole = verdictOf(() => parseEif(bytes));
      const pieces = await readEif(inPieces(bytes), sha384).catch(known);
      assert.equal(whole instanceof CaissonError, pieces instanceof CaissonError, 'two verdicts of two readers');
      // The faster of the two ways to be asked, which every start of an enclave takes.
      const fast = await readEif(inPieces(bytes), sha384, { crc32: zlibCrc32, hashSections: false }).catch(known);
      assert.equal(verdictWord(fast), verdictWord(pieces));
      if (pieces instanceof CaissonError) {
        tally.refused += 1;
        return;
      }
      assert.deepEqual(walk(bytes), lookUp(bytes), 'two images in one file');
      assert.notEqual(view(pieces), view(seen[index]!), 'another file that reads the same');
      if (pieces.signature !== undefined) {
        const held = await holds(pieces.signature, pieces.measurements.pcr0);
        if (held) assert.equal(toHex(pieces.measurements.pcr0), toHex(pcr0), 'a signature over other bytes');
      }
      tally.accepted += 1;
    }),
    { seed: 1, numRuns: laneFigure('T-E2') },
  );
  // Both ends must have been visited, or the mutants prove nothing.
  assert.ok(tally.refused > 100 && tally.accepted > 100, JSON.stringify(tally));
});

test('a border moved between measured sections keeps PCR0 and is seen in the hashes of the sections', async () => {
  const seed = seeds[0]!;
  const before = await readEif(inPieces(seed), sha384);
  // Of kernel, cmdline, metadata and three ramdisks: the borders that two measured sections share.
  for (const index of [0, 3, 4]) {
    const moved = await readEif(inPieces(assemble(seed, shiftBorder(walk(seed), index, -1))), sha384).catch(known);
    assert.ok(!(moved instanceof CaissonError), String(moved));
    assert.deepEqual(moved.measurements.pcr0, before.measurements.pcr0);
    const differ = moved.sections.flatMap(({ sha384: hash }, place) =>
      toHex(hash) === toHex(before.sections[place]!.sha384) ? [] : [place],
    );
    assert.deepEqual(differ, [index, index + 1]);
  }
});

test('lists everything that is wrong, not the first thing', async () => {
  const [kernel, , , ramdisk] = walk(seeds[0]!);
  const bytes = assemble(seeds[0]!, [kernel!, kernel!, { type: 5, data: toUtf8('[]') }, { ...ramdisk!, type: 9 }]);
  new DataView(bytes.buffer).setUint16(4, 7);
  new DataView(bytes.buffer).setBigUint64(28, 5n);
  const { faults, measurements } = await surveyEif(inPieces(bytes), sha384);
  assert.ok(measurements !== undefined);
  const expected = [
    /version must be in 1..4, got 7/,
    /section 0 must begin at 548.* got offset 5/,
    /section 3 must have a type in 1..5, got 9/,
    /checksum must be/,
    /one kernel section, got 2/,
    /one cmdline section, got 0/,
    /at least one ramdisk section, got 0/,
    /metadata section must be a JSON object, got an array/,
  ];
  assert.equal(faults.length, expected.length, faults.map(String).join('\n'));
  for (const [index, pattern] of expected.entries()) assert.match(faults[index]!.message, pattern);
});

test('a signature holds for its PCR0, within the dates of its certificate, and for nothing else', async () => {
  const signature = parseEifSignature(encodeCbor([entry]));
  await verifyEifSignature(signature, { pcr0, at });
  await verifyEifSignature(signature, { pcr0 });
  const cases: [Uint8Array, number, string][] = [
    [pcr0.map((byte) => byte ^ 1), at, 'EIF_SIGNATURE_PCR0'],
    [pcr0, at - 1_001, 'EIF_SIGNATURE_DATE'],
    [pcr0, at + 1_001, 'EIF_SIGNATURE_DATE'],
  ];
  for (const [value, when, code] of cases) {
    await assert.rejects(verifyEifSignature(signature, { pcr0: value, at: when }), { name: 'VerificationError', code });
  }
  for (const when of [Number.NaN, Number.POSITIVE_INFINITY, at + 0.5]) {
    await assert.rejects(verifyEifSignature(signature, { pcr0, at: when }), { name: 'TypeError' });
  }
  // The key is right, what it signed is not the register in its one form.
  const others: CborValue[] = [
    new Map<string, CborValue>([
      ['register_index', 1],
      ['register_value', [...pcr0]],
    ]),
    new Map<string, CborValue>([
      ['register_index', 0],
      ['register_value', pcr0],
    ]),
  ];
  for (const other of others) {
    const message = await signCoseSign1(encodeCbor(other), key);
    const code = 'EIF_SIGNATURE_PCR0';
    await assert.rejects(verifyEifSignature({ ...signature, message }, { pcr0 }), { code });
  }
});

test('a certificate is one PEM block of any X.509 version, with words before it or none', () => {
  const expected = parseEifCertificate(toUtf8(pem));
  assert.deepEqual(expected.issuer, [
    { oid: OID.country, value: 'CH' },
    { oid: OID.commonName, value: 'signer' },
  ]);
  assert.deepEqual([expected.notBefore, expected.notAfter], [at - 1_000, at + 1_000]);
  assert.deepEqual(parseEifCertificate(toUtf8(`Certificate:\n  Version: 3\n${pem}`)), expected);
  for (const text of ['', pem + pem, pem.replace('MII', 'MIJ'), pem.replaceAll('CERTIFICATE', 'PRIVATE KEY')]) {
    assert.throws(() => parseEifCertificate(toUtf8(text)), { name: 'ParseError', code: 'EIF_CERTIFICATE' });
  }
});

async function holds(section: Uint8Array, value: Uint8Array): Promise<boolean> {
  try {
    await verifyEifSignature(parseEifSignature(section), { pcr0: value, at });
    return true;
  } catch (error) {
    known(error);
    return false;
  }
}

function verdictOf<Value>(run: () => Value): Value | CaissonError {
  try {
    return run();
  } catch (error) {
    return known(error);
  }
}

function known(error: unknown): CaissonError {
  if (error instanceof CaissonError) return error;
  throw error;
}
