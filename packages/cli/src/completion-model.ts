// The command tree as completion scripts need it: for each place in it the words that may follow. Taken from the tree itself, so that a command or an
// option is completed from the day it exists.
import type { Command, Option } from 'commander';

export interface CompletionPlace {
  /** `attest policy`; empty: the program alone. */
  readonly path: string;
  readonly commands: readonly CompletionWord[];
  readonly options: readonly CompletionOption[];
  /** What its arguments are. */
  readonly args: 'enclaves' | 'files' | 'nothing';
}

export interface CompletionWord {
  readonly name: string;
  readonly about: string;
}

export interface CompletionOption {
  /** `-f`, `--follow`. */
  readonly names: readonly string[];
  readonly about: string;
  /** What the option's value is; undefined where it has none. */
  readonly value: 'enclaves' | 'files' | readonly string[] | undefined;
}

/** Arguments and options with these names stand for enclaves of this host. */
const enclaveNames = new Set(['enclave', 'enclaves']);
/** For these commands `name` does too; elsewhere a name is that of a key, a service or a variable. */
const enclaveVerbs = new Set(['attest compare', 'down', 'inspect', 'restart', 'rm', 'stop', 'up']);

export function readCompletionPlaces(program: Command): readonly CompletionPlace[] {
  return [...placesOf(program, [])];
}

function* placesOf(command: Command, words: readonly string[]): Generator<CompletionPlace> {
  const help = command.createHelp();
  const children = help.visibleCommands(command).filter((child) => child.name() !== 'help');
  const [first] = command.registeredArguments;
  yield {
    path: words.join(' '),
    commands: children.flatMap((child) =>
      [child.name(), ...child.aliases()].map((name) => ({ name, about: child.description() })),
    ),
    options: help.visibleOptions(command).map(optionOf),
    args: first === undefined ? 'nothing' : isEnclave(first.name(), words) ? 'enclaves' : 'files',
  };
  for (const child of children)
    for (const name of [child.name(), ...child.aliases()]) yield* placesOf(child, [...words, name]);
}

function isEnclave(argument: string, words: readonly string[]): boolean {
  return enclaveNames.has(argument) || (/^names?$/.test(argument) && enclaveVerbs.has(words.join(' ')));
}

function optionOf(option: Option): CompletionOption {
  const names = [option.short, option.long].filter((name) => name != null);
  const takesValue = option.required || option.optional;
  const isEnclave = enclaveNames.has(option.attributeName()) || option.attributeName() === 'enclaveName';
  const value = option.argChoices ?? (isEnclave ? 'enclaves' : 'files');
  return { names, about: option.description, value: takesValue ? value : undefined };
}
