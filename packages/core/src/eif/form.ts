// The outer form of an EIF, version 4, all big endian. Source: aws-nitro-enclaves-image-format src/defs/mod.rs
// (EifHeader, EifSectionHeader, EifSectionType) and docs/wire/eif.md. Header and section headers, both ways.
import type { ParseError } from '../errors/index.ts';
import { type EifErrorCode, fault } from './error-code.ts';

export type EifArchitecture = 'x86_64' | 'aarch64';
export type EifSectionKind = 'kernel' | 'cmdline' | 'ramdisk' | 'signature' | 'metadata';

export interface EifHeader {
  /** 1..4: 2 brought the CRC, 3 the signature section, 4 the metadata section. */
  readonly version: number;
  readonly architecture: EifArchitecture;
  /** Bytes and count that a launcher may take when the user names none; outside of every PCR. */
  readonly defaultMemoryBytes: number;
  readonly defaultCpus: number;
  /** Of each section in the order of the file: where its header begins, and how long its data is. */
  readonly sections: readonly { readonly offset: number; readonly size: number }[];
  readonly crc: number;
}

// Given.
const magic = [0x2e, 0x65, 0x69, 0x66]; // ".eif"
export const headerBytes = 548;
export const crcOffset = 544;
export const sectionHeaderBytes = 12;
export const maxSections = 32;
export const newestVersion = 4;
const flagAarch64 = 1;
const kinds: readonly (EifSectionKind | undefined)[] = [
  undefined,
  'kernel',
  'cmdline',
  'ramdisk',
  'signature',
  'metadata',
];

export function formatHeader(header: EifHeader): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(headerBytes);
  const view = new DataView(bytes.buffer);
  bytes.set(magic);
  view.setUint16(4, header.version);
  view.setUint16(6, header.architecture === 'aarch64' ? flagAarch64 : 0);
  view.setBigUint64(8, BigInt(header.defaultMemoryBytes));
  view.setBigUint64(16, BigInt(header.defaultCpus));
  view.setUint16(26, header.sections.length);
  for (const [index, { offset, size }] of header.sections.entries()) {
    view.setBigUint64(28 + 8 * index, BigInt(offset));
    view.setBigUint64(28 + 8 * maxSections + 8 * index, BigInt(size));
  }
  view.setUint32(crcOffset, header.crc);
  return bytes;
}

/** A header as far as it can be read, and everything that is wrong with it, in the order of the bytes. */
export interface SurveyedHeader {
  readonly header: EifHeader;
  readonly faults: readonly ParseError<EifErrorCode>[];
}

/** Throws ParseError EIF_TRUNCATED, EIF_HEADER, EIF_TABLE. Whether the table is true is for whoever has the file. */
export function parseHeader(bytes: Uint8Array): EifHeader {
  const { header, faults } = surveyHeader(bytes);
  if (faults[0] !== undefined) throw faults[0];
  return header;
}

/** Throws only where there is nothing to describe: ParseError EIF_TRUNCATED for a short header, EIF_HEADER for another magic. */
export function surveyHeader(bytes: Uint8Array): SurveyedHeader {
  if (bytes.length < headerBytes)
    throw fault('EIF_TRUNCATED', `EIF header must have ${headerBytes} bytes, got ${bytes.length}`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, headerBytes);
  if (magic.some((byte, index) => bytes[index] !== byte)) {
    throw fault('EIF_HEADER', `EIF must begin with 2e656966, got ${view.getUint32(0).toString(16).padStart(8, '0')}`);
  }
  const faults: ParseError<EifErrorCode>[] = [];
  const refuse = (code: EifErrorCode, message: string): void => void faults.push(fault(code, message));
  const version = view.getUint16(4);
  if (version < 1 || version > newestVersion)
    refuse('EIF_HEADER', `EIF version must be in 1..${newestVersion}, got ${version}`);
  const flags = view.getUint16(6);
  if (flags > flagAarch64) refuse('EIF_HEADER', `EIF flags must be 0 or ${flagAarch64}, got 0x${flags.toString(16)}`);
  const unused = view.getUint16(24) || view.getUint32(crcOffset - 4);
  if (unused !== 0) refuse('EIF_HEADER', `EIF reserved header fields must be 0, got 0x${unused.toString(16)}`);
  const count = view.getUint16(26);
  if (count > maxSections) refuse('EIF_TABLE', `EIF must have at most ${maxSections} sections, got ${count}`);
  const sections = [];
  for (let index = 0; index < maxSections; index += 1) {
    const [at, field] = [28 + 8 * index, `EIF section ${index}`];
    const offset = readSafe(view, at, `${field} offset`, faults);
    const size = readSafe(view, at + 8 * maxSections, `${field} size`, faults);
    if (index < count) sections.push({ offset, size });
    else if (offset !== 0 || size !== 0)
      refuse('EIF_TABLE', `${field} must be unused with ${count} sections, got offset ${offset}, size ${size}`);
  }
  const header: EifHeader = {
    version,
    architecture: (flags & flagAarch64) !== 0 ? 'aarch64' : 'x86_64',
    defaultMemoryBytes: readSafe(view, 8, 'EIF default memory', faults),
    defaultCpus: readSafe(view, 16, 'EIF default cpus', faults),
    sections,
    crc: view.getUint32(crcOffset),
  };
  return { header, faults };
}

export function formatSectionHeader(kind: EifSectionKind, size: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(sectionHeaderBytes);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, kinds.indexOf(kind));
  view.setBigUint64(4, BigInt(size));
  return bytes;
}

/** `kind` is undefined for a type that no version has. */
export interface SurveyedSectionHeader {
  readonly kind: EifSectionKind | undefined;
  readonly size: number;
  readonly faults: readonly ParseError<EifErrorCode>[];
}

/** `bytes` begin with the header; `index` is for messages. Throws ParseError EIF_SECTION, EIF_TABLE. */
export function parseSectionHeader(bytes: Uint8Array, index: number): { kind: EifSectionKind; size: number } {
  const { kind, size, faults } = surveySectionHeader(bytes, index);
  if (faults[0] !== undefined) throw faults[0];
  return { kind: kind!, size };
}

export function surveySectionHeader(bytes: Uint8Array, index: number): SurveyedSectionHeader {
  const view = new DataView(bytes.buffer, bytes.byteOffset, sectionHeaderBytes);
  const faults: ParseError<EifErrorCode>[] = [];
  const [type, flags] = [view.getUint16(0), view.getUint16(2)];
  const kind = kinds[type];
  if (kind === undefined)
    faults.push(fault('EIF_SECTION', `EIF section ${index} must have a type in 1..5, got ${type}`));
  if (flags !== 0)
    faults.push(fault('EIF_SECTION', `EIF section ${index} must have no flags, got 0x${flags.toString(16)}`));
  return { kind, size: readSafe(view, 4, `EIF section ${index} size`, faults), faults };
}

function readSafe(view: DataView, at: number, what: string, faults: ParseError<EifErrorCode>[]): number {
  const value = view.getBigUint64(at);
  if (value > BigInt(Number.MAX_SAFE_INTEGER))
    faults.push(fault('EIF_TABLE', `${what} must be below 2^53, got ${value}`));
  return Number(value);
}
