// What stands inside the small sections: command line, metadata, signature. They are held in memory, so each has a bound.
import { utf8Text } from '../bytes/index.ts';
import { LimitError, ParseError } from '../errors/index.ts';
import { type EifErrorCode, fault } from './error-code.ts';
import type { EifSectionKind } from './form.ts';

// Given: COMMAND_LINE_SIZE of x86-64 and arm64 with the NUL; the kernel would cut a longer one without a word.
export const maxCmdlineBytes = 2_047;

// Chosen: `docker inspect` is in the metadata and has some ten KiB; a certificate with its signature has at most four.
const maxBytes: Readonly<Partial<Record<EifSectionKind, number>>> = {
  cmdline: maxCmdlineBytes,
  metadata: 1_048_576,
  signature: 65_536,
};

/** True for the sections that are read whole. */
export function isSmall(kind: EifSectionKind | undefined): boolean {
  return kind !== undefined && maxBytes[kind] !== undefined;
}

/** Throws LimitError EIF_LIMIT. */
export function requireSize(kind: EifSectionKind, size: number): void {
  const bound = maxBytes[kind];
  if (bound === undefined || size <= bound) return;
  throw new LimitError<EifErrorCode>('EIF_LIMIT', `EIF ${kind} section must have at most ${bound} bytes, got ${size}`);
}

/** Throws ParseError EIF_SECTION, LimitError EIF_LIMIT. */
export function parseCmdline(data: Uint8Array): string {
  requireSize('cmdline', data.length);
  if (data.some((byte) => byte < 0x20 || byte > 0x7e)) {
    throw fault('EIF_SECTION', `EIF cmdline section must be printable ASCII, got ${data.length} bytes with others`);
  }
  return utf8Text(data);
}

/** Throws ParseError EIF_METADATA, LimitError EIF_LIMIT. */
export function parseMetadata(data: Uint8Array): Record<string, unknown> {
  requireSize('metadata', data.length);
  let value: unknown;
  try {
    value = JSON.parse(utf8Text(data));
  } catch (cause) {
    throw new ParseError<EifErrorCode>('EIF_METADATA', `EIF metadata section of ${data.length} bytes must be JSON`, {
      cause,
    });
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw fault(
    'EIF_METADATA',
    `EIF metadata section must be a JSON object, got ${Array.isArray(value) ? 'an array' : typeof value}`,
  );
}
