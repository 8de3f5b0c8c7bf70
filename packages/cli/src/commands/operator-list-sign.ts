// `caisson operator list sign`: who may do what, for which images, for at most seven days, under the root key that those images measure.
import { withExitAction } from '../exit-action.ts';
import { EXIT_OK, UsageError } from '../exit-code.ts';
import { collect } from '../repeatable.ts';
import type { RegisterCommand, Surroundings } from '../surroundings.ts';
import { readTarget, type TargetFlags } from '../target-flag.ts';

interface Flags extends TargetFlags {
  readonly key: string;
  readonly listVersion: string;
  readonly validFor: string;
  readonly output: string;
  readonly json?: true;
}

export const registerOperatorListSign: RegisterCommand = (list, surroundings) => {
  const command = list
    .command('sign <file>')
    .description('sign a list of operators (YAML) for images that measure the root key')
    .requiredOption('--key <name>', 'the root key: an operator key by name, or a PEM file (mode 0600)')
    .requiredOption('--list-version <n>', 'whole number; an enclave takes only higher ones')
    .option('--valid-for <duration>', 'from now, at most 168h', '168h')
    .option('--eif <file>', 'an image that may take it; repeatable', collect)
    .option('--pcr0 <hex>', 'the same by PCR0; repeatable', collect)
    .option('--label <text>', 'every image that measures this label, instead of images by PCR0')
    .requiredOption('-o, --output <file>', 'where the signed list goes; config sign --operators takes it')
    .option('--json', 'print one JSON document');
  withExitAction(command, (file: string, flags: Flags) => sign(file, flags, surroundings));
};

async function sign(file: string, flags: Flags, { env, stdout }: Surroundings): Promise<number> {
  const { readOperatorKey, signListFile } = await import('@caisson/host/operator');
  const { replaceFile } = await import('@caisson/host/file');
  const version = /^[0-9]{1,15}$/.test(flags.listVersion) ? Number(flags.listVersion) : Number.NaN;
  if (Number.isNaN(version)) throw new UsageError(`--list-version must be a whole number, got ${flags.listVersion}`);
  const validForSeconds = await readSeconds(flags.validFor);
  const target = await readTarget(flags);
  const root = await readOperatorKey(flags.key, env, env['CAISSON_KEY_PASSPHRASE']);
  const { bytes, list } = await signListFile({ file, root, version, validForSeconds, target });
  const { output } = flags;
  await replaceFile(output, (handle) => handle.writeFile(bytes));
  const { notAfter, operators } = list;
  const names = operators.map(({ name }) => name);
  stdout.write(
    flags.json
      ? `${JSON.stringify({ v: 1, file: output, bytes: bytes.length, version, notAfter, operators: names, rootSha256: root.spkiSha256 })}\n`
      : `signed ${file} as ${output}: version ${version}, ${names.join(', ')}, until ${new Date(notAfter * 1_000).toISOString()}\n`,
  );
  return EXIT_OK;
}

async function readSeconds(text: string): Promise<number> {
  const { parseDuration } = await import('@caisson/core/config');
  const { MAX_LIST_SECONDS } = await import('@caisson/link/control');
  let seconds: number;
  try {
    seconds = Math.floor(parseDuration(text, '--valid-for') / 1_000);
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
  if (seconds >= 1 && seconds <= MAX_LIST_SECONDS) return seconds;
  throw new UsageError(`--valid-for must be 1s to ${MAX_LIST_SECONDS / 3_600}h, got ${text}`);
}
