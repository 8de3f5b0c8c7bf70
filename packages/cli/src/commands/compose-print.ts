// `caisson compose print`: a caisson.yaml, or a file of another tool, as the caisson.yaml that it comes to.
import { readEnvFile } from '../env-file.ts';
import type { RegisterCommand, Surroundings } from '../surroundings.ts';

interface Flags {
  readonly file: string;
  readonly envFile?: string;
  readonly json?: true;
}

export const registerComposePrint: RegisterCommand = (compose, surroundings) => {
  compose
    .command('print')
    .description('print a caisson.yaml with variables and short forms resolved; in a boot config variables stay names')
    .option(
      '-f, --file <file>',
      'caisson.yaml, an engine file, or JSON of nitro-cli run-enclave; -: stdin',
      'caisson.yaml',
    )
    .option('--env-file <file>', 'variables, after those of the environment')
    .option('--json', 'print one JSON document')
    .action((flags: Flags) => print(flags, surroundings));
};

async function print({ file, envFile, json }: Flags, { stdin, stdout, stderr, env }: Surroundings): Promise<void> {
  const { formatCompose, parseCompose, readComposeText, resolveCompose } = await import('@caisson/host/compose');
  const text = await readComposeText(file, { stdin });
  const compose = parseCompose(text, file, { variables: { ...readEnvFile(envFile), ...env } });
  const { form, notes } = compose;
  if (json) {
    stdout.write(`${JSON.stringify({ v: 1, file, form, notes, enclaves: resolveCompose(compose, text) })}\n`);
    return;
  }
  for (const note of notes) stderr.write(`note: ${note}\n`);
  stdout.write(formatCompose(compose, text));
}
