// `caisson doctor`: what this machine lacks, why it matters, one command for each; and `--plan`, an allocator.yaml for a caisson.yaml.
import { CaissonError } from '@caisson/core/errors';
import type { BackendKind } from '@caisson/host/backend';
import { Option } from 'commander';
import { examinationFacts, planFacts, writeExamination, writePlan } from '../doctor-report.ts';
import { readEnvFile } from '../env-file.ts';
import { withExitAction } from '../exit-action.ts';
import { EXIT_FAILED, EXIT_OK, UsageError } from '../exit-code.ts';
import { jsonText } from '../json-text.ts';
import type { RegisterCommand, Surroundings } from '../surroundings.ts';

interface Flags {
  readonly backend?: BackendKind;
  readonly file?: string;
  readonly envFile?: string;
  readonly only?: string;
  readonly plan?: string;
  readonly verbose?: true;
  readonly json?: true;
}

export const register: RegisterCommand = (program, surroundings) => {
  const command = program
    .command('doctor')
    .description('say what this machine lacks to run enclaves; exit 0 when the backend (default: any) can run, else 1')
    .addOption(new Option('--backend <kind>', 'that this machine is meant for').choices(['sim', 'qemu', 'nitro']))
    .option('-f, --file <file>', 'hold its enclaves against this machine (default: caisson.yaml, where there is one)')
    .option('--env-file <file>', 'variables of it, after those of the environment')
    .option('--only <ids>', 'checks, separated by commas')
    .option('--plan <file>', 'print an allocator.yaml for its enclaves instead')
    .option('--verbose', 'also what is well, one line each')
    .option('--json', 'print one JSON document');
  withExitAction(command, (flags: Flags) => doctor(flags, surroundings));
};

async function doctor(flags: Flags, surroundings: Surroundings): Promise<number> {
  const { examine, lookHere, planAllocator } = await import('@caisson/host/doctor');
  const { stdout, stderr, env } = surroundings;
  const { backend, json, verbose = false } = flags;
  const only = flags.only?.split(',').map((id) => id.trim());
  const variables = { ...readEnvFile(flags.envFile), ...env };
  const ground = await lookHere({ env, backend, file: flags.plan ?? flags.file, variables });
  if (flags.plan !== undefined) {
    const plan = planAllocator(ground, flags.plan);
    if (json) stdout.write(`${jsonText(planFacts(plan))}\n`);
    else writePlan(plan, stdout, stderr);
    return EXIT_OK;
  }
  const found = await examine(ground, only === undefined ? {} : { only }).catch((error: unknown) => {
    const isWord = error instanceof CaissonError && error.code === 'DOCTOR_CHECK';
    throw isWord ? new UsageError(error.message, error.hint) : error;
  });
  if (json) stdout.write(`${jsonText(examinationFacts(found, backend))}\n`);
  else writeExamination(found, { verbose: verbose || only !== undefined }, stdout);
  return found.isFit ? EXIT_OK : EXIT_FAILED;
}
