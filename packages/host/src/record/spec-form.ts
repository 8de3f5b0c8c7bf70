// `spec.json` as it is read and written. Strict: a key that this program does not know is something that was asked for and would not be done.
import { FIRST_ENCLAVE_CID, LAST_ENCLAVE_CID } from '@caisson/core/address';
import { ParseError } from '@caisson/core/errors';
import * as z from 'zod';
import { enclaveFolder, openEnclaveFolder } from './folder.ts';
import { parseForm, readForm, writeForm } from './form.ts';
import { isEnclaveName } from './name.ts';
import type { RecordedSpec } from './spec.ts';
import { requireStateVersion } from './version.ts';

// Chosen.
const longestMs = 24 * 3_600_000;

const name = z.string().refine(isEnclaveName, 'be a name of an enclave');
const register = z.string().regex(/^[0-9a-f]{96}$/, 'be 96 hex digits');
const path = z.string().max(4096).startsWith('/', 'be an absolute path');
const port = z.int().min(1).max(65_535);

const schema = z.strictObject({
  v: z.literal(1),
  name,
  image: path,
  measurements: z.strictObject({ PCR0: register, PCR1: register, PCR2: register, PCR8: register.optional() }),
  profile: z.enum(['development', 'production']),
  backend: z.enum(['sim', 'qemu', 'nitro']),
  cid: z.int().min(FIRST_ENCLAVE_CID).max(LAST_ENCLAVE_CID).optional(),
  memoryMiB: z.int().min(1),
  cpus: z.union([
    z.strictObject({ count: z.int().min(1) }),
    z.strictObject({ ids: z.array(z.int().min(0)).min(1).max(4096) }),
  ]),
  debug: z.boolean(),
  ingress: z
    .array(
      z.strictObject({
        hostAddress: z.string().min(1).max(255),
        hostPort: z.int().min(0).max(65_535),
        port,
        vsockPort: z.int().min(1).max(0xfffffffe),
        holdMs: z.int().min(0).max(longestMs),
      }),
    )
    // Given: those of caisson.yaml, and one of a boot config.
    .max(1_025),
  // Given: docs/wire/addresses.md, ports 16 to 206 of an enclave's 256.
  egress: z.array(z.strictObject({ host: z.string().min(1).max(255), port })).max(191),
  // Given: argonaut's config v0.1.
  endpoints: z
    .array(z.strictObject({ host: z.string().min(1).max(253), port, vsockPort: port }))
    .max(191)
    .optional(),
  config: z.strictObject({ path, sha384: register }).optional(),
  restart: z.enum(['no', 'always', 'on-failure']),
  readyTimeoutMs: z.int().min(1).max(longestMs),
  hasReadyLine: z.boolean(),
  hasControl: z.boolean(),
  // Given: operator/folder.
  operator: z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9_.@-]{0,62}$/, 'be a name of an operator')
    .optional(),
  logLevel: z.enum(['error', 'warn', 'info', 'debug', 'trace']).optional(),
  logFile: path.optional(),
  dependsOn: z.array(name).max(256),
  labels: z.record(z.string().max(256), z.string().max(4096)),
  composeFile: path.nullable(),
  createdAt: z.iso.datetime(),
});

/** Throws ParseError RECORD_FORM with every fault. */
export function parseSpec(text: string, enclave: string): RecordedSpec {
  return parseForm(text, `spec of enclave ${enclave}`, schema) as RecordedSpec;
}

/** Whether it could be read again once it is written. Throws ParseError RECORD_FORM with every fault. */
export function requireSpecForm(spec: RecordedSpec): void {
  try {
    parseSpec(JSON.stringify(spec), spec.name);
  } catch (error) {
    if (!(error instanceof ParseError)) throw error;
    throw new ParseError(error.code, error.message, { hint: 'ask for less; nothing was started or ended' });
  }
}

/** Undefined where there is no spec. Throws ParseError RECORD_NAME or RECORD_FORM, CaissonError RECORD_VERSION or RECORD_STATE. */
export async function readSpec(state: string, enclave: string): Promise<RecordedSpec | undefined> {
  const { spec } = enclaveFolder(state, enclave);
  await requireStateVersion(state);
  return (await readForm(spec, `spec of enclave ${enclave}`, schema)) as RecordedSpec | undefined;
}

/** Makes the folders that are missing. Throws as `readSpec`; the old spec then stays. */
export async function writeSpec(state: string, spec: RecordedSpec): Promise<void> {
  // Parsed first: a spec that could not be read again must not be written.
  parseSpec(JSON.stringify(spec), spec.name);
  const folder = await openEnclaveFolder(state, spec.name);
  await writeForm(folder.spec, `spec of enclave ${spec.name}`, spec);
}
