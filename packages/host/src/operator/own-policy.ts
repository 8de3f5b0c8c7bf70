// The exception of docs/run.md: for an enclave that this user has just started here with sim or qemu, `up` writes the policy that says what it must
// be, under its name and under its CID. It pins what was built, under the root of this very simulation. A file that somebody wrote himself is
// never touched: it says whom he trusts.
import { existsSync } from 'node:fs';
import { open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { replaceFile } from '../file/index.ts';
import { draftPolicy } from '../policy/draft-policy.ts';
import { formatPolicy } from '../policy/format-policy.ts';
import type { RecordedSpec, RecordedState } from '../record/index.ts';
import { ensureOwnFolder, operatorFolder } from './folder.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** Whether it was written; if not, why, in words that follow `policy`. */
export type WrittenPolicy =
  | { readonly written: true; readonly path: string }
  | { readonly written: false; readonly why: string; readonly hint: string | null };

const beginning = '# written by caisson up for enclave ';
const headBytes = 256;

export function ownPolicyPath(env: Environment, key: string): string {
  return join(operatorFolder(env), 'policies', `${key}.yaml`);
}

/** Only for sim and qemu. Rejects with Node-style errors. */
export async function writeOwnPolicy(
  env: Environment,
  spec: RecordedSpec,
  { documents, cid }: Pick<RecordedState, 'documents' | 'cid'>,
): Promise<WrittenPolicy> {
  const { backend, name } = spec;
  if (backend === 'nitro') throw new TypeError('up writes no policy for hardware');
  if (spec.debug) {
    return refused(
      'an enclave in debug mode has registers of zeros, which prove nothing',
      'drop debug to have it proven',
    );
  }
  if (documents?.kind !== 'simulated') {
    return refused('its documents are signed by nobody', 'the rig of docs/qemu.md signs them; a mock NSM does not');
  }
  const { PCR0, PCR1, PCR2, PCR8 } = spec.measurements;
  const policy = draftPolicy({
    pcrs: { 0: PCR0, 1: PCR1, 2: PCR2, ...(PCR8 !== undefined && { 8: PCR8 }) },
    backend,
    roots: [documents.rootPem],
    allowDevelopment: spec.profile === 'development',
  });
  const head = `${beginning}${name} (${backend}); the next up writes it again, down removes it\n# SIMULATED: proves nothing about hardware\n`;
  const text = `${head}${formatPolicy(policy)}`;
  const path = ownPolicyPath(env, name);
  await ensureOwnFolder(operatorFolder(env));
  await ensureOwnFolder(join(operatorFolder(env), 'policies'));
  const isOwn = await mayWrite(path);
  if (cid !== null && (await mayWrite(ownPolicyPath(env, String(cid)))))
    await write(ownPolicyPath(env, String(cid)), text);
  if (!isOwn)
    return refused(
      `${path} is not of caisson up and was left as it is`,
      'it holds for this enclave too: remove it to have one written',
    );
  await write(path, text);
  return { written: true, path };
}

/** Whether `up` wrote the policy of this name, for an enclave of this name. */
export async function hasOwnPolicy(env: Environment, name: string): Promise<boolean> {
  return (await writtenFor(ownPolicyPath(env, name))) === name;
}

/** Whether `up` wrote the file, for any enclave. */
export async function isOwnPolicyFile(path: string): Promise<boolean> {
  return (await writtenFor(path)) !== undefined;
}

/** Removes the policies that `up` wrote for this enclave, and no others. */
export async function removeOwnPolicies(env: Environment, name: string, cid: number | null): Promise<void> {
  for (const key of [name, ...(cid === null ? [] : [String(cid)])]) await removeOwnPolicy(env, name, key);
}

/** Removes the policy under `key` (a name or a CID) if `up` wrote it for this enclave. */
export async function removeOwnPolicy(env: Environment, name: string, key: string): Promise<void> {
  const path = ownPolicyPath(env, key);
  if ((await writtenFor(path)) === name) await rm(path, { force: true });
}

async function mayWrite(path: string): Promise<boolean> {
  return !existsSync(path) || (await writtenFor(path)) !== undefined;
}

/** The enclave that the first line names; undefined if `up` did not write the file, or there is none. */
async function writtenFor(path: string): Promise<string | undefined> {
  const file = await open(path, 'r').catch(() => undefined);
  if (file === undefined) return undefined;
  try {
    const head = Buffer.alloc(headBytes);
    const { bytesRead } = await file.read(head, 0, headBytes, 0);
    const line = head.subarray(0, bytesRead).toString('latin1').split('\n')[0] ?? '';
    return line.startsWith(beginning) ? /^([a-z][a-z0-9-]{0,62}) /.exec(line.slice(beginning.length))?.[1] : undefined;
  } finally {
    await file.close();
  }
}

async function write(path: string, text: string): Promise<void> {
  await replaceFile(path, (file) => file.writeFile(text), { mode: 0o600 });
}

function refused(why: string, hint: string): WrittenPolicy {
  return { written: false, why, hint };
}
