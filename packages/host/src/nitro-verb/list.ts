// All enclaves of this host in nitro-cli's form: what this house runs, on whatever, and what somebody else started with nitro-cli.
import type { DescribedEnclave, ParentEnclaves } from '../backend-nitro/index.ts';
import type { Engine } from '../engine/index.ts';
import { type EnclaveRecord, isRunning } from '../record/index.ts';
import { describeRecord, type ListedEnclave, type NitroEnclave } from './nitro-enclave.ts';
import { NitroVerbError } from './nitro-verb-error.ts';

export interface NitroVerbWorld {
  readonly engine: Engine;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Undefined: no nitro-cli here. */
  readonly parent: ParentEnclaves | undefined;
  /** One line for people. */
  say(line: string): void;
}

/** Throws what nitro-cli failed with where an enclave of ours is on hardware; says it elsewhere. */
export async function listEnclaves({ engine, parent, say }: NitroVerbWorld): Promise<readonly ListedEnclave[]> {
  const records = (await engine.execute({ verb: 'list' })).filter(
    (record) => isRunning(record) || isOnHardware(record),
  );
  const real = await describeParent(records, parent, say);
  const ours = records.flatMap((record): ListedEnclave[] => {
    const found = real.find((one) => isOf(record, one));
    // Hardware has the last word on what runs there.
    if (!isRunning(record) && found === undefined) return [];
    const facts = describeRecord(record, found);
    return facts === undefined ? [] : [{ record, real: found, facts }];
  });
  const known = new Set(ours.map(({ real: one }) => one?.EnclaveID));
  const foreign = real.filter(({ EnclaveID }) => !known.has(EnclaveID));
  return [
    ...ours,
    ...foreign.map((one): ListedEnclave => ({ record: undefined, real: one, facts: foreignFacts(one) })),
  ];
}

export type EnclaveQuery = { readonly by: 'id'; readonly id: string } | { readonly by: 'name'; readonly name: string };

/** Throws NitroVerbError NITRO_VERB_ENCLAVE: E40 without such an id, E58 without exactly one such name. */
export function findListed(all: readonly ListedEnclave[], query: EnclaveQuery): ListedEnclave {
  const found = all.filter(({ facts, record }) =>
    query.by === 'id' ? facts.EnclaveID === query.id : [facts.EnclaveName, record?.name].includes(query.name),
  );
  const [only] = found;
  if (only !== undefined && found.length === 1) return only;
  const what = query.by === 'id' ? `id ${query.id}` : `name ${query.name}`;
  const there = all.map(({ facts }) => (query.by === 'id' ? facts.EnclaveID : (facts.EnclaveName ?? '-'))).join(', ');
  throw new NitroVerbError(
    query.by === 'id' ? 'E40' : 'E58',
    'NITRO_VERB_ENCLAVE',
    `one enclave must have the ${what}, got ${found.length}`,
    { hint: there === '' ? 'no enclave runs here' : `there are ${there}` },
  );
}

function isOnHardware({ spec, state }: EnclaveRecord): boolean {
  return spec?.backend === 'nitro' && state?.phase === 'lost';
}

async function describeParent(
  records: readonly EnclaveRecord[],
  parent: ParentEnclaves | undefined,
  say: (line: string) => void,
): Promise<readonly DescribedEnclave[]> {
  if (parent === undefined) return [];
  try {
    return await parent.describe();
  } catch (error) {
    if (records.some(({ spec }) => spec?.backend === 'nitro')) throw error;
    say(`what others run with nitro-cli is not listed: ${(error as Error).message}`);
    return [];
  }
}

/** A launch of this house is called by its enclave and a number of its own (backend-nitro). */
function isOf({ name, spec, state }: EnclaveRecord, { EnclaveName = '', EnclaveCID }: DescribedEnclave): boolean {
  if (spec?.backend !== 'nitro' || state?.cid !== EnclaveCID) return false;
  return EnclaveName.startsWith(`${name}-`) && /^[0-9a-f]{16}$/.test(EnclaveName.slice(name.length + 1));
}

function foreignFacts(one: DescribedEnclave): NitroEnclave {
  const { EnclaveName, EnclaveID, ProcessID, EnclaveCID, NumberOfCPUs, CPUIDs = [], MemoryMiB } = one;
  const { State, Flags, Measurements } = one;
  return {
    EnclaveName,
    EnclaveID,
    ProcessID,
    EnclaveCID,
    NumberOfCPUs,
    CPUIDs,
    MemoryMiB,
    State,
    Flags,
    ...(Measurements !== undefined && { Measurements }),
  };
}
