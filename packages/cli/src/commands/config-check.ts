// `caisson config check`: every fault of a config with its path, before an enclave meets it.
import { withExitAction } from '../exit-action.ts';
import { EXIT_FAILED, EXIT_OK, UsageError } from '../exit-code.ts';
import type { RegisterCommand, Surroundings } from '../surroundings.ts';

interface Flags {
  readonly mode: string;
  readonly json?: true;
  readonly allowMetadata?: true;
}

export const registerConfigCheck: RegisterCommand = (config, surroundings) => {
  const command = config
    .command('check <file>')
    .description('list every fault of a config; exit 0 when there is none, else 1')
    .requiredOption('--mode <mode>', 'host or enclave: each needs its own ports')
    .option('--allow-metadata', 'let endpoints name services that hand out the machine’s credentials')
    .option('--json', 'print one JSON document');
  withExitAction(command, (file: string, flags: Flags) => check(file, flags, surroundings));
};

async function check(file: string, { mode, json, allowMetadata }: Flags, { stdout }: Surroundings): Promise<number> {
  if (mode !== 'host' && mode !== 'enclave') throw new UsageError(`--mode must be host or enclave, got ${mode}`);
  const { checkArgonautConfig, MAX_CONFIG_BYTES } = await import('@caisson/core/config');
  const { readBoundedFile } = await import('@caisson/link/argonaut');
  const bytes = await readBoundedFile(file, { maxBytes: MAX_CONFIG_BYTES, what: `config file ${file}` });
  const result = checkArgonautConfig(bytes, mode, { allowMetadata: allowMetadata ?? false });
  const faults = 'faults' in result ? result.faults : [];
  const warnings = 'config' in result ? result.config.warnings : [];
  if (json) stdout.write(`${JSON.stringify({ v: 1, mode, ok: faults.length === 0, faults, warnings })}\n`);
  else {
    for (const { message } of faults) stdout.write(`${message}\n`);
    for (const warning of warnings) stdout.write(`warning: ${warning}\n`);
    if (faults.length === 0) stdout.write(`ok: ${file} is a ${mode} config\n`);
  }
  return faults.length === 0 ? EXIT_OK : EXIT_FAILED;
}
