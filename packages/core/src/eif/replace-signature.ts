// An image with another signature section, as pieces of the old file. Everything else keeps its bytes and its order; only the
// header, whose table and CRC cover what changed, is new.
import { PolicyError } from '../errors/index.ts';
import { crc32 } from './crc32.ts';
import type { EifErrorCode } from './error-code.ts';
import { crcOffset, formatHeader, formatSectionHeader, headerBytes, maxSections, sectionHeaderBytes } from './form.ts';
import type { EifSurvey } from './survey.ts';

/** Where the bytes of the old file are read from. */
export interface EifPieces {
  pieces(offset: number, size: number): AsyncIterable<Uint8Array>;
}

export interface ReplacedSignature {
  /** Of the whole file. */
  readonly size: number;
  readonly headerBytes: number;
  /** CRC of the part of the header that the checksum covers. */
  readonly startCrc: number;
  nextCrc(bytes: Uint8Array, crc: number): number;
  /** Everything behind the header. */
  open(old: EifPieces): AsyncGenerator<Uint8Array, void, undefined>;
  formatHeader(crc: number): Uint8Array<ArrayBuffer>;
}

/** `survey` has no fault. Throws PolicyError EIF_SECTION for an image of version 1 or 2, or one without room for a section. */
export function replaceEifSignature({ header, sections }: EifSurvey, signature: Uint8Array): ReplacedSignature {
  if (header.version < 3) {
    throw refused(`EIF must be of version 3 or later to be signed, got ${header.version}`);
  }
  const isSigned = sections.some(({ kind }) => kind === 'signature');
  if (!isSigned && sections.length === maxSections) {
    throw refused(`EIF must have at most ${maxSections - 1} sections to be signed, got ${sections.length}`);
  }
  const next: readonly (EifSurvey['sections'][number] | undefined)[] = isSigned
    ? sections.map((section) => (section.kind === 'signature' ? undefined : section))
    : [...sections, undefined];
  const table: { offset: number; size: number }[] = [];
  let end = headerBytes;
  for (const section of next) {
    const size = section?.size ?? signature.length;
    table.push({ offset: end, size });
    end += sectionHeaderBytes + size;
  }
  const known = { ...header, sections: table };
  return {
    size: end,
    headerBytes,
    startCrc: crc32(formatHeader(known).subarray(0, crcOffset)),
    nextCrc: crc32,
    async *open(old) {
      for (const section of next) {
        if (section === undefined) {
          yield formatSectionHeader('signature', signature.length);
          yield signature;
          continue;
        }
        // Sections of no known kind are a fault, so that none is here.
        if (section.kind === 'unknown') throw new TypeError('an image with faults cannot be signed');
        yield formatSectionHeader(section.kind, section.size);
        yield* old.pieces(section.offset, section.size);
      }
    },
    formatHeader: (crc) => formatHeader({ ...known, crc }),
  };
}

function refused(message: string): PolicyError<EifErrorCode> {
  return new PolicyError('EIF_SECTION', message);
}
