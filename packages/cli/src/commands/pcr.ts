// `caisson pcr`: nitro-cli's name, flags and JSON for the register that a file or a signing certificate gives.

import { UsageError } from '../exit-code.ts';
import type { RegisterCommand, Surroundings } from '../surroundings.ts';

interface Flags {
  readonly input?: string;
  readonly signingCertificate?: string;
}

// Chosen: a certificate has some two KiB, its words of `openssl x509 -text` as many.
const maxCertificateBytes = 65_536;

export const register: RegisterCommand = (program, surroundings) => {
  program
    .command('pcr')
    .description('print the register that holds only this file, or PCR8 of images signed with this certificate')
    .option('--input <file>', 'any file')
    .option('--signing-certificate <file>', 'a certificate as PEM')
    .action((flags: Flags) => print(flags, surroundings));
};

async function print({ input, signingCertificate }: Flags, { stdout }: Surroundings): Promise<void> {
  if ((input === undefined) === (signingCertificate === undefined)) {
    throw new UsageError('give either --input or --signing-certificate');
  }
  const { measureCertificate, measureFile } = await import('@caisson/host/image');
  const { readBoundedFile } = await import('@caisson/link/argonaut');
  const register = async (): Promise<object> => {
    if (input !== undefined) return { PCR: await measureFile(input) };
    const what = `signing certificate ${signingCertificate!}`;
    const pem = await readBoundedFile(signingCertificate!, { maxBytes: maxCertificateBytes, what });
    return { PCR8: await measureCertificate(pem) };
  };
  stdout.write(`${JSON.stringify(await register(), undefined, 2)}\n`);
}
