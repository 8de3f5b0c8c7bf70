// Which CID is whose: `cids` in the state folder (docs/wire/state.md), changed under a lock. A CID that was freed is the last to be given again: what a
// host remembers of an enclave that is gone (a policy, a line, a half-open connection) shall not meet another one.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Cid, FIRST_ENCLAVE_CID, LAST_ENCLAVE_CID, toCid } from '@caisson/core/address';
import { CaissonError, LimitError } from '@caisson/core/errors';
import * as z from 'zod';
import { isProcess, readProcessStart, replaceFile, withLock } from '../file/index.ts';
import type { BackendErrorCode } from './error-code.ts';

export interface CidClaim {
  /** Name of the enclave, for the message to another that wants the same CID. */
  readonly name: string;
  /** Default: the next free one. */
  readonly cid?: number | undefined;
  /** Called for a CID whose owner is dead, to remove what is left of it before the CID is given again. */
  clear?(cid: Cid): Promise<void>;
}

export interface ClaimedCid {
  readonly cid: Cid;
  release(): Promise<void>;
}

// Chosen: lower CIDs are left for files that name one themselves.
const firstCid = 16;
const lastCid = 65_535;
const maxFileBytes = 8 << 20;
// Chosen: the lock is held for a moment only, but a hundred starts at once queue for it.
const lockMs = 60_000;

const schema = z.strictObject({
  v: z.literal(1),
  next: z.int().min(firstCid).max(lastCid),
  taken: z
    .array(
      z.strictObject({
        cid: z.int().min(FIRST_ENCLAVE_CID).max(LAST_ENCLAVE_CID),
        name: z.string().max(63),
        pid: z.int().positive(),
        start: z.string().max(20),
      }),
    )
    .max(lastCid),
});
type Pool = z.infer<typeof schema>;

/**
 * Claims a CID until `release`, or until this process ends. Throws CaissonError BACKEND_CID with the name of the enclave that has it, LimitError
 * BACKEND_CID when all are taken, CaissonError BACKEND_STATE for a damaged file.
 */
export async function claimCid(state: string, claim: CidClaim): Promise<ClaimedCid> {
  const { name, cid: asked } = claim;
  if (asked !== undefined && !(Number.isInteger(asked) && asked >= FIRST_ENCLAVE_CID && asked <= LAST_ENCLAVE_CID)) {
    throw new TypeError(`cid must be an integer in ${FIRST_ENCLAVE_CID}..${LAST_ENCLAVE_CID}, got ${asked}`);
  }
  return await change(state, async (pool) => {
    const living = await keepLiving(pool, claim.clear);
    const cid = asked === undefined ? nextFree(pool.next, living) : requireFree(asked, living);
    const start = await readProcessStart(process.pid);
    const taken = [...living, { cid, name, pid: process.pid, start }];
    const next = asked === undefined ? after(cid) : pool.next;
    const claimed: ClaimedCid = { cid: toCid(cid), release: () => release(state, cid) };
    return [{ v: 1, next, taken }, claimed];
  });
}

/** CIDs whose owners are dead. Changes nothing. */
export async function listLost(state: string): Promise<readonly Cid[]> {
  const { taken } = await readPool(join(state, 'cids'));
  const living = await Promise.all(taken.map(({ pid, start }) => isProcess(pid, start)));
  return taken.flatMap(({ cid }, at) => (living[at] ? [] : [toCid(cid)]));
}

/** Removes what is left of every CID whose owner is dead, as the next claim would. */
export async function clearLost(state: string, clear: (cid: Cid) => Promise<void>): Promise<void> {
  await change(state, async (pool) => [{ ...pool, taken: await keepLiving(pool, clear) }, undefined]);
}

async function keepLiving(pool: Pool, clear?: (cid: Cid) => Promise<void>): Promise<Pool['taken']> {
  const living: Pool['taken'] = [];
  for (const one of pool.taken) {
    if (await isProcess(one.pid, one.start)) living.push(one);
    else await clear?.(toCid(one.cid));
  }
  return living;
}

async function release(state: string, cid: number): Promise<void> {
  await change(state, async (pool) => [{ ...pool, taken: pool.taken.filter((one) => one.cid !== cid) }, undefined]);
}

async function change<Result>(state: string, decide: (pool: Pool) => Promise<[Pool, Result]>): Promise<Result> {
  const path = join(state, 'cids');
  return await withLock(
    `${path}.lock`,
    async () => {
      const [pool, result] = await decide(await readPool(path));
      await replaceFile(path, (file) => file.writeFile(`${JSON.stringify(pool)}\n`), { mode: 0o600 });
      return result;
    },
    { timeoutMs: lockMs },
  );
}

async function readPool(path: string): Promise<Pool> {
  let bytes: Buffer;
  try {
    bytes = await readFile(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return { v: 1, next: firstCid, taken: [] };
    throw error;
  }
  try {
    if (bytes.length > maxFileBytes) throw new Error(`it has ${bytes.length} bytes, at most ${maxFileBytes} are read`);
    return schema.parse(JSON.parse(bytes.toString()));
  } catch (cause) {
    throw new CaissonError<BackendErrorCode>('BACKEND_STATE', `cid pool ${path} must be one of version 1: ${cause}`, {
      cause,
      hint: 'when no enclave runs it can be removed',
    });
  }
}

function nextFree(next: number, living: Pool['taken']): number {
  const taken = new Set(living.map(({ cid }) => cid));
  for (let cid = next, tried = 0; tried <= lastCid - firstCid; cid = after(cid), tried += 1)
    if (!taken.has(cid)) return cid;
  throw new LimitError<BackendErrorCode>('BACKEND_CID', `at most ${lastCid - firstCid + 1} cids can be taken, got all`);
}

function after(cid: number): number {
  return cid >= lastCid ? firstCid : cid + 1;
}

function requireFree(cid: number, living: Pool['taken']): number {
  const holder = living.find((one) => one.cid === cid);
  if (holder === undefined) return cid;
  throw new CaissonError<BackendErrorCode>(
    'BACKEND_CID',
    `cid ${cid} must be free, enclave ${holder.name} of process ${holder.pid} has it`,
    {
      hint: 'name another, or none to get the next one',
    },
  );
}
