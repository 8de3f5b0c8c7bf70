// Which launches may have left an enclave: an enclave outlives whoever started it. A record is written before nitro-cli is called and removed when
// the enclave is known to be gone; its name is random, so that whatever bears it is of that launch and nobody else's.
import { mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod';
import { isProcess, readProcessStart, replaceFile } from '../file/index.ts';

const schema = z.strictObject({
  v: z.literal(1),
  enclave: z.string().regex(/^[a-z][a-z0-9-]{0,62}-[0-9a-f]{16}$/),
  pid: z.int().positive(),
  start: z.string().max(20),
  atMs: z.number(),
  isGivenUp: z.boolean(),
  /** The process that started it, or its successor, will come back for the enclave: only a start or an adoption under the same name may touch it. */
  isKept: z.boolean().default(false),
});
export type LaunchRecord = z.infer<typeof schema>;

const folderOf = (state: string): string => join(state, 'nitro');
const pathOf = (state: string, enclave: string): string => join(folderOf(state), `${enclave}.json`);
const maxBytes = 4096;
const suffixCharacters = 17;

/** The enclave's name as its owner knows it. */
export function nameOfLaunch({ enclave }: LaunchRecord): string {
  return enclave.slice(0, -suffixCharacters);
}

export async function writeRecord(
  state: string,
  enclave: string,
  { isGivenUp = false, isKept = false }: { readonly isGivenUp?: boolean; readonly isKept?: boolean } = {},
): Promise<void> {
  await mkdir(folderOf(state), { recursive: true, mode: 0o700 });
  const start = await readProcessStart(process.pid);
  const record: LaunchRecord = { v: 1, enclave, pid: process.pid, start, atMs: Date.now(), isGivenUp, isKept };
  await replaceFile(pathOf(state, enclave), (file) => file.writeFile(JSON.stringify(record)), { mode: 0o600 });
}

export async function removeRecord(state: string, enclave: string): Promise<void> {
  await rm(pathOf(state, enclave), { force: true });
}

/** Records of launches that nobody keeps: their process is dead, or has given them up. */
export async function readLeftRecords(state: string): Promise<readonly LaunchRecord[]> {
  const names = await readdir(folderOf(state)).catch(() => []);
  const left: LaunchRecord[] = [];
  for (const name of names.filter((one) => one.endsWith('.json'))) {
    const text = await readFile(join(folderOf(state), name), 'utf8').catch(() => '');
    const record = text.length > maxBytes ? undefined : parse(text);
    if (record === undefined || `${record.enclave}.json` !== name) continue;
    if (record.isGivenUp || !(await isProcess(record.pid, record.start))) left.push(record);
  }
  return left;
}

function parse(text: string): LaunchRecord | undefined {
  try {
    return schema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}
