// `caisson nsm pcr read | extend | lock`: the platform configuration registers, for people.
import { toHex } from '@caisson/core/bytes';
import { MAX_NSM_REQUEST_BYTES, type NsmClient, PCR_COUNT } from '@caisson/core/nitro';
import type { Command } from 'commander';
import { UsageError } from '../exit-code.ts';
import { integer, parseHexOption, parsePcrIndex } from '../nsm-argument.ts';
import { withNsm } from '../nsm-session.ts';
import type { Surroundings } from '../surroundings.ts';

interface PcrState {
  readonly index: number;
  readonly locked: boolean;
  readonly value: string;
}

interface JsonOption {
  readonly json?: boolean;
}

export function registerNsmPcr(nsm: Command, surroundings: Surroundings): void {
  const pcr = nsm.command('pcr').description('read, extend or lock platform configuration registers');
  const show = (states: readonly PcrState[], { json }: JsonOption): void => {
    const lines = states.map(
      ({ index, locked, value }) => `PCR${index}`.padEnd(7) + (locked ? 'locked  ' : 'open    ') + value,
    );
    surroundings.stdout.write(json ? `${JSON.stringify({ v: 1, pcrs: states })}\n` : `${lines.join('\n')}\n`);
  };

  pcr
    .command('read')
    .description('show PCRs and whether they are locked')
    .argument('[index...]', 'default: all')
    .option('--json', 'print one JSON document')
    .action(async (words: readonly string[], options: JsonOption) => {
      const indexes =
        words.length === 0 ? Array.from({ length: PCR_COUNT }, (_, index) => index) : words.map(parsePcrIndex);
      show(await withNsm(surroundings, (client) => readAll(client, indexes)), options);
    });

  pcr
    .command('extend')
    .description('set a PCR to SHA-384(PCR || data)')
    .argument('<index>', 'an open PCR')
    .argument('<hex>', 'the data, not hashed before')
    .option('--json', 'print one JSON document')
    .action(async (word: string, hex: string, options: JsonOption) => {
      const index = parsePcrIndex(word);
      const data = parseHexOption('data', hex, MAX_NSM_REQUEST_BYTES);
      const extended = async (client: NsmClient): Promise<PcrState> => {
        return { index, locked: false, value: toHex(await client.extendPcr(index, data)) };
      };
      show([await withNsm(surroundings, extended)], options);
    });

  pcr
    .command('lock')
    .description('lock a PCR until the enclave is started anew')
    .argument('[index]', 'an open PCR')
    .option('--range <n>', 'lock PCR 0 up to, not including, n; those that are locked already are no error')
    .option('--json', 'print one JSON document')
    .action(async (word: string | undefined, options: JsonOption & { readonly range?: string }) => {
      if ((word === undefined) === (options.range === undefined)) {
        throw new UsageError('nsm pcr lock needs either an index or --range', 'locking cannot be undone');
      }
      const lock = async (client: NsmClient): Promise<PcrState[]> => {
        if (word !== undefined) {
          const index = parsePcrIndex(word);
          await client.lockPcr(index);
          return readAll(client, [index]);
        }
        const range = integer('--range', options.range ?? '', 0, PCR_COUNT);
        await client.lockPcrs(range);
        return readAll(
          client,
          Array.from({ length: range }, (_, index) => index),
        );
      };
      show(await withNsm(surroundings, lock), options);
    });
}

async function readAll(client: NsmClient, indexes: readonly number[]): Promise<PcrState[]> {
  const states: PcrState[] = [];
  for (const index of indexes) {
    const { lock, data } = await client.describePcr(index);
    states.push({ index, locked: lock, value: toHex(data) });
  }
  return states;
}
