// One pass of writing gives the file that two passes of the pure writer give, whatever the sizes; and its memory does not grow with them.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { type EifImage, type EifSource, planEif } from '@caisson/core/eif';
import fc from 'fast-check';
import { measureImage } from '../image/index.ts';
import { type WriteEifOptions, type WrittenEif, writeEif } from './index.ts';

let folder: string;
let path: string;
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'caisson-write-'));
  path = join(folder, 'a.eif');
});
after(() => rmSync(folder, { recursive: true }));

async function write(image: EifImage, options: WriteEifOptions = {}): Promise<WrittenEif> {
  const file = await open(path, 'w');
  try {
    return await writeEif(image, file, options);
  } finally {
    await file.close();
  }
}

/** `size` bytes that differ from place to place, in pieces of `piece`. */
function source(size: number, piece: number, seed: number): EifSource {
  return {
    size,
    *open() {
      for (let at = 0; at < size; at += piece) {
        yield Buffer.alloc(Math.min(piece, size - at), Buffer.from(`${seed} ${at} `));
      }
    },
  };
}

test('the file is the one of the pure writer, in one pass instead of two, with the hash of each section', async () => {
  const parts = fc.tuple(
    fc.nat(3_000_000),
    fc.integer({ min: 1, max: 2_000_000 }).map((one) => Math.max(one, 4_096)),
    fc.nat(9),
  );
  await fc.assert(
    fc.asyncProperty(
      parts,
      fc.array(parts, { minLength: 1, maxLength: 4 }),
      fc.boolean(),
      async (kernel, ramdisks, signed) => {
        const image: EifImage = {
          architecture: 'x86_64',
          kernel: source(...kernel),
          cmdline: 'quiet',
          metadata: { ImageName: 'a' },
          ramdisks: ramdisks.map((one) => source(...one)),
        };
        const signature = Buffer.from('a signature');
        const written = await write(image, signed ? { sign: async () => signature } : {});
        const planned = await planEif(signed ? { ...image, signature } : image, () => createHash('sha384'));
        const chunks: Uint8Array[] = [];
        for await (const chunk of planned.open()) chunks.push(chunk);
        assert.ok(Buffer.concat(chunks).equals(readFileSync(path)));
        assert.deepEqual(plainPcrs(written), plainPcrs(planned));
        assert.equal(written.sections.length, ramdisks.length + 3 + Number(signed));
      },
    ),
    { seed: 7, numRuns: 12 },
  );
});

const plainPcrs = ({ measurements: { pcr0, pcr1, pcr2 } }: Pick<WrittenEif, 'measurements'>): string[] =>
  [pcr0, pcr1, pcr2].map((pcr) => Buffer.from(pcr).toString('hex'));

test('a source that is shorter or longer than it said, or that fails, fails the whole', async () => {
  const image = (ramdisk: EifSource): EifImage => ({
    architecture: 'x86_64',
    kernel: Buffer.from('K'),
    cmdline: '',
    metadata: {},
    ramdisks: [Buffer.from('R'), ramdisk],
  });
  const short = {
    size: 10,
    *open() {
      yield Buffer.alloc(9);
    },
  };
  const long = {
    size: 10,
    *open() {
      yield Buffer.alloc(11);
    },
  };
  const broken = {
    size: 3_000_000,
    *open() {
      yield Buffer.alloc(2_000_000);
      throw new Error('disk gone');
    },
  };
  await assert.rejects(write(image(short)), { code: 'EIF_SOURCE', message: /must yield 10 bytes, got 9/ });
  await assert.rejects(write(image(long)), { code: 'EIF_SOURCE', message: /must yield 10 bytes, got more/ });
  await assert.rejects(write(image(broken)), /disk gone/);
  const full = await open('/dev/full', 'w');
  await assert
    .rejects(writeEif(image(source(3_000_000, 65_536, 1)), full), { code: 'ENOSPC' })
    .finally(() => full.close());
});

test('an image of 256 MiB is written and measured in the memory of some pieces', async () => {
  const size = 256 * 2 ** 20;
  const piece = Buffer.alloc(2 ** 20, 'x');
  const ramdisk = {
    size,
    *open() {
      for (let at = 0; at < size; at += piece.length) yield piece;
    },
  };
  const image: EifImage = {
    architecture: 'x86_64',
    kernel: Buffer.from('K'),
    cmdline: '',
    metadata: {},
    ramdisks: [Buffer.from('R'), ramdisk],
  };
  const start = process.memoryUsage().rss;
  let peak = 0;
  const onBytes = (): void => {
    peak = Math.max(peak, process.memoryUsage().rss - start);
  };
  const written = await write(image, { onBytes });
  assert.ok(peak < 96 * 2 ** 20, `it grew by ${peak} bytes`);
  assert.equal((await measureImage(path)).PCR2, Buffer.from(written.measurements.pcr2).toString('hex'));
});
