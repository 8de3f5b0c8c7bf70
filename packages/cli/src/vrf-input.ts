// Keys, messages and proofs as people hand them over: hex on the command line, or a file. A secret key comes from a file or
// standard input only, because a command line is everybody's to read.
import { parseHex } from '@caisson/core/bytes';
import { UsageError } from './exit-code.ts';
import { parseHexOption } from './nsm-argument.ts';
import type { Surroundings } from './surroundings.ts';

export interface BytesOption {
  /** The option as messages name it, `--alpha`; the option for a file is this and `-file`. */
  readonly name: string;
  readonly hex: string | undefined;
  readonly file: string | undefined;
  readonly maxBytes: number;
  /** A file of hex digits means the bytes they write. Not for messages, whose bytes stand for themselves. */
  readonly mayBeHex: boolean;
}

/** Throws UsageError unless exactly one of the two is given, and what reading the file throws. */
export async function readBytesOption(option: BytesOption, surroundings: Surroundings): Promise<Uint8Array> {
  const { name, hex, file, maxBytes } = option;
  if ((hex === undefined) === (file === undefined)) throw new UsageError(`give either ${name} or ${name}-file`);
  if (hex !== undefined) return parseHexOption(name, hex, maxBytes);
  // Twice the bytes and a line end, where it is hex.
  const bytes = await readFileOption(name, file!, option.mayBeHex ? 2 * maxBytes + 2 : maxBytes, surroundings);
  return option.mayBeHex ? fromHexFile(bytes) : bytes;
}

/** `-` is standard input. */
export async function readSecretKey(file: string, surroundings: Surroundings): Promise<Uint8Array> {
  return fromHexFile(await readFileOption('--key', file, maxKeyFileBytes, surroundings));
}

// Chosen: hex of the longest key, P512, and a line end.
const maxKeyFileBytes = 130;

async function readFileOption(
  name: string,
  file: string,
  maxBytes: number,
  { stdin, stop }: Surroundings,
): Promise<Uint8Array> {
  const { readBoundedFile, readBoundedStream } = await import('@caisson/link/argonaut');
  if (file === '-') return await readBoundedStream(stdin, { maxBytes, what: `${name} on standard input` }, stop);
  return await readBoundedFile(file, { maxBytes, what: `${name} file ${file}` });
}

function fromHexFile(bytes: Uint8Array): Uint8Array {
  const text = Array.from(bytes, (byte) => String.fromCharCode(byte)).join('');
  const [, digits] = /^((?:[0-9a-fA-F]{2})+)\r?\n?$/.exec(text) ?? [];
  return digits === undefined ? bytes : parseHex(digits);
}
