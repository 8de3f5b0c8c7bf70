// `caisson attest document`: asks the NSM for a document that answers a challenge. The same as `nsm attest`, with the nonce required: a document
// without one answers nobody.
import type { Command } from 'commander';
import type { Surroundings } from '../surroundings.ts';
import { type AttestFlags, askForDocument } from './nsm-attest.ts';

export function registerAttestDocument(attest: Command, surroundings: Surroundings): void {
  attest
    .command('document')
    .description('ask the NSM (CAISSON_NSM) for a document that answers a challenge')
    .requiredOption('--nonce <hex>', 'the challenge')
    .requiredOption('--out <file>', 'where to write the document')
    .option('--user-data <hex>', 'what the document shall say besides')
    .option('--public-key <hex>', 'a key that the document shall vouch for')
    .option('--json', 'print one JSON document')
    .action((flags: AttestFlags) => askForDocument(flags, surroundings));
}
