// What planEif writes is what parseEif reads, the measurements are the specification's, and no damaged file passes.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { crc32 as zlibCrc32 } from 'node:zlib';
import fc from 'fast-check';
import type { EifImage, IncrementalSha384 } from './index.ts';
import { combineCrc32, crc32, createBufferedSha384, measureEif, parseEif, planEif } from './index.ts';

const nodeSha384 = (): IncrementalSha384 => createHash('sha384');
const sha384 = (...parts: Uint8Array[]): Buffer => createHash('sha384').update(Buffer.concat(parts)).digest();
const extended = (...parts: Uint8Array[]): Buffer => sha384(Buffer.alloc(48), sha384(...parts));

const images = fc.record(
  {
    architecture: fc.constantFrom('x86_64' as const, 'aarch64' as const),
    kernel: fc.uint8Array({ maxLength: 100 }),
    cmdline: fc.stringMatching(/^[ -~]{0,60}$/),
    metadata: fc.dictionary(
      fc.string().filter((key) => key !== '__proto__'),
      fc.string(),
      { noNullPrototype: true },
    ),
    ramdisks: fc.array(fc.uint8Array({ maxLength: 100 }), { minLength: 1, maxLength: 4 }),
    signature: fc.uint8Array({ maxLength: 100 }),
    defaultMemoryBytes: fc.maxSafeNat(),
    defaultCpus: fc.nat(64),
  },
  { requiredKeys: ['architecture', 'kernel', 'cmdline', 'metadata', 'ramdisks'] },
);

const sample: EifImage = {
  architecture: 'x86_64',
  kernel: Buffer.from('kernel'),
  cmdline: 'console=ttyS0',
  metadata: { ImageName: 'a' },
  ramdisks: [Buffer.from('first'), Buffer.from('second'), Buffer.from('third')],
};

async function write(image: EifImage): Promise<Uint8Array> {
  const planned = await planEif(image, nodeSha384);
  const chunks: Uint8Array[] = [];
  for await (const chunk of planned.open()) chunks.push(chunk);
  const bytes = new Uint8Array(Buffer.concat(chunks));
  assert.equal(bytes.length, planned.size);
  return bytes;
}

test('the checksum is that of zlib, in one piece or in many', () => {
  assert.equal(crc32(Buffer.from('123456789')), 0xcbf43926);
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), fc.uint8Array({ maxLength: 100 }), (head, tail) => {
      assert.equal(crc32(tail, crc32(head)), zlibCrc32(Buffer.concat([head, tail])));
      assert.equal(combineCrc32(crc32(head), crc32(tail), tail.length), zlibCrc32(Buffer.concat([head, tail])));
    }),
    { seed: 1, numRuns: 300 },
  );
});

test('reads back every image it writes', async () => {
  await fc.assert(
    fc.asyncProperty(images, async (image) => {
      const read = parseEif(await write(image as EifImage));
      assert.deepEqual(read.kernel, image.kernel);
      assert.equal(read.cmdline, image.cmdline);
      assert.deepEqual(read.ramdisks, image.ramdisks);
      assert.deepEqual(read.metadata, image.metadata);
      assert.deepEqual(read.signature, image.signature);
      assert.equal(read.header.version, 4);
      assert.equal(read.header.architecture, image.architecture);
      assert.equal(read.header.defaultMemoryBytes, image.defaultMemoryBytes ?? 2 ** 30);
      assert.equal(read.header.defaultCpus, image.defaultCpus ?? 2);
    }),
    { seed: 1, numRuns: 100 },
  );
});

test('measures kernel, command line and ramdisks as the hypervisor does, by either hash', async () => {
  const { measurements } = await planEif(sample, nodeSha384);
  const boot = [Buffer.from('kernel'), Buffer.from('console=ttyS0'), Buffer.from('first')];
  const application = [Buffer.from('second'), Buffer.from('third')];
  const expected = {
    pcr0: extended(...boot, ...application),
    pcr1: extended(...boot),
    pcr2: extended(...application),
  };
  const read = parseEif(
    await write({ ...sample, metadata: { other: 1 }, signature: Buffer.from('s'), defaultCpus: 9 }),
  );
  for (const got of [
    measurements,
    await measureEif(read, nodeSha384),
    await measureEif(read, createBufferedSha384),
    (await planEif(sample, createBufferedSha384)).measurements,
  ]) {
    for (const name of ['pcr0', 'pcr1', 'pcr2'] as const) {
      assert.equal(Buffer.from(got[name]).toString('hex'), expected[name].toString('hex'), name);
    }
  }
});

test('one ramdisk gives the PCR2 that real single-ramdisk images carry', async () => {
  const { measurements } = await planEif({ ...sample, ramdisks: [Buffer.from('only')] }, nodeSha384);
  assert.equal(
    Buffer.from(measurements.pcr2).toString('hex'),
    '21b9efbc184807662e966d34f390821309eeac6802309798826296bf3e8bec7c10edb30948c90ba67310f7b964fc500a',
  );
  assert.deepEqual(measurements.pcr0, measurements.pcr1);
});

test('a source passes in pieces, must be as long as it said and the same twice', async () => {
  const piece = Buffer.from('piece');
  const source = (size: number, pieces: () => Buffer[]): EifImage => ({
    ...sample,
    ramdisks: [{ size, open: pieces }],
  });
  assert.deepEqual(
    await write(source(10, () => [piece, piece])),
    await write({ ...sample, ramdisks: [Buffer.from('piecepiece')] }),
  );
  const code = 'EIF_SOURCE';
  await assert.rejects(write(source(10, () => [piece])), { code, message: /must yield 10 bytes, got 5/ });
  await assert.rejects(write(source(5, () => [piece, piece])), { code, message: /got more/ });
  let turn = 0;
  await assert.rejects(write(source(5, () => [turn++ === 0 ? piece : Buffer.from('other')])), {
    code,
    message: /must not change/,
  });
});

test('refuses to write a command line of two lines or too long, no ramdisk, or more sections than the header holds', async () => {
  const cases: [Partial<EifImage>, string][] = [
    [{ cmdline: 'a\nb' }, 'EIF_SECTION'],
    [{ cmdline: 'a\0' }, 'EIF_SECTION'],
    [{ cmdline: 'a'.repeat(2_048) }, 'EIF_LIMIT'],
    [{ ramdisks: [] }, 'EIF_LIMIT'],
    [{ ramdisks: Array.from({ length: 30 }, () => Buffer.of(1)) }, 'EIF_LIMIT'],
  ];
  for (const [change, code] of cases) await assert.rejects(planEif({ ...sample, ...change }, nodeSha384), { code });
  assert.equal(
    parseEif(await write({ ...sample, ramdisks: Array.from({ length: 29 }, () => Buffer.of(1)) })).ramdisks.length,
    29,
  );
});

test('every single bit of the file is held: flip it, and the file is refused', async () => {
  const good = await write({ ...sample, signature: Buffer.from('s') });
  for (let bit = 0; bit < good.length * 8; bit += 1) {
    const bytes = good.slice();
    bytes[bit >> 3]! ^= 1 << (bit & 7);
    assert.throws(() => parseEif(bytes), { name: 'ParseError', code: /^EIF_/ }, `bit ${bit}`);
  }
});

test('any cut, any tail and any bytes after a good header are an error of this room', async () => {
  const good = await write(sample);
  for (let length = 0; length < good.length; length += 1) {
    assert.throws(() => parseEif(good.subarray(0, length)), { name: 'ParseError', code: /^EIF_/ }, `length ${length}`);
  }
  assert.throws(() => parseEif(Buffer.concat([good, Buffer.of(0)])), { code: 'EIF_TABLE' });
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 700 }), fc.nat(548), (noise, keep) => {
      const bytes = Buffer.concat([good.subarray(0, keep), noise]);
      if (bytes.equals(good)) return;
      assert.throws(() => parseEif(bytes), { name: 'ParseError', code: /^EIF_/ });
    }),
    { seed: 1, numRuns: 2_000 },
  );
});

test('the example of docs/wire/eif.md is what planEif writes', async () => {
  const page = readFileSync(join(import.meta.dirname, '../../../../docs/wire/eif.md'), 'utf8');
  const [, example = ''] = /## Example[\s\S]*?```\n([^`]+)```/.exec(page) ?? [];
  const image: EifImage = {
    architecture: 'x86_64',
    kernel: Buffer.from('K'),
    cmdline: 'quiet',
    metadata: {},
    ramdisks: [Buffer.from('R'), Buffer.from('S')],
  };
  const bytes = Buffer.from(await write(image));
  const { measurements } = await planEif(image, nodeSha384);
  const [start = '', ...rest] = example.trim().split('\n');
  assert.equal(start.replaceAll(' ', ''), bytes.subarray(0, 28).toString('hex'));
  const sections = rest.slice(0, -3).join('').replaceAll(' ', '');
  assert.equal(sections, bytes.subarray(540).toString('hex'));
  const pcrs = Object.values(measurements).map((pcr, index) => `PCR${index} ${Buffer.from(pcr).toString('hex')}`);
  assert.deepEqual(rest.slice(-3), pcrs);
});
