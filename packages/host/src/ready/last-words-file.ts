// What a host keeps of an enclave that is gone: the file last-words.json of its state folder (docs/wire/state.md). The words are what the enclave
// sent, in the clear or still sealed; nothing is added to them.
import { CaissonError, ParseError } from '@caisson/core/errors';
import { PHASES, type SeenLine, type SeenWords } from '@caisson/link/ready';
import * as z from 'zod';
import { readWithin, replaceFile } from '../file/index.ts';
import type { HostReadyErrorCode } from './error-code.ts';

export interface LastWords {
  readonly cid: number;
  readonly bootId: string;
  readonly profile: 'development' | 'production';
  readonly phase: string;
  /** The last line, where one came. */
  readonly final: { readonly exit: number; readonly code: string } | null;
  /** RFC 3339, by this host's clock. */
  readonly seenAt: string;
  readonly words: readonly SeenWords[];
}

// Chosen: what 32 services of an enclave can make a host keep, each in 64 parts of a line (link/ready), is below 12 MiB.
const maxFileBytes = 16 << 20;

const bounded = z.string().max(16_384);
const schema = z.strictObject({
  v: z.literal(1),
  cid: z.int().min(0).max(0xfffffffe),
  bootId: z.string().regex(/^[0-9a-f]{32}$/),
  profile: z.enum(['development', 'production']),
  phase: z.enum(PHASES),
  final: z.strictObject({ exit: z.int().min(0).max(255), code: z.string().regex(/^[a-z0-9-]{1,64}$/) }).nullable(),
  seenAt: z.iso.datetime(),
  words: z
    .array(
      z.union([
        z.strictObject({ service: bounded, lines: z.array(bounded).max(200) }),
        z.strictObject({ service: bounded, sealed: z.base64().max(262_144) }),
      ]),
    )
    .max(32),
});

/** Undefined before the first state, because then there is no boot to which they could belong. */
export function collectLastWords(seen: SeenLine, cid: number, nowMs: number): LastWords | undefined {
  const { state, final, words } = seen;
  if (state === undefined) return undefined;
  const { bootId, profile, phase } = state;
  return {
    cid,
    bootId,
    profile,
    phase,
    final: final === undefined ? null : { exit: final.exit, code: final.code },
    seenAt: new Date(nowMs).toISOString(),
    words,
  };
}

/** 0600: development words are whatever a program wrote. Rejects with Node-style errors. */
export async function writeLastWords(path: string, lastWords: LastWords): Promise<void> {
  const words = lastWords.words.map((one) =>
    'sealed' in one ? { service: one.service, sealed: Buffer.from(one.sealed).toString('base64') } : one,
  );
  await replaceFile(path, (file) => file.writeFile(`${JSON.stringify({ v: 1, ...lastWords, words }, null, 1)}\n`), {
    mode: 0o600,
  });
}

/** Throws CaissonError or ParseError READY_WORDS_FILE. */
export async function readLastWords(path: string): Promise<LastWords> {
  const text = await readBounded(path);
  const result = schema.safeParse(parseJson(text, path));
  if (!result.success) {
    const [first] = result.error.issues;
    throw fault(path, `${first?.path.join('.') || 'file'}: ${first?.message}`);
  }
  const { v: _, words, ...rest } = result.data;
  return {
    ...rest,
    words: words.map((one) =>
      'sealed' in one ? { service: one.service, sealed: Buffer.from(one.sealed, 'base64') } : one,
    ),
  };
}

async function readBounded(path: string): Promise<string> {
  try {
    const read = await readWithin(path, maxFileBytes);
    if (read instanceof Uint8Array) return Buffer.from(read).toString();
    throw fault(
      path,
      read.isFile ? `must have at most ${maxFileBytes} bytes, got ${read.size}` : 'must be a regular file',
    );
  } catch (cause) {
    if (cause instanceof CaissonError) throw cause;
    const code = (cause as NodeJS.ErrnoException).code ?? 'unknown';
    throw new CaissonError<HostReadyErrorCode>('READY_WORDS_FILE', `could not read last words ${path}: ${code}`, {
      cause,
    });
  }
}

function parseJson(text: string, path: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw fault(path, 'is not JSON', cause);
  }
}

function fault(path: string, rule: string, cause?: unknown): ParseError<HostReadyErrorCode> {
  return new ParseError('READY_WORDS_FILE', `last words ${path}: ${rule}`, cause === undefined ? {} : { cause });
}
