// `caisson sign-eif`: nitro-cli's name, flags, words and JSON for signing an image that is there (docs/sign.md).
import { readSigner } from '../signing-argument.ts';
import type { RegisterCommand } from '../surroundings.ts';

interface Flags {
  readonly eifPath: string;
  readonly signingCertificate: string;
  readonly privateKey: string;
}

export const register: RegisterCommand = (program, surroundings) => {
  program
    .command('sign-eif')
    .description('sign an image, in place, or replace its signature')
    .requiredOption('--eif-path <file>', 'the image')
    .requiredOption('--signing-certificate <file>', 'a certificate as PEM')
    .requiredOption('--private-key <file>', 'its key as PEM; a passphrase stands in CAISSON_KEY_PASSPHRASE')
    .action(async ({ eifPath, signingCertificate, privateKey }: Flags) => {
      const { NITRO_HASH_ALGORITHM, signImage } = await import('@caisson/host/image');
      const signer = await readSigner(privateKey, signingCertificate, surroundings);
      const pcrs = await signImage(eifPath, signer);
      surroundings.stderr.write('Enclave Image successfully signed.\n');
      const Measurements = { HashAlgorithm: NITRO_HASH_ALGORITHM, ...pcrs };
      surroundings.stdout.write(`${JSON.stringify({ Measurements }, undefined, 2)}\n`);
    });
};
