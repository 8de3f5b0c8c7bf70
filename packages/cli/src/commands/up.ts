// `caisson up`: from caisson.yaml to enclaves that are ready and proven (docs/run.md).
import { existsSync } from 'node:fs';
import type { UpCommand } from '@caisson/host/engine';
import { Option } from 'commander';
import { openEngine, parseWait } from '../engine-session.ts';
import { readEnvFile } from '../env-file.ts';
import { withExitAction } from '../exit-action.ts';
import { UsageError } from '../exit-code.ts';
import type { RegisterCommand, Surroundings } from '../surroundings.ts';
import { showUp } from '../up-session.ts';

interface Flags {
  readonly file: string;
  readonly envFile?: string;
  readonly backend?: UpCommand['backend'];
  readonly timeout?: string;
  readonly detach?: true;
  readonly wait?: true;
  readonly json?: true;
}

const standardFile = 'caisson.yaml';

export const register: RegisterCommand = (program, surroundings) => {
  const command = program
    .command('up [names...]')
    .description('bring the enclaves of a caisson.yaml up to ready and proven, or say why not (docs/run.md)')
    .option('-f, --file <file>', 'caisson.yaml', standardFile)
    .option('--env-file <file>', 'variables, after those of the environment')
    .addOption(new Option('--backend <kind>', 'over the file’s').choices(['auto', 'nitro', 'qemu', 'sim']))
    .option('--timeout <duration>', 'of each enclave, until it is ready; over the file’s')
    .option('-w, --wait', 'wait until ready; it does anyway')
    .addOption(new Option('-d, --detach', 'return once they are started').conflicts('wait'))
    .option('--json', 'print one JSON document');
  withExitAction(command, (names: readonly string[], flags: Flags) => up(names, flags, surroundings));
};

async function up(names: readonly string[], flags: Flags, surroundings: Surroundings): Promise<number> {
  const { env, stop } = surroundings;
  if (flags.file === standardFile && !existsSync(standardFile)) {
    const hint = 'caisson init writes one, -f FILE names another, and caisson run IMAGE needs none';
    throw new UsageError('there is no caisson.yaml here', hint);
  }
  const timeoutMs = await parseWait('--timeout', flags.timeout);
  const engine = await openEngine(surroundings);
  const command: UpCommand = {
    verb: 'up',
    file: flags.file,
    names,
    detach: flags.detach === true,
    variables: { ...readEnvFile(flags.envFile), ...env },
    ...(flags.backend !== undefined && { backend: flags.backend }),
    ...(timeoutMs !== undefined && { timeoutMs }),
  };
  const { code } = await showUp(surroundings, flags.json === true, async (onEvent) => {
    return (await engine.execute(command, { onEvent, signal: stop })).enclaves;
  });
  return code;
}
