// `caisson nsm random`: bytes from the NSM's own generator, as hex.
import { concatBytes, toHex } from '@caisson/core/bytes';
import { NSM_RANDOM_BYTES, type NsmClient } from '@caisson/core/nitro';
import type { Command } from 'commander';
import { integer } from '../nsm-argument.ts';
import { withNsm } from '../nsm-session.ts';
import type { Surroundings } from '../surroundings.ts';

// Chosen: 256 requests. Whoever needs more wants /dev/urandom, which the kernel feeds from the NSM.
const maxBytes = 65_536;

export function registerNsmRandom(nsm: Command, surroundings: Surroundings): void {
  nsm
    .command('random')
    .description('print random bytes of the NSM as hex')
    .option('--bytes <n>', `how many, 1..${maxBytes}`, String(NSM_RANDOM_BYTES))
    .option('--json', 'print one JSON document')
    .action(async (options: { readonly bytes: string; readonly json?: boolean }) => {
      const count = integer('--bytes', options.bytes, 1, maxBytes);
      const random = toHex(await withNsm(surroundings, (client) => collect(client, count)));
      surroundings.stdout.write(options.json ? `${JSON.stringify({ v: 1, random })}\n` : `${random}\n`);
    });
}

async function collect(client: NsmClient, count: number): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let left = count;
  while (left > 0) {
    const part = await client.getRandom();
    parts.push(part.subarray(0, left));
    left -= Math.min(left, part.length);
  }
  return concatBytes(...parts);
}
