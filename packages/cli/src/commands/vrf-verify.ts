// `caisson vrf verify`: the output of a proof that holds; exit 2 for one that does not.
import { toHex } from '@caisson/core/bytes';
import { withExitAction } from '../exit-action.ts';
import { EXIT_OK, UsageError } from '../exit-code.ts';
import type { RegisterCommand, Surroundings } from '../surroundings.ts';
import { readBytesOption } from '../vrf-input.ts';
import { DEFAULT_SUITE, MAX_ALPHA_BYTES } from './vrf-prove.ts';

interface Flags {
  readonly suite: string;
  readonly mode: string;
  readonly publicKey?: string;
  readonly publicKeyFile?: string;
  readonly alpha?: string;
  readonly alphaFile?: string;
  readonly proof?: string;
  readonly proofFile?: string;
  readonly json?: true;
}

// Chosen: above every suite's, so that a wrong length is the verifier's to name.
const maxPointBytes = 512;
const maxProofBytes = 1024;

export const registerVrfVerify: RegisterCommand = (vrf, surroundings) => {
  const command = vrf
    .command('verify')
    .description('print the output of a proof that holds, as hex; exit 2 when it does not hold')
    .option('--public-key <hex>', 'compressed point')
    .option('--public-key-file <file>', 'the same, raw or hex')
    .option('--alpha <hex>', 'the message')
    .option('--alpha-file <file>', 'the message, its bytes as they are; - for standard input')
    .option('--proof <hex>', 'the proof')
    .option('--proof-file <file>', 'the same, raw or hex')
    .option('--suite <name>', 'see docs/vrf.md', DEFAULT_SUITE)
    .option('--mode <mode>', 'rfc9381, or draft05 for proofs of older Rust services', 'rfc9381')
    .option('--json', 'print one JSON document with suite, mode and output');
  withExitAction(command, (flags: Flags) => verify(flags, surroundings));
};

async function verify(flags: Flags, surroundings: Surroundings): Promise<number> {
  const { suite, mode } = flags;
  if (mode !== 'rfc9381' && mode !== 'draft05') {
    throw new UsageError(`--mode must be rfc9381 or draft05, got ${mode}`);
  }
  const read = (name: string, hex: string | undefined, file: string | undefined, maxBytes: number) =>
    readBytesOption({ name, hex, file, maxBytes, mayBeHex: name !== '--alpha' }, surroundings);
  const publicKey = await read('--public-key', flags.publicKey, flags.publicKeyFile, maxPointBytes);
  const proof = await read('--proof', flags.proof, flags.proofFile, maxProofBytes);
  const alpha = await read('--alpha', flags.alpha, flags.alphaFile, MAX_ALPHA_BYTES);
  const { vrfVerify } = await import('@caisson/vrf');
  const beta = toHex(vrfVerify({ suite, mode, publicKey, alpha, proof }));
  surroundings.stdout.write(flags.json ? `${JSON.stringify({ v: 1, suite, mode, beta })}\n` : `${beta}\n`);
  return EXIT_OK;
}
