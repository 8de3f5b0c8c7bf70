// `initctl`, and the same commands in `caisson service`: the supervisor's services, processes and logs. The commands are data of the link.
import {
  type InitctlCommand,
  type InitctlOption,
  type InitctlValues,
  initctlCommands,
  initctlJsonOption,
  initctlOptions,
} from '@caisson/link/init/initctl';
import type { Command } from 'commander';
import { withExitAction } from '../exit-action.ts';
import { UsageError } from '../exit-code.ts';
import type { RegisterCommand, Surroundings } from '../surroundings.ts';

export const register: RegisterCommand = (program, surroundings) => {
  // A command's own -s is not the tool's; whoever reads the words before must leave them in their order.
  for (let tree: Command | null = program; tree !== null; tree = tree.parent) tree.enablePositionalOptions();
  for (const option of [...initctlOptions, initctlJsonOption]) addOption(program, option);
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
  for (const { name, about, rest } of command.args) leaf.argument(rest ? `[${name}...]` : `<${name}>`, about);
  if (command.args.some(({ rest }) => rest)) leaf.passThroughOptions();
  for (const option of [...command.options, initctlJsonOption]) addOption(leaf, option);
  withExitAction(leaf, () => {
    const args = leaf.processedArgs.flat().filter((word) => word !== undefined) as string[];
    return control(command, args, named(leaf, command.options), named(tool, initctlOptions), {
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

async function control(
  command: InitctlCommand,
  args: readonly string[],
  values: InitctlValues,
  toolValues: InitctlValues,
  { json, ...surroundings }: Surroundings & { readonly json: boolean },
): Promise<number> {
  const { controlSupervisor } = await import('@caisson/enclave/main/initctl');
  const { readInitctlConfig } = await import('@caisson/host/service');
  const plan = planned(command, args, values);
  const file = toolValues['config'] ?? surroundings.env['INITCTL_CONFIG'];
  const config = await readInitctlConfig(file === undefined ? undefined : String(file));
  return controlSupervisor({ plan, values: toolValues, json, config }, surroundings);
}

function planned(command: InitctlCommand, args: readonly string[], values: InitctlValues) {
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
