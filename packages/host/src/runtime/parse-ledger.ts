// Ledgers as values. Strict: a field more or less is a fault, because what is not read here is not checked anywhere.
import { ParseError } from '@caisson/core/errors';
import * as z from 'zod';
import type { Architecture } from './architecture.ts';
import type { RuntimeErrorCode } from './error-code.ts';

const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
const sha384 = z.string().regex(/^[0-9a-f]{96}$/);
const bytes = z.int().positive();
const archivePath = z
  .string()
  .regex(/^[a-z][\x21-\x7e]{0,99}$/)
  .refine((path) => !path.split('/').includes('..'));

const wantedFile = z.strictObject({
  /** In the package, links followed. */
  from: z.string().min(1),
  /** In the archive. */
  to: archivePath,
  size: bytes,
  sha384,
});

const debianPackage = z.strictObject({
  name: z.string().min(1),
  version: z.string().min(1),
  /** Below the root of a Debian mirror. */
  path: z.string().regex(/^pool\/[\x21-\x7e]+\.deb$/),
  size: bytes,
  sha256,
  files: z.array(wantedFile),
});

const archiveLedger = z.strictObject({
  name: z.string().regex(/^runtime-node-[0-9.]+-[a-z0-9_]+\.tar$/),
  size: bytes,
  sha256,
  sha384,
  node: z.strictObject({
    name: z.string().regex(/^node-linux-(x64|arm64)$/),
    version: z.string().regex(/^\d+\.\d+\.\d+$/),
    /** Of the registry's tarball, as in a lock file. */
    integrity: z.string().regex(/^sha512-[A-Za-z0-9+/]{86}==$/),
    files: z.array(wantedFile).min(1),
  }),
  debian: z.array(debianPackage).min(1),
});

const runtimeLedger = z.strictObject({
  v: z.literal(1),
  /** A moment of snapshot.debian.org at which every package was there: mirrors forget what was superseded. */
  snapshot: z.string().regex(/^\d{8}T\d{6}Z$/),
  archives: z.strictObject({ x86_64: archiveLedger, aarch64: archiveLedger }),
});

const partLedger = z.strictObject({
  v: z.literal(1),
  /** The release that these parts were packed for; null before the first. */
  version: z.string().nullable(),
  parts: z.array(
    z.strictObject({
      name: z.enum(['init', 'launcher', 'addon', 'enclave', 'enclave-development']),
      /** null: the same for both. */
      architecture: z.enum(['x86_64', 'aarch64']).nullable(),
      size: bytes,
      sha256,
      sha384,
      /** How it is made, for whoever makes it again. */
      made: z.string().min(1),
    }),
  ),
});

export type WantedFile = z.infer<typeof wantedFile>;
export type DebianPackage = z.infer<typeof debianPackage>;
export type PartLedger = z.infer<typeof partLedger>;
export type PartName = PartLedger['parts'][number]['name'];
export type ArchiveLedger = z.infer<typeof archiveLedger> & { readonly snapshot: string };

/** Throws ParseError RUNTIME_LEDGER. */
export function parseArchiveLedger(value: unknown, architecture: Architecture): ArchiveLedger {
  const { snapshot, archives } = parse('runtime ledger', runtimeLedger, value);
  return { ...archives[architecture], snapshot };
}

/** Throws ParseError RUNTIME_LEDGER. */
export function parsePartLedger(value: unknown): PartLedger {
  return parse('ledger of parts', partLedger, value);
}

function parse<Type>(what: string, schema: z.ZodType<Type>, value: unknown): Type {
  const { success, data, error } = schema.safeParse(value);
  if (success) return data;
  const [first] = error.issues;
  const place = first === undefined || first.path.length === 0 ? 'it' : first.path.join('.');
  throw new ParseError<RuntimeErrorCode>(
    'RUNTIME_LEDGER',
    `${what}: ${place} does not fit: ${first?.message ?? 'unknown'}`,
  );
}
