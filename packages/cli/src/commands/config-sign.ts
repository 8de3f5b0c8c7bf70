// `caisson config sign`: a boot config under an operator's key, for an image, a version and a last day.

import { withExitAction } from '../exit-action.ts';
import { EXIT_OK, UsageError } from '../exit-code.ts';
import { collect } from '../repeatable.ts';
import type { RegisterCommand, Surroundings } from '../surroundings.ts';
import { readTarget, type TargetFlags } from '../target-flag.ts';

interface Flags extends TargetFlags {
  readonly key: string;
  readonly configVersion: string;
  readonly validFor?: string;
  readonly notAfter?: string;
  readonly operators?: string;
  readonly output: string;
  readonly json?: true;
}

// Chosen: a list of 64 operators has a tenth of it.
const maxOperatorsBytes = 65_536;

export const registerConfigSign: RegisterCommand = (config, surroundings) => {
  const command = config
    .command('sign <file>')
    .description('sign a boot config for images that require it')
    .requiredOption('--key <pem>', 'Ed25519 private key (PKCS#8, mode 0600) that the image lists')
    .requiredOption('--config-version <n>', 'whole number; images refuse less than their minimum')
    .option('--valid-for <duration>', 'from now, like 720h')
    .option('--not-after <seconds>', 'the same as unix seconds')
    .option('--eif <file>', 'an image that may take it; repeatable', collect)
    .option('--pcr0 <hex>', 'the same by PCR0; repeatable', collect)
    .option('--label <text>', 'every image that measures this label, instead of images by PCR0')
    .option('--operators <file>', 'an operator list signed by the image’s root key, to go with it')
    .requiredOption('-o, --output <file>', 'where the signed config goes')
    .option('--json', 'print one JSON document');
  withExitAction(command, (file: string, flags: Flags) => sign(file, flags, surroundings));
};

async function sign(file: string, flags: Flags, { stdout }: Surroundings): Promise<number> {
  const { MAX_CONFIG_BYTES } = await import('@caisson/core/config');
  const { readBoundedFile } = await import('@caisson/link/argonaut');
  const { readConfigSigningKey, signBootConfig } = await import('@caisson/host/boot-config');
  const version = wholeNumber('--config-version', flags.configVersion);
  const notAfter = await readNotAfter(flags);
  const target = await readTarget(flags);
  const config = await readBoundedFile(file, { maxBytes: MAX_CONFIG_BYTES, what: `config file ${file}` });
  const { operators: list } = flags;
  const operators =
    list === undefined
      ? null
      : await readBoundedFile(list, { maxBytes: maxOperatorsBytes, what: `operator list ${list}` });
  const key = await readConfigSigningKey(flags.key);
  const signed = await signBootConfig({ version, notAfter, target, config, operators }, key);
  const { replaceFile } = await import('@caisson/host/file');
  await replaceFile(flags.output, (file) => file.writeFile(signed.bytes));
  const { sha384, pcr16, keySha256 } = signed;
  const { output } = flags;
  stdout.write(
    flags.json
      ? `${JSON.stringify({ v: 1, file: output, bytes: signed.bytes.length, version, notAfter, sha384, pcr16, keySha256 })}\n`
      : [
          `signed ${file} as ${output} (${signed.bytes.length} bytes)`,
          `  version    ${version}`,
          `  not after  ${new Date(notAfter * 1_000).toISOString()}`,
          `  key        sha256 ${keySha256}`,
          `  sha384     ${sha384}`,
          `  PCR16      ${pcr16}`,
          '',
        ].join('\n'),
  );
  return EXIT_OK;
}

async function readNotAfter({ validFor, notAfter }: Flags): Promise<number> {
  if ((validFor === undefined) === (notAfter === undefined))
    throw new UsageError('give either --valid-for or --not-after');
  if (notAfter !== undefined) return wholeNumber('--not-after', notAfter);
  const { parseDuration } = await import('@caisson/core/config');
  let ms: number;
  try {
    ms = parseDuration(validFor!, '--valid-for');
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
  if (ms < 1_000) throw new UsageError(`--valid-for must be at least 1s, got ${validFor}`);
  return wholeNumber('--valid-for', String(Math.floor((Date.now() + ms) / 1_000)));
}

/** Below the last second of the year 9999, after which nothing is dated. */
function wholeNumber(name: string, text: string): number {
  if (/^[0-9]{1,12}$/.test(text) && Number(text) <= 253_402_300_799) return Number(text);
  throw new UsageError(`${name} must be an integer in 0..253402300799, got ${text}`);
}
