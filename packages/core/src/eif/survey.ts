// Reads an EIF in pieces of bounded size, so that an image of any size is measured in the same memory, and goes on after a
// fault: `surveyEif` describes what is there and lists everything that is wrong, `readEif` refuses what has any fault.
// The walk is AWS's own (from section to section, whatever the table says); the table is then held against it.
import { type CaissonError, LimitError, ParseError } from '../errors/index.ts';
import { isSmall, parseCmdline, parseMetadata, requireSize } from './content.ts';
import { crc32 as ownCrc32 } from './crc32.ts';
import type { EifErrorCode } from './error-code.ts';
import type { EifHeader, EifSectionKind } from './form.ts';
import { crcOffset, headerBytes, maxSections, sectionHeaderBytes, surveyHeader, surveySectionHeader } from './form.ts';
import type { EifMeasurements, IncrementalSha384 } from './measure.ts';
import { createEifMeter } from './measure.ts';
import { faultsOfSections } from './section-rule.ts';

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

export interface EifSurvey {
  readonly header: EifHeader;
  readonly sections: readonly SurveyedSection[];
  /** Of what was walked; undefined when the walk did not reach the end of the file. */
  readonly measurements: EifMeasurements | undefined;
  readonly crc: number;
  /** Of the first section of that kind, where it can be read. */
  readonly cmdline: string | undefined;
  readonly metadata: Readonly<Record<string, unknown>> | undefined;
  readonly signature: Uint8Array | undefined;
  /** Empty for an image that the strict reader takes. */
  readonly faults: readonly CaissonError<EifErrorCode>[];
}

export interface SurveyOptions {
  /** The CRC-32 of zlib, begun or gone on with. Default: our own, which is in JavaScript and costs more than a hash. */
  readonly crc32?: (bytes: Uint8Array, crc?: number) => number;
  /** Hash each section by itself, which no register needs. Default true. */
  readonly hashSections?: boolean;
}

// Chosen.
const pieceBytes = 1_048_576;

/** Throws the first fault of `surveyEif`, and what it throws. */
export async function readEif(
  file: EifFile,
  createSha384: () => IncrementalSha384,
  options?: SurveyOptions,
): Promise<EifSurvey & { readonly measurements: EifMeasurements }> {
  const survey = await surveyEif(file, createSha384, options);
  if (survey.faults[0] !== undefined) throw survey.faults[0];
  return { ...survey, measurements: survey.measurements! };
}

/** Throws only for what is no EIF at all (ParseError EIF_TRUNCATED, EIF_HEADER), and what `file.read` throws. */
export async function surveyEif(
  file: EifFile,
  createSha384: () => IncrementalSha384,
  { crc32 = ownCrc32, hashSections = true }: SurveyOptions = {},
): Promise<EifSurvey> {
  const head = (await file.read(0, Math.min(headerBytes, file.size))).slice();
  const { header, faults: headerFaults } = surveyHeader(head);
  const faults: CaissonError<EifErrorCode>[] = [...headerFaults];
  const meter = createEifMeter(createSha384);
  const sections: SurveyedSection[] = [];
  const small = new Map<EifSectionKind, Uint8Array>();
  let crc = crc32(head.subarray(0, crcOffset));
  let ramdisks = 0;
  let offset = headerBytes;
  let isWhole = true;
  while (file.size - offset >= sectionHeaderBytes) {
    const index = sections.length;
    if (index >= maxSections) {
      faults.push(fault('EIF_TABLE', `EIF must have at most ${maxSections} sections, got more at ${offset}`));
      isWhole = false;
      break;
    }
    const sectionHead = await file.read(offset, sectionHeaderBytes);
    crc = crc32(sectionHead, crc);
    const { kind, size, faults: sectionFaults } = surveySectionHeader(sectionHead, index);
    faults.push(...sectionFaults, ...faultsOfEntry(header, index, offset, size));
    const start = offset + sectionHeaderBytes;
    if (size > file.size - start) {
      faults.push(
        fault('EIF_TRUNCATED', `EIF section ${index} must have ${size} bytes, got ${file.size - start} to the end`),
      );
      isWhole = false;
      break;
    }
    const hash = hashSections ? createSha384() : undefined;
    const kept = isSmall(kind) && !small.has(kind!) ? keep(kind!, size) : undefined;
    for (let at = 0; at < size; at += pieceBytes) {
      const piece = await file.read(start + at, Math.min(pieceBytes, size - at));
      crc = crc32(piece, crc);
      hash?.update(piece);
      if (kind !== undefined) meter.update(kind, ramdisks, piece);
      kept?.set(piece, at);
    }
    if (kind === 'ramdisk') ramdisks += 1;
    sections.push({ kind: kind ?? 'unknown', offset: start, size, sha384: (await hash?.digest()) ?? new Uint8Array() });
    offset = start + size;
  }
  if (isWhole) {
    faults.push(...faultsOfEnd(header, sections.length, offset, file.size));
    // Version 1 has no CRC.
    if (header.version >= 2 && crc !== header.crc) {
      const [want, got] = [crc, header.crc].map((value) => value.toString(16).padStart(8, '0'));
      faults.push(fault('EIF_CRC', `EIF checksum must be ${want}, got ${got}`));
    }
  }
  faults.push(
    ...faultsOfSections(
      header.version,
      sections.map(({ kind }) => (kind === 'unknown' ? undefined : kind)),
    ),
  );
  const [cmdline, metadata] = [small.get('cmdline'), small.get('metadata')];
  return {
    header,
    sections,
    measurements: isWhole ? await meter.finish() : undefined,
    crc,
    cmdline: cmdline && attempt(() => parseCmdline(cmdline)),
    metadata: metadata && attempt(() => parseMetadata(metadata)),
    signature: small.get('signature'),
    faults,
  };

  function keep(kind: EifSectionKind, size: number): Uint8Array | undefined {
    const bytes = attempt(() => {
      requireSize(kind, size);
      return new Uint8Array(size);
    });
    if (bytes !== undefined) small.set(kind, bytes);
    return bytes;
  }

  function attempt<Value>(run: () => Value): Value | undefined {
    try {
      return run();
    } catch (error) {
      if (!(error instanceof ParseError || error instanceof LimitError)) throw error;
      faults.push(error as CaissonError<EifErrorCode>);
      return undefined;
    }
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

function faultsOfEnd(header: EifHeader, walked: number, offset: number, size: number): ParseError<EifErrorCode>[] {
  const faults: ParseError<EifErrorCode>[] = [];
  if (walked !== header.sections.length)
    faults.push(
      fault('EIF_TABLE', `EIF must have the ${header.sections.length} sections of its header, got ${walked}`),
    );
  if (offset !== size)
    faults.push(fault('EIF_TABLE', `EIF with ${walked} sections must end at ${offset}, got ${size} bytes`));
  return faults;
}

function fault(code: EifErrorCode, message: string): ParseError<EifErrorCode> {
  return new ParseError(code, message);
}
