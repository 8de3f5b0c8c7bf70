// `initctl`, and the same commands in `caisson service`: the supervisor's services, processes and logs. The commands are data of the link. Inside an
// enclave they go to the supervisor's socket; with --enclave or -p vsock over the control channel, with an operator's key.
import {
  type InitctlCommand,
  type InitctlConfig,
  type InitctlOption,
  type InitctlValues,
  initctlCommands,
  initctlJsonOption,
  initctlOptions,
} from '@caisson/link/init/initctl';
import type { Command } from 'commander';
import {
  type ApproverFlags,
  type ControlFlags,
  openControlSession,
  readApprovers,
  withApproverFlag,
  withControlFlags,
} from '../control-flag.ts';
import { withExitAction } from '../exit-action.ts';
import { UsageError } from '../exit-code.ts';
import type { RegisterCommand, Surroundings } from '../surroundings.ts';

export const register: RegisterCommand = (program, surroundings) => {
  // A command's own -s is not the tool's; whoever reads the words before must leave them in their order.
  for (let tree: Command | null = program; tree !== null; tree = tree.parent) tree.enablePositionalOptions();
  for (const option of [...initctlOptions, initctlJsonOption]) addOption(program, option);
  program.option('-e, --enclave <name>', 'over the control channel: an enclave by name or CID');
  withApproverFlag(withControlFlags(program));
  const groups = new Map<string, Command>();
  for (const command of initctlCommands) {
    const [first = '', second] = command.words.split(' ');
    if (second === undefined) {
      add(program.command(first), command, program, surroundings);
      continue;
    }
    const group = groups.get(first) ?? program.command(first).description('processes').enablePositionalOptions();
    groups.set(first, group);
    add(group.command(second), command, program, surroundings);
  }
};

function add(leaf: Command, command: InitctlCommand, tool: Command, surroundings: Surroundings): void {
  leaf.description(command.about);
  if (command.alias !== undefined) leaf.alias(command.alias);
  const isOptional = command.whole !== undefined;
  for (const { name, about, rest } of command.args) {
    const more = isOptional ? `${about}; without one, the whole enclave (with --enclave or -p vsock)` : about;
    leaf.argument(rest ? `[${name}...]` : isOptional ? `[${name}]` : `<${name}>`, more);
  }
  if (command.args.some(({ rest }) => rest)) leaf.passThroughOptions();
  for (const option of [...command.options, initctlJsonOption]) addOption(leaf, option);
  withExitAction(leaf, () => {
    const args = leaf.processedArgs.flat().filter((word) => word !== undefined) as string[];
    return control(command, args, named(leaf, command.options), tool, {
      ...surroundings,
      json: leaf.opts()['json'] === true || tool.opts()['json'] === true,
    });
  });
}

function addOption(command: Command, { name, short, value, multiple, about }: InitctlOption): void {
  const flags = `${short === undefined ? '' : `-${short}, `}--${name}${value === undefined ? '' : ` <${value}>`}`;
  if (multiple) command.option(flags, about, (word: string, words: readonly string[]) => [...words, word], []);
  else command.option(flags, about);
}

interface ToolFlags extends ControlFlags, ApproverFlags {
  readonly enclave?: string;
}

async function control(
  command: InitctlCommand,
  args: readonly string[],
  values: InitctlValues,
  tool: Command,
  { json, ...surroundings }: Surroundings & { readonly json: boolean },
): Promise<number> {
  const { readInitctlConfig } = await import('@caisson/host/service');
  const { chooseProtocol } = await import('@caisson/link/init/initctl');
  const [toolValues, flags] = [named(tool, initctlOptions), tool.opts<ToolFlags>()];
  const file = toolValues['config'] ?? surroundings.env['INITCTL_CONFIG'];
  const config = await readInitctlConfig(file === undefined ? undefined : String(file));
  const isOutside = flags.enclave !== undefined || chooseProtocol(toolValues, config) === 'vsock';
  const plan = planned(command, args, values, isOutside);
  if (!isOutside) {
    const { controlSupervisor } = await import('@caisson/enclave/main/initctl');
    return controlSupervisor({ plan, values: toolValues, json, config }, surroundings);
  }
  const { createWriteStream } = await import('node:fs');
  const { createControlInitClient } = await import('@caisson/link/control');
  const { runInitctl } = await import('@caisson/link/init/initctl');
  const { enclave, port } = addressOf(flags, toolValues, config);
  const approvers = await readApprovers(flags, surroundings);
  // Opened first: what is wrong with a policy or a proof has an exit code of its own.
  const session = await openControlSession(enclave, { ...flags, port }, surroundings);
  const { stdout, stderr, stop } = surroundings;
  return runInitctl(plan, {
    stdout,
    stderr,
    stop,
    json,
    connect: async () => createControlInitClient(session, approvers),
    openOutput: (path) => createWriteStream(path, { flags: 'a', mode: 0o600 }),
  });
}

/** Given by the reference: --vsock-cid and --vsock-port, or the same in the config file. */
function addressOf({ enclave }: ToolFlags, values: InitctlValues, config: InitctlConfig) {
  const [cid, port] = [values['vsock-cid'] ?? config.vsock_cid, values['vsock-port'] ?? config.vsock_port];
  const whom = enclave ?? (cid === undefined ? undefined : String(cid));
  if (whom === undefined)
    throw new UsageError('-p vsock must be told which enclave: --enclave NAME or --vsock-cid CID');
  if (port === undefined) return { enclave: whom, port: undefined };
  if (/^[0-9]{1,10}$/.test(String(port))) return { enclave: whom, port: Number(port) };
  throw new UsageError(`--vsock-port must be a vsock port, got ${String(port)}`);
}

function planned(command: InitctlCommand, args: readonly string[], values: InitctlValues, isOutside: boolean) {
  if (command.whole !== undefined && args.length === 0) {
    // Inside, a word forgotten must not end the enclave.
    if (!isOutside) throw new UsageError(`${command.words} must name a service`, 'initctl shutdown ends the enclave');
    return { calls: [{ method: command.whole }] };
  }
  try {
    return command.plan(args, values);
  } catch (error) {
    throw error instanceof Error && 'code' in error && error.code === 'INITCTL_USAGE'
      ? new UsageError(error.message)
      : error;
  }
}

/** By their long names: commander keeps `listenCid` for `--listen-cid`. */
function named(command: Command, options: readonly InitctlOption[]): InitctlValues {
  const values = command.opts<Record<string, string | boolean | readonly string[]>>();
  const key = (name: string): string => name.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
  return Object.fromEntries(options.map(({ name }) => [name, values[key(name)]]));
}
