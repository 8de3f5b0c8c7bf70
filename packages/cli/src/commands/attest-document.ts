// `caisson attest document`: a document that answers a challenge, from the NSM or from an enclave that runs here. The nonce is required: a document
// without one answers nobody.
import type { Command } from 'commander';
import {
  askEnclave,
  type EnclaveFlags,
  fieldsOfEnclave,
  refuseEnclaveFlags,
  withEnclaveFlags,
} from '../enclave-document.ts';
import { UsageError } from '../exit-code.ts';
import type { Surroundings } from '../surroundings.ts';
import { type AttestFlags, askForDocument, keepDocument } from './nsm-attest.ts';

type Flags = AttestFlags & EnclaveFlags & { readonly nonce: string };

export function registerAttestDocument(attest: Command, surroundings: Surroundings): void {
  const command = attest
    .command('document [enclave]')
    .description('ask the NSM (CAISSON_NSM), or an enclave that runs here, for a document that answers a challenge')
    .requiredOption('--nonce <hex>', 'the challenge; to an enclave 32 bytes')
    .requiredOption('--out <file>', 'where to write the document')
    .option('--user-data <hex>', 'of the NSM: what the document shall say besides')
    .option('--public-key <hex>', 'of the NSM: a key that the document shall vouch for')
    .option('--policy <file>', 'of an enclave: what it must be; default as for every command')
    .option('--json', 'print one JSON document');
  withEnclaveFlags(command).action(async (enclave: string | undefined, flags: Flags) => {
    if (enclave !== undefined) {
      const nonce = fieldsOfEnclave(enclave, flags);
      const { document } = await askEnclave(enclave, flags, surroundings, { nonce });
      return await keepDocument(document, flags, surroundings);
    }
    refuseEnclaveFlags(flags, 'the NSM');
    if (flags.policy !== undefined || flags.via !== undefined)
      throw new UsageError('--policy and --via must stand with an enclave, got none');
    await askForDocument(flags, surroundings);
  });
}
