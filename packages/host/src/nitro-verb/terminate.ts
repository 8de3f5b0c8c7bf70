// `terminate-enclave`: ends enclaves of this house in order, and those of others through nitro-cli. What run-enclave has started leaves no record behind, as
// with nitro-cli; the record of a caisson.yaml stays.
import type { EndResult } from '../engine/index.ts';
import { NITRO_NAME_LABEL } from './enclave-name.ts';
import { type EnclaveQuery, findListed, listEnclaves, type NitroVerbWorld } from './list.ts';
import { nitroCodeOf } from './nitro-code-of.ts';
import type { ListedEnclave } from './nitro-enclave.ts';
import { NitroVerbError } from './nitro-verb-error.ts';

export interface Terminated {
  readonly EnclaveName?: string | undefined;
  readonly EnclaveID: string;
  readonly Terminated: true;
}

/** Throws NitroVerbError where one cannot be ended; the others are, all the same. */
export async function terminateEnclaves(
  world: NitroVerbWorld,
  which: EnclaveQuery | { readonly by: 'all' },
): Promise<readonly Terminated[]> {
  const all = await listEnclaves(world);
  const chosen = which.by === 'all' ? all : [findListed(all, which)];
  const ends = await Promise.allSettled(chosen.map((one) => terminate(world, one)));
  const failure = ends.find((end) => end.status === 'rejected');
  if (failure !== undefined) throw failure.reason;
  return chosen.map(({ facts: { EnclaveName, EnclaveID } }) => ({ EnclaveName, EnclaveID, Terminated: true }));
}

async function terminate({ engine, parent }: NitroVerbWorld, { record, facts }: ListedEnclave): Promise<void> {
  if (record === undefined) {
    await parent?.terminate(facts.EnclaveID);
    return;
  }
  const names = [record.name];
  const isOfRun = NITRO_NAME_LABEL in (record.spec?.labels ?? {});
  const result: EndResult = isOfRun
    ? await engine.execute({ verb: 'remove', names, force: true })
    : await engine.execute({ verb: 'stop', names });
  const failure = result.enclaves[0]?.failure;
  if (failure == null) return;
  const { message, hint } = failure;
  throw new NitroVerbError(nitroCodeOf(failure), 'NITRO_VERB_ENCLAVE', message, hint === null ? {} : { hint });
}
