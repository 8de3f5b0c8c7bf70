// `caisson attest verify`: is this document genuine, and is it of the enclave I want?
import type { Command } from 'commander';
import { meansEnclave, withEnclaveFlags } from '../enclave-document.ts';
import { withExitAction } from '../exit-action.ts';
import { collectPcr } from '../nsm-argument.ts';
import { collect } from '../repeatable.ts';
import type { Surroundings } from '../surroundings.ts';
import { enclaveFlagsOf, type VerifyFlags, verifyEnclave, verifyFile } from '../verify-session.ts';

export function registerAttestVerify(attest: Command, surroundings: Surroundings): void {
  const command = attest
    .command('verify <document>')
    .description(
      'verify a document (a file in binary, hex or base64; - is standard input; or the name of an enclave that runs here, which is asked for one); exit 2 when it does not hold',
    )
    .option('--root <pem>', 'trust this root instead of AWS’s; repeatable', collect)
    .option('--at <unix>', 'the moment to verify for, unix seconds; default now')
    .option(
      '--policy <file>',
      'what the enclave must be (docs/policy.md); of an enclave by name default as for every command',
    )
    .option('--no-policy', 'ask only whether it is genuine: nothing pins the image')
    .option('--pcr <n=hex>', 'the PCR must have this value; repeatable', collectPcr, {})
    .option('--nonce <hex>', 'the nonce it must carry')
    .option('--user-data <hex>', 'the user_data it must carry')
    .option('--public-key <hex>', 'the public_key it must carry')
    .option('--max-age <seconds>', 'refuse an older document')
    .option('--allow-debug', 'accept an enclave in debug mode')
    .option('--strict', 'refuse fields that this version does not know')
    .option('--json', 'print one JSON document');
  withExitAction(withEnclaveFlags(command), async (word: string, flags: VerifyFlags) =>
    (await meansEnclave(word, enclaveFlagsOf(flags), surroundings))
      ? await verifyEnclave(word, flags, surroundings)
      : await verifyFile(word, flags, surroundings),
  );
}
