// Writes an image in one pass: every source is opened once, and while its bytes go to the file they are measured for PCR0, PCR1, PCR2, for
// their section and for the checksum. The header is known last and written last. Reading once is also what makes the measurements
// true: nothing can change between a first look and a second.
import { createHash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import { crc32 } from 'node:zlib';
import {
  combineCrc32,
  type EifImage,
  type EifLayout,
  type EifMeasurements,
  type EifSectionKind,
  eifCrcOffset,
  eifHeaderBytes,
  extendZero,
  type LaidOutSection,
  layOutEif,
  readEifSections,
} from '@caisson/core/eif';
import { createHashLane, type HashLane, type HashSpan, slabBytes } from './hash-lane.ts';

export interface WrittenSection {
  readonly kind: EifSectionKind;
  readonly size: number;
  readonly sha384: Uint8Array;
}

export interface WrittenEif {
  readonly size: number;
  readonly measurements: EifMeasurements;
  readonly sections: readonly WrittenSection[];
}

export interface WriteEifOptions {
  /** The signature section for this PCR0: it is called when everything else is measured. */
  readonly sign?: (pcr0: Uint8Array) => Promise<Uint8Array>;
  /** Bytes written so far, of how many; about once a MiB. */
  readonly onBytes?: (done: number, total: number) => void;
  /** Its reason is thrown, at the next MiB. */
  readonly signal?: AbortSignal;
}

/** `file` is empty and open for writing. Throws what `layOutEif`, the sources and `sign` throw; the file is then of no use. */
export async function writeEif(image: EifImage, file: FileHandle, options: WriteEifOptions = {}): Promise<WrittenEif> {
  const layout = layOutEif(image);
  const registers = assign(layout);
  const lane = createHashLane(registers.count);
  try {
    await writeBody(layout, file, lane, registers, options);
    const { digests, crc } = await lane.finish();
    const at = (number: number): Uint8Array => digests[number]!;
    const extended = (number: number): Promise<Uint8Array> => extendZero(at(number), () => createHash('sha384'));
    const measurements = {
      pcr0: await extended(registers.pcr0),
      pcr1: await extended(registers.pcr1),
      pcr2: await extended(registers.pcr2),
    };
    const sections = layout.sections.map(({ kind, size }, index) => ({
      kind,
      size,
      sha384: at(registers.section[index]!),
    }));
    if (options.sign === undefined) {
      await writeHeader(layout, file, crc, layout.size - eifHeaderBytes);
      return { size: layout.size, measurements, sections };
    }
    const signature = await options.sign(measurements.pcr0);
    const signed = layOutEif({ ...image, signature });
    const { header } = signed.sections.at(-1)!;
    await writeAll(file, header, layout.size);
    await writeAll(file, signature, layout.size + header.length);
    const whole = crc32(signature, crc32(header, crc));
    await writeHeader(signed, file, whole, signed.size - eifHeaderBytes);
    const sha384 = createHash('sha384').update(signature).digest();
    return {
      size: signed.size,
      measurements,
      sections: [...sections, { kind: 'signature', size: signature.length, sha384 }],
    };
  } finally {
    await lane.close();
  }
}

/** Numbers of hashes: which one is whose. */
interface Registers {
  readonly count: number;
  readonly pcr0: number;
  readonly pcr1: number;
  readonly pcr2: number;
  /** By section. */
  readonly section: readonly number[];
  readonly of: ReadonlyMap<LaidOutSection, readonly number[]>;
}

function assign({ sections }: EifLayout): Registers {
  const [pcr0, pcr1] = [0, 1];
  const section = sections.map((_, index) => 2 + index);
  const further = sections.filter(({ kind, ramdisk }) => kind === 'ramdisk' && ramdisk > 0);
  // PCR2 is over the ramdisks after the first. Where that is one, its own SHA-384 is the same hash: a third of the work of a large image.
  const isShared = further.length === 1;
  const pcr2 = isShared ? section[sections.indexOf(further[0]!)]! : 2 + sections.length;
  const numbers = sections.map((one, index) => {
    const own = section[index]!;
    if (one.kind === 'metadata' || one.kind === 'signature') return [own];
    if (one.kind !== 'ramdisk' || one.ramdisk === 0) return [pcr0, pcr1, own];
    return isShared ? [pcr0, own] : [pcr0, pcr2, own];
  });
  const of = new Map(sections.map((one, index) => [one, numbers[index]!]));
  return { count: 2 + sections.length + (isShared ? 0 : 1), pcr0, pcr1, pcr2, section, of };
}

async function writeBody(
  layout: EifLayout,
  file: FileHandle,
  lane: HashLane,
  registers: Registers,
  { onBytes, signal }: WriteEifOptions,
): Promise<void> {
  const busy: Promise<void>[] = lane.slabs.map(() => Promise.resolve());
  let [slab, used, position] = [0, 0, eifHeaderBytes];
  let spans: HashSpan[] = [];

  async function flush(): Promise<void> {
    const [index, length, at] = [slab, used, position];
    const hashed = lane.hash(index, length, spans);
    const written = writeAll(file, lane.slabs[index]!.subarray(0, length), at);
    busy[index] = Promise.all([hashed, written]).then(() => {});
    // A failure is met when the slab is asked for again, or at the end; until then it must not count as unhandled.
    busy[index].catch(() => {});
    position += length;
    signal?.throwIfAborted();
    onBytes?.(position, layout.size);
    [slab, used, spans] = [(slab + 1) % busy.length, 0, []];
    await busy[slab];
  }

  try {
    for await (const { bytes, section } of readEifSections(layout)) {
      const hashes = section && registers.of.get(section);
      for (let taken = 0; taken < bytes.length; ) {
        const piece = bytes.subarray(taken, taken + slabBytes - used);
        lane.slabs[slab]!.set(piece, used);
        if (hashes !== undefined) note(spans, used, used + piece.length, hashes);
        used += piece.length;
        taken += piece.length;
        if (used === slabBytes) await flush();
      }
    }
    if (used > 0) await flush();
  } finally {
    // Nothing may still write to the file when its owner closes and removes it.
    await Promise.allSettled(busy);
  }
  await Promise.all(busy);
}

/** Joins neighbours: a ramdisk of small files is some spans a slab, not some ten thousand. */
function note(spans: HashSpan[], from: number, to: number, hashes: readonly number[]): void {
  const last = spans.at(-1);
  if (last?.to === from && last.hashes === hashes) spans[spans.length - 1] = { ...last, to };
  else spans.push({ from, to, hashes });
}

async function writeHeader(layout: EifLayout, file: FileHandle, body: number, bodyBytes: number): Promise<void> {
  const head = layout.formatHeader(0).subarray(0, eifCrcOffset);
  await writeAll(file, layout.formatHeader(combineCrc32(crc32(head), body, bodyBytes)), 0);
}

async function writeAll(file: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const { bytesWritten } = await file.write(bytes, done, bytes.length - done, position + done);
    done += bytesWritten;
  }
}
