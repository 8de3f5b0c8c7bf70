// `caisson down`: ends enclaves and removes what `up` made for them (docs/run.md).
import { existsSync } from 'node:fs';
import type { DownCommand } from '@caisson/host/engine';
import { showEnd } from '../end-report.ts';
import { openEngine, parseWait } from '../engine-session.ts';
import { readEnvFile } from '../env-file.ts';
import { withExitAction } from '../exit-action.ts';
import { UsageError } from '../exit-code.ts';
import type { RegisterCommand, Surroundings } from '../surroundings.ts';

interface Flags {
  readonly file?: string;
  readonly envFile?: string;
  readonly all?: true;
  readonly time?: string;
  readonly images?: true;
  readonly json?: true;
}

const standardFile = 'caisson.yaml';

export const register: RegisterCommand = (program, surroundings) => {
  const command = program
    .command('down [names...]')
    .description('end the enclaves of a caisson.yaml, or named ones, and remove their records')
    .option('-f, --file <file>', 'caisson.yaml; default the one here')
    .option('--env-file <file>', 'variables, after those of the environment')
    .option('--all', 'every enclave of this host that has a record')
    .option('-t, --time <duration>', 'to end by themselves; then they are ended')
    .option('--images', 'the images that up built go too')
    .option('--json', 'print one JSON document');
  withExitAction(command, (names: readonly string[], flags: Flags) => down(names, flags, surroundings));
};

async function down(names: readonly string[], flags: Flags, surroundings: Surroundings): Promise<number> {
  const which = chosen(names, flags, surroundings);
  const graceMs = await parseWait('--time', flags.time);
  const engine = await openEngine(surroundings);
  const images = flags.images === true;
  const result = await engine.execute({ verb: 'down', which, images, ...(graceMs !== undefined && { graceMs }) });
  return showEnd(result, flags.json === true, surroundings);
}

function chosen(names: readonly string[], { file, all, envFile }: Flags, { env }: Surroundings): DownCommand['which'] {
  if ([names.length > 0, file !== undefined, all === true].filter(Boolean).length > 1)
    throw new UsageError('give names, -f FILE or --all, and only one of them');
  if (all === true) return { kind: 'all' };
  if (names.length > 0) return { kind: 'names', names };
  if (file === undefined && !existsSync(standardFile))
    throw new UsageError('give names, -f FILE or --all where there is no caisson.yaml', 'caisson ps shows what runs');
  return { kind: 'file', file: file ?? standardFile, variables: { ...readEnvFile(envFile), ...env } };
}
