// Writes an EIF of version 4 in nitro-cli's order: kernel, command line, metadata, ramdisks, signature. The header holds a
// CRC of all that follows it, so the sections are read twice: once to measure, once to write. What differs between the two
// readings is found at the end of the second and fails it.
import { toUtf8 } from '../bytes/index.ts';
import { LimitError, PolicyError } from '../errors/index.ts';
import { maxCmdlineBytes } from './content.ts';
import { crc32 } from './crc32.ts';
import type { EifErrorCode } from './error-code.ts';
import type { EifArchitecture, EifSectionKind } from './form.ts';
import {
  crcOffset,
  formatHeader,
  formatSectionHeader,
  headerBytes,
  maxSections,
  newestVersion,
  sectionHeaderBytes,
} from './form.ts';
import type { EifMeasurements, IncrementalSha384 } from './measure.ts';
import { createEifMeter } from './measure.ts';

/** Bytes, or bytes that come later and more than once: `open` yields exactly `size` bytes, the same every time. */
export type EifSource =
  | Uint8Array
  | { readonly size: number; open(): AsyncIterable<Uint8Array> | Iterable<Uint8Array> };

export interface EifImage {
  readonly architecture: EifArchitecture;
  readonly kernel: EifSource;
  /** ASCII without NUL or newline; at most 2,047 bytes (COMMAND_LINE_SIZE of x86-64 and arm64, with the NUL). */
  readonly cmdline: string;
  /** One JSON object; nitro-cli shows its ImageName, ImageVersion, BuildMetadata, DockerInfo and CustomMetadata. */
  readonly metadata: Readonly<Record<string, unknown>>;
  /** At least one; the first is PCR1's, the others are PCR2's. */
  readonly ramdisks: readonly EifSource[];
  /** The signature section as it stands in the file. */
  readonly signature?: Uint8Array;
  /** Default 1 GiB and 2, as nitro-cli writes. */
  readonly defaultMemoryBytes?: number;
  readonly defaultCpus?: number;
}

export interface PlannedEif {
  readonly size: number;
  readonly measurements: EifMeasurements;
  /** The file from its beginning. Throws LimitError EIF_SOURCE when a source changed since it was measured. */
  open(): AsyncGenerator<Uint8Array, void, undefined>;
}

// Given.
const gibibyte = 2 ** 30;

/** Where everything of an image will stand, before a byte of it is read. */
export interface EifLayout {
  /** Of the whole file. */
  readonly size: number;
  readonly sections: readonly LaidOutSection[];
  /** The 548 bytes in front; their last four but none of the others depend on `crc`. */
  formatHeader(crc: number): Uint8Array<ArrayBuffer>;
}

export interface LaidOutSection {
  readonly kind: EifSectionKind;
  /** Its number among the ramdisks. */
  readonly ramdisk: number;
  /** Of its data, without the header. */
  readonly size: number;
  readonly header: Uint8Array<ArrayBuffer>;
  readonly source: EifSource;
}

/**
 * For a writer that reads every source only once: it writes the header last. The CRC is that of the header's first 544 bytes and of all
 * section headers and data. Throws PolicyError EIF_SECTION and LimitError EIF_LIMIT.
 */
export function layOutEif(image: EifImage): EifLayout {
  const sections = layOut(image);
  const table: { offset: number; size: number }[] = [];
  let size = headerBytes;
  for (const { source } of sections) {
    table.push({ offset: size, size: sizeOf(source) });
    size += sectionHeaderBytes + sizeOf(source);
  }
  const known = {
    version: newestVersion,
    architecture: image.architecture,
    defaultMemoryBytes: image.defaultMemoryBytes ?? gibibyte,
    defaultCpus: image.defaultCpus ?? 2,
    sections: table,
  };
  return {
    size,
    sections: sections.map((section) => ({
      ...section,
      size: sizeOf(section.source),
      header: formatSectionHeader(section.kind, sizeOf(section.source)),
    })),
    formatHeader: (crc) => formatHeader({ ...known, crc }),
  };
}

/** Reads every source once. Throws PolicyError EIF_SECTION and LimitError EIF_LIMIT, EIF_SOURCE. */
export async function planEif(image: EifImage, createSha384: () => IncrementalSha384): Promise<PlannedEif> {
  const layout = layOutEif(image);
  const meter = createEifMeter(createSha384);
  // The CRC begins with the header, whose table is known before any data: the sizes are.
  const headerCrc = crc32(layout.formatHeader(0).subarray(0, crcOffset));
  let crc = headerCrc;
  for await (const { bytes, section } of readEifSections(layout)) {
    crc = crc32(bytes, crc);
    if (section !== undefined) meter.update(section.kind, section.ramdisk, bytes);
  }
  return {
    size: layout.size,
    measurements: await meter.finish(),
    async *open() {
      yield layout.formatHeader(crc);
      let again = headerCrc;
      for await (const { bytes } of readEifSections(layout)) {
        again = crc32(bytes, again);
        yield bytes;
      }
      if (again !== crc)
        throw new LimitError<EifErrorCode>(
          'EIF_SOURCE',
          'EIF sections must not change while they are written, got another CRC',
        );
    },
  };
}

interface Section {
  readonly kind: EifSectionKind;
  /** Its number among the ramdisks. */
  readonly ramdisk: number;
  readonly source: EifSource;
}

function layOut(image: EifImage): Section[] {
  const { kernel, cmdline, metadata, ramdisks, signature } = image;
  if (!/^[\x20-\x7e]*$/.test(cmdline)) {
    throw new PolicyError<EifErrorCode>(
      'EIF_SECTION',
      `EIF command line must be printable ASCII on one line, got ${JSON.stringify(cmdline)}`,
    );
  }
  if (cmdline.length > maxCmdlineBytes) {
    throw new LimitError<EifErrorCode>(
      'EIF_LIMIT',
      `EIF command line must have at most ${maxCmdlineBytes} bytes, got ${cmdline.length}`,
    );
  }
  const plain = (kind: EifSectionKind, source: EifSource): Section => ({ kind, ramdisk: 0, source });
  const sections = [
    plain('kernel', kernel),
    plain('cmdline', toUtf8(cmdline)),
    plain('metadata', toUtf8(JSON.stringify(metadata))),
    ...ramdisks.map((source, ramdisk): Section => ({ kind: 'ramdisk', ramdisk, source })),
    ...(signature === undefined ? [] : [plain('signature', signature)]),
  ];
  if (ramdisks.length === 0 || sections.length > maxSections) {
    const room = maxSections - sections.length + ramdisks.length;
    throw new LimitError<EifErrorCode>('EIF_LIMIT', `EIF must have 1..${room} ramdisks, got ${ramdisks.length}`);
  }
  return sections;
}

/**
 * Section headers (without a section) and data, in the order of the file, everything behind the header. Throws LimitError EIF_SOURCE for
 * a source that is not as long as it said.
 */
export async function* readEifSections({
  sections,
}: EifLayout): AsyncGenerator<{ bytes: Uint8Array; section?: LaidOutSection }> {
  for (const section of sections) {
    const { kind, size, source, header } = section;
    yield { bytes: header };
    let seen = 0;
    for await (const bytes of source instanceof Uint8Array ? [source] : source.open()) {
      seen += bytes.length;
      if (seen > size) break;
      yield { bytes, section };
    }
    if (seen !== size) {
      const got = seen > size ? 'more' : String(seen);
      throw new LimitError<EifErrorCode>(
        'EIF_SOURCE',
        `EIF ${kind} section: its source must yield ${size} bytes, got ${got}`,
      );
    }
  }
}

function sizeOf(source: EifSource): number {
  return source instanceof Uint8Array ? source.length : source.size;
}
