// What both ends of a command agree on beside its records' types (docs/wire/pipeline.md).
import { recordFault } from '../record.ts';
import type { TerminalSize } from './request.ts';

// Given: docs/wire/pipeline.md.
export const INPUT_WINDOW_BYTES = 262_144;

export function encodeSize({ columns, rows }: TerminalSize): Uint8Array {
  return Uint8Array.of(columns >>> 8, columns, rows >>> 8, rows);
}

/** Throws ParseError PIPELINE_RECORD. */
export function parseSize(body: Uint8Array): TerminalSize {
  if (body.length !== 4) throw recordFault('4 bytes of a terminal size', `${body.length}`);
  return { columns: (body[0]! << 8) | body[1]!, rows: (body[2]! << 8) | body[3]! };
}
