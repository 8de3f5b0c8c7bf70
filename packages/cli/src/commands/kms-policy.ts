// `caisson kms policy`: the key policy for an image, ready for `aws kms put-key-policy`.

import { withExitAction } from '../exit-action.ts';
import { EXIT_OK } from '../exit-code.ts';
import { collectPcr } from '../nsm-argument.ts';
import { collect } from '../repeatable.ts';
import type { RegisterCommand, Surroundings } from '../surroundings.ts';

interface Flags {
  readonly eif: readonly string[];
  readonly role: string;
  readonly admin?: string;
  readonly pcr: Readonly<Record<number, string>>;
}

export const registerKmsPolicy: RegisterCommand = (kms, surroundings) => {
  const command = kms
    .command('policy')
    .description('print a key policy that gives plaintext to these images only')
    .requiredOption('--eif <file>', 'an image that may use the key; again for each of a roll-out', collect)
    .requiredOption('--role <arn>', 'the role whose credentials the enclave uses')
    .option('--admin <arn>', 'role or user that looks after the key (default: whom the account’s IAM lets)')
    .option(
      '--pcr <n=hex>',
      'another register to pin, 3 to 31: 3 parent role, 8 signer, 16 boot config',
      collectPcr,
      {},
    );
  withExitAction(command, (flags: Flags) => write(flags, surroundings));
};

async function write({ eif, role, admin, pcr }: Flags, { stdout }: Surroundings): Promise<number> {
  const { createKeyPolicy, readKeyPolicyImage } = await import('@caisson/host/kms');
  const images = [];
  for (const file of eif) images.push(await readKeyPolicyImage(file));
  const policy = createKeyPolicy({ images, role, pcrs: pcr, ...(admin !== undefined && { admin }) });
  stdout.write(`${JSON.stringify(policy, undefined, 2)}\n`);
  return EXIT_OK;
}
