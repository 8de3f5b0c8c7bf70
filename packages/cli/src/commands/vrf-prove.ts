// `caisson vrf prove`: a proof for a message, and on request the output and the key that go with it.
import { toHex } from '@caisson/core/bytes';
import { withExitAction } from '../exit-action.ts';
import { EXIT_OK, UsageError } from '../exit-code.ts';
import type { RegisterCommand, Surroundings } from '../surroundings.ts';
import { readBytesOption, readSecretKey } from '../vrf-input.ts';

interface Flags {
  readonly suite: string;
  readonly key: string;
  readonly alpha?: string;
  readonly alphaFile?: string;
  readonly json?: true;
}

// Chosen: messages are hashed up to 256 times; whoever has more proves its hash.
export const MAX_ALPHA_BYTES = 1 << 20;
export const DEFAULT_SUITE = 'P256_SHA256_TAI';

export const registerVrfProve: RegisterCommand = (vrf, surroundings) => {
  const command = vrf
    .command('prove')
    .description('print the proof for a message, as hex')
    .requiredOption('--key <file>', 'secret key, raw or hex; - for standard input')
    .option('--alpha <hex>', 'the message')
    .option('--alpha-file <file>', 'the message, its bytes as they are; - for standard input')
    .option('--suite <name>', 'see docs/vrf.md', DEFAULT_SUITE)
    .option('--json', 'print one JSON document with suite, public key, proof and output');
  withExitAction(command, (flags: Flags) => prove(flags, surroundings));
};

async function prove(flags: Flags, surroundings: Surroundings): Promise<number> {
  const { suite, key, alpha: hex, alphaFile: file } = flags;
  if (key === '-' && file === '-') throw new UsageError('--key and --alpha-file must not both be standard input');
  const { vrfProve, vrfPublicKey, vrfVerify } = await import('@caisson/vrf');
  const message = { name: '--alpha', hex, file, maxBytes: MAX_ALPHA_BYTES, mayBeHex: false };
  const alpha = await readBytesOption(message, surroundings);
  const secretKey = await readSecretKey(key, surroundings);
  const proof = vrfProve({ suite, secretKey, alpha });
  const publicKey = vrfPublicKey({ suite, secretKey });
  secretKey.fill(0);
  // Also a check of the machine: a fault while a deterministic proof is made can give the key away.
  const beta = vrfVerify({ suite, publicKey, alpha, proof });
  const document = { v: 1, suite, publicKey: toHex(publicKey), proof: toHex(proof), beta: toHex(beta) };
  surroundings.stdout.write(flags.json ? `${JSON.stringify(document)}\n` : `${document.proof}\n`);
  return EXIT_OK;
}
