// `pipeline`: the command lines that people have, over proven sessions: run, send-file, recv-file, send-dir, recv-dir, listen.
import type { Command } from 'commander';
import { withExitAction } from '../exit-action.ts';
import { EXIT_OK, UsageError } from '../exit-code.ts';
import type { PipelineToolFlags } from '../pipeline-tool.ts';
import type { RegisterCommand, Surroundings } from '../surroundings.ts';

interface RunFlags extends PipelineToolFlags {
  readonly wait: boolean;
  readonly command?: string;
}

interface CopyFlags extends PipelineToolFlags {
  readonly localpath?: string;
  readonly remotepath?: string;
  readonly localdir?: string;
  readonly remotedir?: string;
}

export const register: RegisterCommand = (program, surroundings) => {
  // `-p` is a cat here and `-c` the config of the whole tool: they stand before the command.
  program.enablePositionalOptions();
  program
    .option('-c, --config <file>', 'default ./.config/pipeline.config.{toml,yaml,yml}, then /etc/pipeline/config.*')
    .option('-g, --george', 'a cat')
    .option('-p, --pascal', 'another cat');
  withExitAction(program, async () => showCat(program, surroundings));
  const listen = program.command('listen').description('inside an enclave: say that operators are served, or why not');
  withExitAction(listen.requiredOption('--port <port>', 'vsock port'), async ({ port }: { port: string }) => {
    const { runPipelineListen } = await import('@caisson/enclave/main/pipeline');
    if (!/^[0-9]{1,10}$/.test(port)) throw new UsageError(`--port must be a vsock port, got ${port}`);
    await runPipelineListen(Number(port), surroundings);
    return EXIT_OK;
  });
  const run = program
    .command('run [words...]')
    .description('run a command: pipeline run --cid 16 --port 53000 -- ls -la /')
    .option('--command <line>', 'instead of words: split as a shell would, but run by none')
    .option('--no-wait', 'leave it running as a job and print its name');
  withExitAction(withTool(run), async (words: readonly string[], flags: RunFlags) => {
    const { runTool, wordsOf } = await import('../pipeline-tool.ts');
    return runTool(flags, program.opts(), surroundings, {
      kind: 'run',
      argv: wordsOf(words, flags.command),
      wait: flags.wait,
    });
  });
  registerCopy(program, surroundings, 'send-file', 'in', 'path');
  registerCopy(program, surroundings, 'recv-file', 'out', 'path');
  registerCopy(program, surroundings, 'send-dir', 'in', 'dir');
  registerCopy(program, surroundings, 'recv-dir', 'out', 'dir');
};

function registerCopy(
  program: Command,
  surroundings: Surroundings,
  name: string,
  direction: 'in' | 'out',
  what: 'path' | 'dir',
): void {
  const [verb, thing] = [direction === 'in' ? 'send' : 'receive', what === 'path' ? 'a file' : 'a folder'];
  const command = program
    .command(`${name} [local] [remote]`)
    .description(`${verb} ${thing}`)
    .option(`--local${what} <path>`, 'here')
    .option(`--remote${what} <path>`, 'in the enclave');
  withExitAction(withTool(command), async (local: string | undefined, remote: string | undefined, flags: CopyFlags) => {
    const [localFlag, remoteFlag] =
      what === 'path' ? [flags.localpath, flags.remotepath] : [flags.localdir, flags.remotedir];
    const sides = sidesOf([local, remote], [localFlag, remoteFlag], what);
    const { runTool } = await import('../pipeline-tool.ts');
    return runTool(flags, program.opts(), surroundings, {
      kind: 'copy',
      direction,
      ...sides,
      recursive: what === 'dir',
    });
  });
}

function sidesOf(
  words: readonly (string | undefined)[],
  flags: readonly (string | undefined)[],
  what: string,
): { readonly local: string; readonly remote: string } {
  const [local, remote] = words[0] === undefined ? flags : words;
  const isMixed = words[0] !== undefined && flags.some((flag) => flag !== undefined);
  if (local !== undefined && remote !== undefined && !isMixed) return { local, remote };
  throw new UsageError(`give LOCAL and REMOTE, or --local${what} and --remote${what}`);
}

function withTool(command: Command): Command {
  return command
    .option('--cid <cid>', 'the enclave; default 127')
    .option('--port <port>', 'its control port; default 53000')
    .option('--key <name>', "an operator's key, by name or path")
    .option('--policy <file>', 'what the enclave must be');
}

async function showCat(program: Command, { stdout, stderr }: Surroundings): Promise<number> {
  const { george, pascal } = program.opts<{ george?: true; pascal?: true }>();
  const { cats } = await import('../cat.ts');
  if (george === true) stdout.write(cats.george);
  else if (pascal === true) stdout.write(cats.pascal);
  else {
    stderr.write(program.helpInformation());
    throw new UsageError('a command is missing');
  }
  return EXIT_OK;
}
