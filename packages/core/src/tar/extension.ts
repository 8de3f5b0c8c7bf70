// Headers that speak of the next entry: pax records (POSIX) and long names (GNU). A global pax header speaks of all that follow, but
// half of the readers do not apply it (Go's, and so every container engine): one that says nothing of an entry is let pass, as `git
// archive` writes it, and any other is refused.
import { utf8Text } from '../bytes/index.ts';
import { LimitError, ParseError } from '../errors/index.ts';
import { blockBytes, type TarLimits } from './entry.ts';
import type { TarErrorCode } from './error-code.ts';
import { type TarHeader, upToNul } from './header.ts';
import type { TarInput } from './input.ts';
import { type PaxRecords, parsePax } from './pax.ts';

export interface Extension {
  readonly kind: 'pax' | 'path' | 'linkpath' | 'global';
  readonly pax?: PaxRecords;
  /** Of GNU's long names. */
  readonly text?: string;
}

export type Extensions = ReadonlyMap<Extension['kind'], Extension>;

// Given: POSIX.1-2017 pax (x, g) and GNU tar (L, K).
const kinds: Readonly<Record<string, Extension['kind']>> = { x: 'pax', g: 'global', L: 'path', K: 'linkpath' };

/** undefined for a header that is an entry's own. Throws ParseError TAR_EXTENSION, TAR_NAME, TAR_SPARSE; LimitError TAR_LIMIT. */
export async function readExtension(
  input: TarInput,
  { flag, size }: TarHeader,
  place: string,
  { maxExtensionBytes, maxNameBytes }: Required<TarLimits>,
): Promise<Extension | undefined> {
  const kind = kinds[flag];
  if (kind === undefined) return undefined;
  // GNU's end with a NUL, and some writers add a second one.
  const max = kind === 'pax' || kind === 'global' ? maxExtensionBytes : maxNameBytes + 2;
  if (size > max) {
    const message = `${place}: ${kind} extension must have at most ${max} bytes, got ${size}`;
    throw new LimitError<TarErrorCode>('TAR_LIMIT', message);
  }
  const bytes = (await input.take(size, `${place}: ${kind} extension`)).slice();
  await input.skip(-size & (blockBytes - 1), `${place}: padding of the ${kind} extension`);
  if (kind === 'path' || kind === 'linkpath') return { kind, text: longName(bytes, kind, place) };
  const pax = parsePax(bytes, place);
  if (kind === 'global' && pax.values.size > 0) {
    const keys = [...pax.values.keys()].join(', ');
    throw new ParseError<TarErrorCode>(
      'TAR_EXTENSION',
      `${place}: a global header must not speak of entries, since readers disagree on it, got ${keys}`,
    );
  }
  return { kind, pax };
}

function longName(bytes: Uint8Array, kind: string, place: string): string {
  const name = upToNul(bytes);
  if (bytes.subarray(name.length).some((byte) => byte !== 0)) {
    throw new ParseError<TarErrorCode>('TAR_NAME', `${place}: long ${kind} must end at its NUL, got more after it`);
  }
  try {
    return utf8Text(name);
  } catch (cause) {
    throw new ParseError<TarErrorCode>('TAR_NAME', `${place}: long ${kind} must be UTF-8`, { cause });
  }
}
