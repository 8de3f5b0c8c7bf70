// What an ELF file asks for: its loader and its libraries. Never ldd, which runs the file, and never the machine's own libraries.
// 64 bit, little-endian only, as both machines are.
import { ParseError } from '@caisson/core/errors';
import type { RuntimeErrorCode } from './error-code.ts';

export interface ElfNeeds {
  /** e_machine. */
  readonly machine: number;
  /** PT_INTERP; null for a library or a static program. */
  readonly loader: string | null;
  /** DT_NEEDED, in its order. */
  readonly libraries: readonly string[];
}

// Given: System V ABI, "Object Files".
const identity = Uint8Array.of(0x7f, 0x45, 0x4c, 0x46, 2, 1, 1);
const headerBytes = 64;
const segmentBytes = 56;
const pt = { load: 1, dynamic: 2, interp: 3 } as const;
const dt = { null: 0, needed: 1, strtab: 5, strsz: 10 } as const;
// Chosen.
const maxSegments = 128;
const maxDynamic = 4096;
const maxNameBytes = 255;

/** Throws ParseError RUNTIME_ELF. */
export function parseElfNeeds(bytes: Uint8Array, what: string): ElfNeeds {
  const fault = (text: string): ParseError<RuntimeErrorCode> =>
    new ParseError('RUNTIME_ELF', `ELF file ${what}: ${text}`);
  if (bytes.length < headerBytes || identity.some((byte, at) => bytes[at] !== byte)) {
    throw fault('must be ELF, 64 bit, little-endian, version 1');
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const long = (at: number): number => {
    if (at + 8 > bytes.length) throw fault(`field at byte ${at} must lie within ${bytes.length} bytes`);
    // Over 2^53 is out of the file in any case; exactness does not matter there.
    return Number(view.getBigUint64(at, true));
  };
  const text = (from: number, limit: number): string => {
    const end = bytes.indexOf(0, from);
    const bound = Math.min(limit, from + maxNameBytes + 1);
    if (end < 0 || end >= bound)
      throw fault(`text at byte ${from} must end within ${maxNameBytes} bytes and its table`);
    return Buffer.from(bytes.subarray(from, end)).toString('latin1');
  };

  const table = long(32);
  const count = view.getUint16(56, true);
  if (view.getUint16(54, true) !== segmentBytes || count > maxSegments || table + count * segmentBytes > bytes.length) {
    throw fault(`must have at most ${maxSegments} program headers of ${segmentBytes} bytes within the file`);
  }
  const segments = Array.from({ length: count }, (_, index) => {
    const at = table + index * segmentBytes;
    return { type: view.getUint32(at, true), offset: long(at + 8), address: long(at + 16), size: long(at + 32) };
  });
  for (const { offset, size } of segments) {
    if (offset + size > bytes.length) throw fault(`segment at byte ${offset} must lie within ${bytes.length} bytes`);
  }
  const offsetOf = (address: number): number => {
    const load = segments.find(
      (one) => one.type === pt.load && address >= one.address && address < one.address + one.size,
    );
    if (load === undefined) throw fault(`address ${address} must lie in a loaded segment`);
    return load.offset + (address - load.address);
  };

  const interp = segments.find(({ type }) => type === pt.interp);
  const loader = interp === undefined ? null : text(interp.offset, interp.offset + interp.size);
  const machine = view.getUint16(18, true);
  const dynamic = segments.find(({ type }) => type === pt.dynamic);
  if (dynamic === undefined) return { machine, loader, libraries: [] };

  const needed: number[] = [];
  let names: number | undefined;
  let namesBytes = 0;
  const entries = Math.floor(dynamic.size / 16);
  if (entries > maxDynamic) throw fault(`must have at most ${maxDynamic} dynamic entries, got ${entries}`);
  for (let index = 0; index < entries; index += 1) {
    const [tag, value] = [long(dynamic.offset + index * 16), long(dynamic.offset + index * 16 + 8)];
    if (tag === dt.null) break;
    if (tag === dt.needed) needed.push(value);
    if (tag === dt.strtab) names = value;
    if (tag === dt.strsz) namesBytes = value;
  }
  if (needed.length > 0 && names === undefined) throw fault('needs libraries and has no table of names');
  const start = names === undefined ? 0 : offsetOf(names);
  // A name that begins behind its table ends behind it too.
  const libraries = needed.map((at) => text(start + at, Math.min(start + namesBytes, bytes.length)));
  return { machine, loader, libraries };
}
