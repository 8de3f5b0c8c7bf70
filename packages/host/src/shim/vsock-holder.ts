// Who has a vsock port of this machine: the kernel lists none of them, so it is what the records of enclaves say that run here.
import { ENDED_PHASES, listRecords } from '../record/index.ts';

/** Undefined: no enclave but `own` has asked for it, or nobody can tell. */
export async function findVsockHolder(state: string, own: string, port: number): Promise<string | undefined> {
  const records = await listRecords(state).catch(() => []);
  return records.find(
    ({ name, spec, state: now }) =>
      name !== own &&
      now !== undefined &&
      !ENDED_PHASES.includes(now.phase) &&
      spec?.endpoints?.some(({ vsockPort }) => vsockPort === port),
  )?.name;
}
