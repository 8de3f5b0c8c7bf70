// What nitro-cli prints, read strictly: one JSON value and nothing around it. Members that it may have besides are left alone, because every
// version adds some.
import { parseStrictJson } from '@caisson/core/config';
import { ParseError } from '@caisson/core/errors';
import * as z from 'zod';
import type { NitroCliErrorCode } from './error-code.ts';

// Chosen. An id becomes a word of a command line.
const maxBytes = 1 << 20;
const enclaveId = z.string().regex(/^i-[0-9a-z]{1,32}-enc[0-9a-z]{1,32}$/);
const pcr = z.string().regex(/^[0-9a-f]{96}$/);

const started = z.object({
  EnclaveID: enclaveId,
  ProcessID: z.int().positive(),
  EnclaveCID: z.int().min(4).max(0xffff_fffe),
  EnclaveName: z.string().max(255).optional(),
});
/** What run-enclave prints. */
export type StartedEnclave = z.infer<typeof started>;

const described = started.extend({
  NumberOfCPUs: z.int().nonnegative().max(4096).optional(),
  MemoryMiB: z.int().nonnegative().optional(),
  CPUIDs: z.array(z.int().nonnegative()).max(4096).optional(),
  State: z.enum(['RUNNING', 'TERMINATING', 'EMPTY']),
  Flags: z.string().max(255),
  Measurements: z.object({ PCR0: pcr, PCR1: pcr, PCR2: pcr, PCR8: pcr.optional() }).optional(),
});

/** An entry of describe-enclaves, with nitro-cli's own names. */
export type DescribedEnclave = z.infer<typeof described>;

/** Throws ParseError NITRO_OUTPUT. */
export function parseStarted(stdout: Uint8Array): StartedEnclave {
  return parse('run-enclave', started, stdout);
}

/** Throws ParseError NITRO_OUTPUT. */
export function parseDescribed(stdout: Uint8Array): readonly DescribedEnclave[] {
  return parse('describe-enclaves', z.array(described).max(64), stdout);
}

function parse<Value>(verb: string, schema: z.ZodType<Value>, stdout: Uint8Array): Value {
  try {
    // Read strictly first, because JSON.parse silently takes the last of two equal keys.
    parseStrictJson(stdout, { maxBytes, maxDepth: 16 });
    return schema.parse(JSON.parse(Buffer.from(stdout).toString()));
  } catch (cause) {
    const why = cause instanceof z.ZodError ? describe(cause) : (cause as Error).message;
    throw new ParseError<NitroCliErrorCode>(
      'NITRO_OUTPUT',
      `nitro-cli ${verb} must print what version 1.5 prints: ${why}`,
      {
        cause,
        hint: 'run it by hand and look; a version before 1.1 has no names and no measurements',
      },
    );
  }
}

function describe({ issues }: z.ZodError): string {
  const [first] = issues;
  return first === undefined ? 'no reason' : `at ${first.path.join('.') || 'its top'}: ${first.message}`;
}
