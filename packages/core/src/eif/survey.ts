// Reads an EIF in pieces of bounded size, so that an image of any size is measured in the same memory, and goes on after a
// fault: `surveyEif` describes what is there and lists everything that is wrong, `readEif` refuses what has any fault.
// The walk is AWS's own (from section to section, whatever the table says); the table is then held against it.
import type { CaissonError, ParseError } from '../errors/index.ts';
import { parseCmdline, parseMetadata } from './content.ts';
import { type EifErrorCode, fault } from './error-code.ts';
import type { EifHeader } from './form.ts';
import type { EifMeasurements, IncrementalSha384 } from './measure.ts';
import { faultsOfSections } from './section-rule.ts';
import { type EifFile, EifWalk, type SurveyedSection, type SurveyOptions } from './walk.ts';

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
  options: SurveyOptions = {},
): Promise<EifSurvey> {
  const walk = await EifWalk.begin(file, createSha384, options);
  while (walk.hasMore) await walk.readSection();
  const { header, sections, crc, faults } = walk;
  if (walk.isWhole) faults.push(...faultsOfEnd(walk, file.size));
  const kinds = sections.map(({ kind }) => (kind === 'unknown' ? undefined : kind));
  faults.push(...faultsOfSections(header.version, kinds));
  return {
    header,
    sections,
    measurements: await walk.measure(),
    crc,
    cmdline: walk.parseSmall('cmdline', parseCmdline),
    metadata: walk.parseSmall('metadata', parseMetadata),
    signature: walk.parseSmall('signature', (bytes) => bytes),
    faults,
  };
}

function faultsOfEnd({ header, sections, offset, crc }: EifWalk, size: number): ParseError<EifErrorCode>[] {
  const faults: ParseError<EifErrorCode>[] = [];
  if (sections.length !== header.sections.length)
    faults.push(
      fault('EIF_TABLE', `EIF must have the ${header.sections.length} sections of its header, got ${sections.length}`),
    );
  if (offset !== size)
    faults.push(fault('EIF_TABLE', `EIF with ${sections.length} sections must end at ${offset}, got ${size} bytes`));
  // Version 1 has no CRC.
  if (header.version >= 2 && crc !== header.crc) {
    const [want, got] = [crc, header.crc].map((value) => value.toString(16).padStart(8, '0'));
    faults.push(fault('EIF_CRC', `EIF checksum must be ${want}, got ${got}`));
  }
  return faults;
}
