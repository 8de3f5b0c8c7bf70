// The walk over an EIF as AWS's own reader does it: from section to section, whatever the table in the header says. It reads each byte once, for
// the checksum, the measurements and the small sections at the same time, and collects faults instead of stopping at the first.
import { type CaissonError, LimitError, ParseError } from '../errors/index.ts';
import { isSmall, requireSize } from './content.ts';
import { crc32 as ownCrc32 } from './crc32.ts';
import { type EifErrorCode, fault } from './error-code.ts';
import type { EifHeader, EifSectionKind } from './form.ts';
import { crcOffset, headerBytes, maxSections, sectionHeaderBytes, surveyHeader, surveySectionHeader } from './form.ts';
import type { EifMeasurements, IncrementalSha384 } from './measure.ts';
import { createEifMeter } from './measure.ts';

export interface EifFile {
  readonly size: number;
  /** Exactly `length` bytes; they may be overwritten by the next call. */
  read(offset: number, length: number): Promise<Uint8Array>;
}

export interface SurveyedSection {
  /** `unknown`: a type that no version has. */
  readonly kind: EifSectionKind | 'unknown';
  /** Where the data begins, after the section's header. */
  readonly offset: number;
  readonly size: number;
  /** Of the data. PCR0 does not fix where a section ends; these do. Empty where they were not asked for. */
  readonly sha384: Uint8Array;
}

export interface SurveyOptions {
  /** The CRC-32 of zlib, begun or gone on with. Default: our own, which is in JavaScript and costs more than a hash. */
  readonly crc32?: (bytes: Uint8Array, crc?: number) => number;
  /** Hash each section by itself, which no register needs. Default true. */
  readonly hashSections?: boolean;
}

// Chosen.
const pieceBytes = 1_048_576;

export class EifWalk {
  readonly header: EifHeader;
  readonly sections: SurveyedSection[] = [];
  readonly faults: CaissonError<EifErrorCode>[];
  /** Of all that was read so far. */
  crc: number;
  /** Where the next section begins. */
  offset = headerBytes;
  /** False once a fault makes it impossible to tell where the next section begins. */
  isWhole = true;
  readonly #file: EifFile;
  readonly #createSha384: () => IncrementalSha384;
  readonly #crc32: NonNullable<SurveyOptions['crc32']>;
  readonly #hashSections: boolean;
  readonly #meter: ReturnType<typeof createEifMeter>;
  readonly #small = new Map<EifSectionKind, Uint8Array>();
  #ramdisks = 0;

  private constructor(
    file: EifFile,
    head: Uint8Array,
    createSha384: () => IncrementalSha384,
    { crc32 = ownCrc32, hashSections = true }: SurveyOptions,
  ) {
    const { header, faults } = surveyHeader(head);
    this.header = header;
    this.faults = [...faults];
    this.#file = file;
    this.#createSha384 = createSha384;
    this.#crc32 = crc32;
    this.#hashSections = hashSections;
    this.#meter = createEifMeter(createSha384);
    this.crc = crc32(head.subarray(0, crcOffset));
  }

  /** Throws ParseError EIF_TRUNCATED or EIF_HEADER for what is no EIF at all, and what `file.read` throws. */
  static async begin(file: EifFile, createSha384: () => IncrementalSha384, options: SurveyOptions): Promise<EifWalk> {
    const head = (await file.read(0, Math.min(headerBytes, file.size))).slice();
    return new EifWalk(file, head, createSha384, options);
  }

  get hasMore(): boolean {
    return this.isWhole && this.#file.size - this.offset >= sectionHeaderBytes;
  }

  async readSection(): Promise<void> {
    const { offset } = this;
    const index = this.sections.length;
    if (index >= maxSections) {
      return this.#stop(fault('EIF_TABLE', `EIF must have at most ${maxSections} sections, got more at ${offset}`));
    }
    const head = await this.#file.read(offset, sectionHeaderBytes);
    this.crc = this.#crc32(head, this.crc);
    const { kind, size, faults } = surveySectionHeader(head, index);
    this.faults.push(...faults, ...faultsOfEntry(this.header, index, offset, size));
    const start = offset + sectionHeaderBytes;
    const left = this.#file.size - start;
    if (size > left) {
      return this.#stop(fault('EIF_TRUNCATED', `EIF section ${index} must have ${size} bytes, got ${left} to the end`));
    }
    const sha384 = await this.#readData(kind, start, size);
    this.sections.push({ kind: kind ?? 'unknown', offset: start, size, sha384 });
    this.offset = start + size;
  }

  /** Undefined when the walk did not reach the end of the file. */
  async measure(): Promise<EifMeasurements | undefined> {
    return this.isWhole ? await this.#meter.finish() : undefined;
  }

  /** What `parse` makes of the first section of this kind; undefined where there is none, or where it has a fault, which is noted. */
  parseSmall<Value>(kind: EifSectionKind, parse: (bytes: Uint8Array) => Value): Value | undefined {
    const bytes = this.#small.get(kind);
    return bytes && this.#attempt(() => parse(bytes));
  }

  async #readData(kind: EifSectionKind | undefined, start: number, size: number): Promise<Uint8Array> {
    const hash = this.#hashSections ? this.#createSha384() : undefined;
    const kept = this.#keep(kind, size);
    for (let at = 0; at < size; at += pieceBytes) {
      const piece = await this.#file.read(start + at, Math.min(pieceBytes, size - at));
      this.crc = this.#crc32(piece, this.crc);
      hash?.update(piece);
      if (kind !== undefined) this.#meter.update(kind, this.#ramdisks, piece);
      kept?.set(piece, at);
    }
    if (kind === 'ramdisk') this.#ramdisks += 1;
    return (await hash?.digest()) ?? new Uint8Array();
  }

  /** Room for a small section that is the first of its kind. */
  #keep(kind: EifSectionKind | undefined, size: number): Uint8Array | undefined {
    if (kind === undefined || !isSmall(kind) || this.#small.has(kind)) return undefined;
    const bytes = this.#attempt(() => {
      requireSize(kind, size);
      return new Uint8Array(size);
    });
    if (bytes !== undefined) this.#small.set(kind, bytes);
    return bytes;
  }

  #attempt<Value>(run: () => Value): Value | undefined {
    try {
      return run();
    } catch (error) {
      if (!(error instanceof ParseError || error instanceof LimitError)) throw error;
      this.faults.push(error as CaissonError<EifErrorCode>);
      return undefined;
    }
  }

  #stop(error: ParseError<EifErrorCode>): void {
    this.faults.push(error);
    this.isWhole = false;
  }
}

// QEMU goes by the table, AWS's reader by the walk.
function faultsOfEntry(header: EifHeader, index: number, offset: number, size: number): ParseError<EifErrorCode>[] {
  const entry = header.sections[index];
  // A section beyond the count in the header is reported at the end.
  if (entry === undefined) return [];
  const faults: ParseError<EifErrorCode>[] = [];
  if (entry.offset !== offset)
    faults.push(
      fault(
        'EIF_TABLE',
        `EIF section ${index} must begin at ${offset}, where the last one ends, got offset ${entry.offset} in the header`,
      ),
    );
  if (entry.size !== size)
    faults.push(
      fault('EIF_TABLE', `EIF section ${index} must have its size of the header, ${entry.size}, got ${size}`),
    );
  return faults;
}
