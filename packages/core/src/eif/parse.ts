// Reads an EIF from memory, strictly. AWS's reader walks the sections and never looks at the header's table, QEMU goes by
// the table and never walks: a file in which the two differ is two images. Here header table, walked sections and file
// length must agree, and every section that can stand once does. Data are views of the input.
import { parseCmdline, parseMetadata, requireSize } from './content.ts';
import { crc32 } from './crc32.ts';
import { fault } from './error-code.ts';
import type { EifHeader, EifSectionKind } from './form.ts';
import { crcOffset, headerBytes, parseHeader, parseSectionHeader, sectionHeaderBytes } from './form.ts';
import type { EifMeasurements, IncrementalSha384 } from './measure.ts';
import { createEifMeter } from './measure.ts';
import { faultsOfSections } from './section-rule.ts';

export interface EifSection {
  readonly kind: EifSectionKind;
  readonly data: Uint8Array;
}

export interface ParsedEif {
  readonly header: EifHeader;
  /** In the order of the file. */
  readonly sections: readonly EifSection[];
  readonly kernel: Uint8Array;
  readonly cmdline: string;
  readonly ramdisks: readonly Uint8Array[];
  /** Absent before version 4. */
  readonly metadata: Readonly<Record<string, unknown>> | undefined;
  /** As it stands in the file; nothing here says that it holds. */
  readonly signature: Uint8Array | undefined;
}

/** Throws ParseError EIF_TRUNCATED, EIF_HEADER, EIF_TABLE, EIF_SECTION, EIF_CRC, EIF_METADATA; LimitError EIF_LIMIT. */
export function parseEif(bytes: Uint8Array): ParsedEif {
  const header = parseHeader(bytes);
  const sections = walk(bytes, header);
  const broken = faultsOfSections(
    header.version,
    sections.map(({ kind }) => kind),
  );
  if (broken[0] !== undefined) throw broken[0];
  const dataOf = (kind: EifSectionKind): Uint8Array | undefined => sections.find((one) => one.kind === kind)?.data;
  const cmdline = parseCmdline(dataOf('cmdline')!);
  const signature = dataOf('signature');
  if (signature !== undefined) requireSize('signature', signature.length);
  const metadata = dataOf('metadata');
  verifyCrc(bytes, header);
  return {
    header,
    sections,
    kernel: dataOf('kernel')!,
    cmdline,
    ramdisks: sections.filter(({ kind }) => kind === 'ramdisk').map(({ data }) => data),
    metadata: metadata && parseMetadata(metadata),
    signature,
  };
}

/** PCR0 to PCR2 of what was read. */
export async function measureEif(image: ParsedEif, createSha384: () => IncrementalSha384): Promise<EifMeasurements> {
  const meter = createEifMeter(createSha384);
  let ramdisk = 0;
  for (const { kind, data } of image.sections) {
    meter.update(kind, ramdisk, data);
    if (kind === 'ramdisk') ramdisk += 1;
  }
  return await meter.finish();
}

function walk(bytes: Uint8Array, header: EifHeader): EifSection[] {
  const sections: EifSection[] = [];
  let offset = headerBytes;
  for (const [index, entry] of header.sections.entries()) {
    if (entry.offset !== offset) {
      throw fault(
        'EIF_TABLE',
        `EIF section ${index} must begin at ${offset}, where the last one ends, got offset ${entry.offset} in the header`,
      );
    }
    const dataStart = offset + sectionHeaderBytes;
    if (dataStart > bytes.length)
      throw fault(
        'EIF_TRUNCATED',
        `EIF section ${index} must have a header at ${offset}, got a file of ${bytes.length} bytes`,
      );
    const { kind, size } = parseSectionHeader(bytes.subarray(offset, dataStart), index);
    if (size !== entry.size)
      throw fault('EIF_TABLE', `EIF section ${index} must have its size of the header, ${entry.size}, got ${size}`);
    if (size > bytes.length - dataStart) {
      throw fault('EIF_TRUNCATED', `EIF section ${index} must have ${size} bytes, got ${bytes.length - dataStart}`);
    }
    sections.push({ kind, data: bytes.subarray(dataStart, dataStart + size) });
    offset = dataStart + size;
  }
  if (offset !== bytes.length) {
    throw fault('EIF_TABLE', `EIF with ${sections.length} sections must end at ${offset}, got ${bytes.length} bytes`);
  }
  return sections;
}

function verifyCrc(bytes: Uint8Array, header: EifHeader): void {
  // Version 1 has no CRC.
  if (header.version < 2) return;
  const computed = crc32(bytes.subarray(headerBytes), crc32(bytes.subarray(0, crcOffset)));
  if (computed === header.crc) return;
  const [want, got] = [computed, header.crc].map((value) => value.toString(16).padStart(8, '0'));
  throw fault('EIF_CRC', `EIF checksum must be ${want}, got ${got}`);
}
