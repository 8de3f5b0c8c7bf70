// `caisson compose check`: every fault of a caisson.yaml with its place, and of the files that it names; exit 1 for any.
import { readEnvFile } from '../env-file.ts';
import { withExitAction } from '../exit-action.ts';
import { EXIT_FAILED, EXIT_OK } from '../exit-code.ts';
import { harmlessText } from '../harmless.ts';
import type { RegisterCommand, Surroundings } from '../surroundings.ts';

interface Flags {
  readonly file: string;
  readonly envFile?: string;
  readonly json?: true;
}

export const registerComposeCheck: RegisterCommand = (compose, surroundings) => {
  const command = compose
    .command('check')
    .description('list every fault of a caisson.yaml and of the files that it names; exit 1 for any')
    .option(
      '-f, --file <file>',
      'caisson.yaml, an engine file, or JSON of nitro-cli run-enclave; -: stdin',
      'caisson.yaml',
    )
    .option('--env-file <file>', 'variables, after those of the environment')
    .option('--json', 'print one JSON document');
  withExitAction(command, (flags: Flags) => check(flags, surroundings));
};

async function check({ file, envFile, json }: Flags, { stdin, stdout, stderr, env }: Surroundings): Promise<number> {
  const { checkCompose } = await import('@caisson/host/compose');
  const { compose, faults } = await checkCompose(file, { variables: { ...readEnvFile(envFile), ...env }, stdin, env });
  const ok = faults.length === 0;
  const { enclaves, form = null, notes = [] } = compose ?? {};
  const names = [...(enclaves?.keys() ?? [])];
  if (json) {
    stdout.write(`${JSON.stringify({ v: 1, ok, file, form, enclaves: names, notes, faults })}\n`);
    return ok ? EXIT_OK : EXIT_FAILED;
  }
  for (const note of notes) stderr.write(`note: ${note}\n`);
  for (const { line, column, message } of faults) stdout.write(`${file}:${line}:${column}: ${harmlessText(message)}\n`);
  if (ok) stdout.write(`ok: ${names.join(', ')} in ${file}\n`);
  return ok ? EXIT_OK : EXIT_FAILED;
}
