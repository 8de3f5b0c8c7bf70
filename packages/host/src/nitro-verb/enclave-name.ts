// nitro-cli takes any name and calls an enclave by its file when it has none; ours are names of folders too. Both are kept: the name that was given
// stands in a label, and is what nitro-cli's verbs print and look for.
import { createHash } from 'node:crypto';
import { basename } from 'node:path';
import { readForeignName } from '../compose/index.ts';
import { type EnclaveRecord, isRunning } from '../record/index.ts';
import { NitroVerbError } from './nitro-verb-error.ts';

/** Of an enclave that was started by run-enclave: what nitro-cli would call it. */
export const NITRO_NAME_LABEL = 'caisson.nitro-name';

// Given: docs/wire/state.md.
const longestName = 63;

export interface ChosenName {
  /** As nitro-cli has it. */
  readonly shown: string;
  /** As this house has it. */
  readonly name: string;
  /** Records of ended enclaves of the same name, which it takes the place of. */
  readonly replaces: readonly string[];
}

/** As nitro-cli: the file's name without its end, and `_1`, `_2` where that is taken. Throws NitroVerbError NITRO_VERB_WORDS. */
export function chooseName(asked: string | undefined, eifPath: string, records: readonly EnclaveRecord[]): ChosenName {
  const wanted = asked ?? basename(eifPath).replace(/\.eif$/, '');
  const running = records.filter((record) => isRunning(record));
  const shownNames = new Set(running.map(shownName));
  let shown = wanted;
  for (let count = 1; shownNames.has(shown); count += 1) shown = `${wanted}_${count}`;
  const name = houseName(shown, asked === undefined);
  const holder = records.find((record) => record.name === name);
  if (holder === undefined) return { shown, name, replaces: [] };
  if (!isRunning(holder) && NITRO_NAME_LABEL in (holder.spec?.labels ?? {})) return { shown, name, replaces: [name] };
  // Another way of writing the same name, or an enclave of a caisson.yaml that has ended: neither is touched.
  const taken = new Set(records.map((record) => record.name));
  let count = 2;
  while (taken.has(numbered(name, count))) count += 1;
  return { shown, name: numbered(name, count), replaces: [] };
}

export function shownName({ name, spec }: EnclaveRecord): string {
  return spec?.labels[NITRO_NAME_LABEL] ?? name;
}

/** A file may be called anything; a name that was given must be one. */
function houseName(shown: string, isOfFile: boolean): string {
  const read = readForeignName(shown);
  if ('name' in read) return read.name;
  if (!isOfFile) throw new NitroVerbError('E58', 'NITRO_VERB_WORDS', `--enclave-name ${read.message}`);
  const hash = createHash('sha256').update(shown).digest('hex').slice(0, 12);
  const plain = shown
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^[^a-z]+|-+$/g, '');
  return `${plain.slice(0, longestName - 1 - hash.length) || 'enclave'}-${hash}`;
}

function numbered(name: string, count: number): string {
  const end = `-${count}`;
  return `${name.slice(0, longestName - end.length)}${end}`;
}
