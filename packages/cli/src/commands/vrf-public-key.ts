// `caisson vrf public-key`: what verifiers need of a secret key.
import { toHex } from '@caisson/core/bytes';
import { withExitAction } from '../exit-action.ts';
import { EXIT_OK } from '../exit-code.ts';
import type { RegisterCommand, Surroundings } from '../surroundings.ts';
import { readSecretKey } from '../vrf-input.ts';
import { DEFAULT_SUITE } from './vrf-prove.ts';

interface Flags {
  readonly suite: string;
  readonly key: string;
  readonly json?: true;
}

export const registerVrfPublicKey: RegisterCommand = (vrf, surroundings) => {
  const command = vrf
    .command('public-key')
    .description('print the public key of a secret key, as hex of the compressed point')
    .requiredOption('--key <file>', 'secret key, raw or hex; - for standard input')
    .option('--suite <name>', 'see docs/vrf.md', DEFAULT_SUITE)
    .option('--json', 'print one JSON document');
  withExitAction(command, (flags: Flags) => show(flags, surroundings));
};

async function show({ suite, key, json }: Flags, surroundings: Surroundings): Promise<number> {
  const { vrfPublicKey } = await import('@caisson/vrf');
  const secretKey = await readSecretKey(key, surroundings);
  const publicKey = toHex(vrfPublicKey({ suite, secretKey }));
  secretKey.fill(0);
  surroundings.stdout.write(json ? `${JSON.stringify({ v: 1, suite, publicKey })}\n` : `${publicKey}\n`);
  return EXIT_OK;
}
