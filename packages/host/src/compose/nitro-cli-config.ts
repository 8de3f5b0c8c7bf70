// The JSON of `nitro-cli run-enclave --config`. Its keys are those of nitro-cli's struct (eif_path, memory_mib, ...); the spelling of its flags
// (`eif-path`, `memory`) and of its answers (`EnclaveCID`, `MemoryMiB`, `NumberOfCPUs`, `CPUIDs`) is taken too.
import { basename } from 'node:path';
import { FIRST_ENCLAVE_CID, LAST_ENCLAVE_CID } from '@caisson/core/address';
import * as z from 'zod';
import { readForeignName } from './foreign-name.ts';
import { type ComposeIssue, describeIssues } from './issue-text.ts';
import type { FormReading } from './placed-spec.ts';

const nitroConfig = z.strictObject({
  eif_path: z.string().min(1),
  memory_mib: z.int().min(64),
  cpu_count: z.int().min(1).max(1_024).nullish(),
  cpu_ids: z.array(z.int().min(0)).min(1).nullish(),
  // As with the flag.
  enclave_cid: z
    .int()
    .min(0)
    .max(LAST_ENCLAVE_CID)
    .refine((cid) => cid === 0 || cid >= FIRST_ENCLAVE_CID, {
      message: `be 0 for any, or at least ${FIRST_ENCLAVE_CID}`,
    })
    .nullish(),
  enclave_name: z.string().min(1).nullish(),
  debug_mode: z.boolean().nullish(),
  attach_console: z.boolean().nullish(),
});
type Key = keyof typeof nitroConfig.shape;

const keys = Object.keys(nitroConfig.shape) as Key[];
const otherSpellings: Readonly<Record<string, Key>> = { memory: 'memory_mib', numberofcpus: 'cpu_count' };
const keyOf = (text: string): Key | undefined => {
  const plain = text.toLowerCase().replace(/[-_]/g, '');
  return otherSpellings[plain] ?? keys.find((key) => key.replaceAll('_', '') === plain);
};

/** A map with a key of nitro-cli's own and none that only caisson.yaml has. `memory` alone is rather a slip in the latter. */
export function isNitroCliConfig(value: unknown): boolean {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  const own = Object.keys(value);
  if (own.some((key) => ['name', 'image', 'enclaves'].includes(key))) return false;
  return own.some((key) => key !== 'memory' && keyOf(key) !== undefined);
}

export function readNitroCliConfig(value: unknown): FormReading {
  const { plain, spelt, issues } = respell(value as Readonly<Record<string, unknown>>);
  const nothing = { names: [], enclaves: new Map(), notes: [] };
  const { success, data, error } = nitroConfig.safeParse(plain);
  if (!success) {
    const found = describeIssues(error.issues, plain, nitroConfig);
    return { ...nothing, issues: [...issues, ...found.map((one) => asWritten(one, spelt))] };
  }
  const { eif_path: eif, memory_mib: memoryMiB, cpu_count: cpus, cpu_ids: cpuIds, enclave_cid: cid } = data;
  if ((cpus == null) === (cpuIds == null)) {
    issues.push({ path: [], message: 'the file must have one of cpu_count and cpu_ids, got both or none' });
  }
  // As nitro-cli names an enclave that has no name.
  const called = data.enclave_name ?? basename(eif).replace(/\.eif$/, '');
  const read = readForeignName(called);
  const named = spelt.get('enclave_name') ?? 'enclave_name';
  if ('message' in read) {
    issues.push({ path: [named], message: `${named} ${read.message}` });
    return { ...nothing, issues };
  }
  const spec = {
    image: { eif },
    backend: 'nitro' as const,
    resources: { memoryMiB, ...(cpus != null && { cpus }), ...(cpuIds != null && { cpu_ids: cpuIds }) },
    ...(cid != null && cid !== 0 && { cid }),
    ...(data.debug_mode != null && { debug: data.debug_mode }),
  };
  const notes = ['read as a --config file of nitro-cli run-enclave; caisson compose print shows it as caisson.yaml'];
  if (read.note !== undefined) notes.push(read.note);
  if (data.attach_console === true)
    notes.push('attach_console is for whoever starts it: caisson console shows the console');
  return { names: [read.name], enclaves: new Map([[read.name, { spec, path: [] }]]), issues, notes };
}

/** With nitro-cli's own keys; `spelt` has what the file says for each. */
function respell(value: Readonly<Record<string, unknown>>) {
  const plain: Record<string, unknown> = {};
  const spelt = new Map<string, string>();
  const issues: ComposeIssue[] = [];
  for (const [text, one] of Object.entries(value)) {
    const key = keyOf(text) ?? text;
    const first = spelt.get(key);
    if (first === undefined) {
      plain[key] = one;
      spelt.set(key, text);
    } else issues.push({ path: [text], message: `${text} must stand once, got it as ${first} too` });
  }
  return { plain, spelt, issues };
}

function asWritten({ path, message }: ComposeIssue, spelt: ReadonlyMap<string, string>): ComposeIssue {
  const [first, ...rest] = path;
  const text = spelt.get(String(first));
  if (text === undefined) return { path, message };
  return { path: [text, ...rest], message: message.replace(String(first), text) };
}
