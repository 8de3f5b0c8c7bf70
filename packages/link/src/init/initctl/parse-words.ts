// The command line of initctl where there is no command tree: inside the enclave, by node:util alone. Options before the command are the
// tool's, those behind it the command's, and behind the program of `ps start` every word is the program's.
import { parseArgs } from 'node:util';
import {
  type InitctlCommand,
  type InitctlOption,
  type InitctlPlan,
  type InitctlValues,
  initctlCommands,
  initctlJsonOption,
  initctlOptions,
  misused,
} from './command.ts';

export interface InitctlWords {
  readonly plan: InitctlPlan;
  /** Values of the options before the command. */
  readonly values: InitctlValues;
  readonly json: boolean;
}

/** Throws ParseError INITCTL_USAGE. */
export function parseInitctlWords(words: readonly string[]): InitctlWords {
  const own = [...initctlOptions, initctlJsonOption];
  const from = firstPlain(words, own);
  const { values } = read(words.slice(0, from), own);
  const { command, length } = findCommand(words.slice(from));
  const rest = words.slice(from + length);
  const options = [...command.options, initctlJsonOption];
  const isPassing = command.args.some((one) => one.rest);
  const border = isPassing ? firstPlain(rest, options) : rest.length;
  const parsed = read(rest.slice(0, border), options);
  const args = [...parsed.positionals, ...rest.slice(border)].filter(
    (word, at) => !(isPassing && at === 0 && word === '--'),
  );
  const most = isPassing ? Number.POSITIVE_INFINITY : command.args.length;
  const least = command.args.filter((one) => one.rest !== true).length;
  if (args.length < least || args.length > most) throw misused(`usage: initctl ${usageOf(command)}`);
  const json = values['json'] === true || parsed.values['json'] === true;
  return { plan: command.plan(args, parsed.values), values, json };
}

/** One line for each command. */
export function initctlUsage(): string {
  const own = initctlOptions.map(
    (one) => `[${one.short === undefined ? `--${one.name}` : `-${one.short}`} ${one.value}]`,
  );
  return [
    `usage: initctl ${own.join(' ')} COMMAND`,
    ...initctlCommands.map((one) => `         ${usageOf(one)}`),
    '',
  ].join('\n');
}

function usageOf({ words, args, options }: InitctlCommand): string {
  const flags = [...options, initctlJsonOption].map(
    ({ name, value }) => `[--${name}${value === undefined ? '' : ` ${value}`}]`,
  );
  return [words, ...flags, ...args.map(({ name, rest }) => (rest ? `[${name}...]` : `<${name}>`))].join(' ');
}

function findCommand(words: readonly string[]): { readonly command: InitctlCommand; readonly length: number } {
  const [first = '', second = ''] = words;
  for (const command of initctlCommands) {
    const [one, two] = command.words.split(' ');
    if (one !== first) continue;
    if (two === undefined) return { command, length: 1 };
    if (two === second || command.alias === second) return { command, length: 2 };
  }
  throw misused(
    first === '' ? 'a command is missing' : `there is no command ${JSON.stringify(`${first} ${second}`.trim())}`,
  );
}

/** Where the words begin that are no option and no option's value. */
function firstPlain(words: readonly string[], options: readonly InitctlOption[]): number {
  for (let at = 0; at < words.length; at += 1) {
    const word = words[at] ?? '';
    if (!word.startsWith('-') || word === '-' || word === '--') return at;
    const option = options.find(({ name, short }) => word === `--${name}` || word === `-${short}`);
    if (option?.value !== undefined) at += 1;
  }
  return words.length;
}

function read(words: readonly string[], options: readonly InitctlOption[]) {
  const known = Object.fromEntries(
    options.map(({ name, short, value, multiple }) => [
      name,
      {
        type: value === undefined ? ('boolean' as const) : ('string' as const),
        ...(short !== undefined && { short }),
        ...(multiple && { multiple }),
      },
    ]),
  );
  try {
    const { values, positionals } = parseArgs({ args: [...words], allowPositionals: true, options: known });
    return { values: values as InitctlValues, positionals };
  } catch (cause) {
    throw misused(cause instanceof Error ? cause.message : String(cause));
  }
}
