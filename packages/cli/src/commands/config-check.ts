// `caisson config check`: every fault of a config with its path, before an enclave meets it.
import { withExitAction } from '../exit-action.ts';
import { EXIT_FAILED, EXIT_OK, UsageError } from '../exit-code.ts';
import { harmlessText } from '../harmless.ts';
import type { RegisterCommand, Surroundings } from '../surroundings.ts';

interface Flags {
  readonly mode?: string;
  readonly schema?: string;
  readonly json?: true;
  readonly allowMetadata?: true;
}

export const registerConfigCheck: RegisterCommand = (config, surroundings) => {
  const command = config
    .command('check <file>')
    .description('list every fault of a config; exit 0 when there is none, else 1')
    .option('--mode <mode>', 'host or enclave: each needs its own ports')
    .option('--schema <file>', 'the image’s schema: judge the config as an enclave of that image will')
    .option('--allow-metadata', 'let endpoints name services that hand out the machine’s credentials')
    .option('--json', 'print one JSON document');
  withExitAction(command, (file: string, flags: Flags) => check(file, flags, surroundings));
};

async function check(file: string, flags: Flags, { stdout }: Surroundings): Promise<number> {
  const { mode, schema, json, allowMetadata = false } = flags;
  if (mode !== undefined && mode !== 'host' && mode !== 'enclave') {
    throw new UsageError(`--mode must be host or enclave, got ${mode}`);
  }
  if (mode === undefined && schema === undefined) throw new UsageError('give --mode, --schema or both');
  const { checkArgonautConfig, checkAgainstSchemaText } = await import('@caisson/core/config');
  const { MAX_CONFIG_BYTES, MAX_SCHEMA_BYTES } = await import('@caisson/core/config');
  const { readBoundedFile } = await import('@caisson/link/argonaut');
  const bytes = await readBoundedFile(file, { maxBytes: MAX_CONFIG_BYTES, what: `config file ${file}` });
  const result = mode === undefined ? undefined : checkArgonautConfig(bytes, mode, { allowMetadata });
  const shape =
    schema === undefined
      ? []
      : checkAgainstSchemaText(
          await readBoundedFile(schema, { maxBytes: MAX_SCHEMA_BYTES, what: `schema file ${schema}` }),
          bytes,
        );
  const faults = [...(result !== undefined && 'faults' in result ? result.faults : []), ...shape];
  const warnings = result !== undefined && 'config' in result ? result.config.warnings : [];
  const ok = faults.length === 0;
  if (json) stdout.write(`${JSON.stringify({ v: 1, mode: mode ?? null, ok, faults, warnings })}\n`);
  else {
    for (const { message } of faults) stdout.write(`${harmlessText(message)}\n`);
    for (const warning of warnings) stdout.write(`warning: ${warning}\n`);
    if (ok) stdout.write(`ok: ${file} is ${mode === undefined ? `a config of ${schema}` : `a ${mode} config`}\n`);
  }
  return ok ? EXIT_OK : EXIT_FAILED;
}
