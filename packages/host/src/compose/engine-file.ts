// The engine file of the Sentient Enclaves Framework: `enclaves: NAME: {cpu_count, memory_mb, eif_path, debug_mode, cid}`. It runs images that
// are built, and is taken as it stands.
import { FIRST_ENCLAVE_CID, LAST_ENCLAVE_CID } from '@caisson/core/address';
import * as z from 'zod';
import { readForeignName } from './foreign-name.ts';
import { type ComposeIssue, describeIssues } from './issue-text.ts';
import type { FormReading, PlacedSpec } from './placed-spec.ts';

const engineEnclave = z.strictObject({
  cpu_count: z.int().min(1).max(1_024),
  memory_mb: z.int().min(64),
  eif_path: z.string().min(1),
  debug_mode: z.boolean().optional(),
  cid: z.int().min(FIRST_ENCLAVE_CID).max(LAST_ENCLAVE_CID).optional(),
});
const engineFile = z.strictObject({ enclaves: z.record(z.string(), engineEnclave) });

// Keys that this form has and ours has not.
const marks = ['eif_path', 'cpu_count', 'memory_mb', 'debug_mode'];

export function isEngineFile(value: unknown): boolean {
  const enclaves = mapOf(value)?.['enclaves'];
  return Object.values(mapOf(enclaves) ?? {}).some((one) => marks.some((key) => key in (mapOf(one) ?? {})));
}

export function readEngineFile(value: unknown): FormReading {
  const { success, error } = engineFile.safeParse(value);
  const issues: ComposeIssue[] = success ? [] : describeIssues(error.issues, value, engineFile);
  const enclaves = new Map<string, PlacedSpec>();
  const names: string[] = [];
  const notes = [
    'read as an engine file of the Sentient Enclaves Framework; caisson compose print shows it as caisson.yaml',
  ];
  for (const [text, one] of Object.entries(mapOf(mapOf(value)?.['enclaves']) ?? {})) {
    const path = ['enclaves', text];
    const read = readForeignName(text);
    if ('message' in read) {
      issues.push({ path, message: `name enclaves.${text} ${read.message}` });
      continue;
    }
    if (names.includes(read.name)) {
      issues.push({ path, message: `name enclaves.${text} must be another: ${read.name} is taken` });
      continue;
    }
    names.push(read.name);
    if (read.note !== undefined) notes.push(read.note);
    const { data } = engineEnclave.safeParse(one);
    if (data === undefined) continue;
    const { eif_path: eif, cpu_count: cpus, memory_mb: memoryMiB, debug_mode: debug, cid } = data;
    const spec = {
      image: { eif },
      resources: { cpus, memoryMiB },
      ...(cid !== undefined && { cid }),
      ...(debug !== undefined && { debug }),
    };
    enclaves.set(read.name, { spec, path });
  }
  return { names, enclaves, issues, notes };
}

function mapOf(value: unknown): Readonly<Record<string, unknown>> | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Readonly<Record<string, unknown>>)
    : undefined;
}
