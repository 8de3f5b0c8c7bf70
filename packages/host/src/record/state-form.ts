// `state.json` as it is read and written. Not strict: a shim of a newer build may say more, and whoever reads takes what he knows. A state whose shim
// is gone without a word reads as `lost`: the file says what was so when somebody still looked.
import { FIRST_ENCLAVE_CID, LAST_ENCLAVE_CID } from '@caisson/core/address';
import * as z from 'zod';
import { isProcess } from '../file/index.ts';
import { enclaveFolder } from './folder.ts';
import { readForm, writeForm } from './form.ts';
import { isEnclaveName } from './name.ts';
import { ENCLAVE_PHASES, ENDED_PHASES, type RecordedState } from './state.ts';
import { stateFault } from './state-fault.ts';
import { requireStateVersion } from './version.ts';

const text = z.string().max(65_536);
const time = z.iso.datetime();
const lines = z.array(text).max(1_000);
const count = z.int().min(0);

const schema = z.object({
  v: z.literal(1),
  name: z.string().refine(isEnclaveName, 'be a name of an enclave'),
  phase: z.enum(ENCLAVE_PHASES),
  since: time,
  backend: z.enum(['sim', 'qemu', 'nitro']),
  cid: z.int().min(FIRST_ENCLAVE_CID).max(LAST_ENCLAVE_CID).nullable(),
  vsock: text.nullable(),
  pids: z.array(z.int().positive()).max(1_000),
  shim: z.object({
    pid: z.int().positive(),
    start: z.string().min(1).max(20),
    protocol: z.int(),
    version: z.string().max(64),
  }),
  bootId: z
    .string()
    .regex(/^[0-9a-f]{32}$/, 'be 32 hex digits')
    .nullable(),
  startedAt: time.nullable(),
  heartbeatMs: count.nullable(),
  readyMs: count.nullable(),
  restarts: count,
  reasons: lines,
  configSha384: z
    .string()
    .regex(/^[0-9a-f]{96}$/, 'be 96 hex digits')
    .nullable(),
  documents: z
    .union([
      z.object({ kind: z.literal('simulated'), rootPem: text, rootSha256: z.string().max(64) }),
      z.object({ kind: z.literal('unsigned') }),
      z.object({ kind: z.literal('aws') }),
    ])
    .nullable(),
  departures: lines,
  end: z.object({ at: time, exit: z.int().min(0).max(255).nullable(), byHost: z.boolean(), text }).nullable(),
  failure: z.object({ code: z.string().max(128), message: text, hint: text.nullable() }).nullable(),
});

/** Undefined where no shim ever ran. Throws ParseError RECORD_NAME or RECORD_FORM, CaissonError RECORD_VERSION or RECORD_STATE. */
export async function readState(
  state: string,
  enclave: string,
  isAlive: (found: RecordedState) => Promise<boolean> = isShimAlive,
): Promise<RecordedState | undefined> {
  const folder = enclaveFolder(state, enclave);
  await requireStateVersion(state);
  for (let gone: RecordedState | undefined; ; ) {
    const found = (await readForm(folder.state, `state of enclave ${enclave}`, schema)) as RecordedState | undefined;
    if (found === undefined || ENDED_PHASES.includes(found.phase)) return found;
    // The shim may have written its last state and exited between our look at the file and our look at the process. Only a state that still stands
    // after its death was left behind.
    if (found.shim.pid === gone?.shim.pid && found.shim.start === gone.shim.start) return { ...found, phase: 'lost' };
    if (await isAlive(found)) return found;
    gone = found;
  }
}

/** Whether the shim that wrote this state is alive. */
export async function isShimAlive({ shim }: RecordedState): Promise<boolean> {
  return await isProcess(shim.pid, shim.start).catch((error: unknown) => {
    throw stateFault(`cannot look at process ${shim.pid}`, error);
  });
}

/** Called by the shim only. Throws CaissonError RECORD_STATE; the old state then stays. */
export async function writeState(state: string, value: RecordedState): Promise<void> {
  await writeForm(enclaveFolder(state, value.name).state, `state of enclave ${value.name}`, value);
}
