// The options of rbuilds. The whole line is read and checked before anything runs; then each --cmd runs with the options to its left, in
// order, as users of the reference are used to. Unlike there, an option after the last --cmd is refused, not lost, and two --cmd are two
// commands, not the last one twice.
import { FIRST_ENCLAVE_CID, LAST_ENCLAVE_CID } from '@caisson/core/address';
import { PolicyError } from '@caisson/core/errors';
import type { RbuildsErrorCode } from './error-code.ts';
import { DEFAULT_RBUILDS_SETTINGS, type RbuildsSettings } from './settings.ts';

export interface RbuildsOption {
  readonly names: readonly string[];
  readonly value?: string;
  readonly about: string;
  /** The command that the option is another word for. */
  readonly command?: string;
  /** Throws PolicyError RBUILDS_OPTION. */
  readonly apply?: (settings: RbuildsSettings, text: string) => RbuildsSettings;
  /** Why it is taken and changes nothing. */
  readonly idle?: string;
}

export interface RbuildsOrder {
  /** Empty: the shell. */
  readonly steps: readonly { readonly line: string; readonly settings: RbuildsSettings }[];
  /** After all options. */
  readonly settings: RbuildsSettings;
  /** For people. */
  readonly notes: readonly string[];
}

const set =
  (change: Partial<RbuildsSettings>) =>
  (settings: RbuildsSettings): RbuildsSettings => ({ ...settings, ...change });

/** In the order of the help. */
export const RBUILDS_OPTIONS: readonly RbuildsOption[] = [
  { names: ['--help', '-h', '-?'], about: 'the options', command: 'help_cli' },
  { names: ['--help-ext', '-??'], about: 'the options and the commands', command: 'help_ext' },
  { names: ['--help-ext-man', '-???'], about: 'all of it, with what the files are', command: 'help_ext_man' },
  { names: ['--man'], about: 'the same', command: 'man' },
  { names: ['--info'], about: 'what is set, and what fits this machine', command: 'info' },
  {
    names: ['--debug', '-v', '--verbose'],
    about: 'say why something failed, with its causes',
    apply: set({ debug: true }),
  },
  { names: ['--question', '-q'], about: 'ask before each stage', apply: set({ question: true }) },
  {
    names: ['--lsh', '--local-shell'],
    about: 'hand lines that are no command to /bin/sh',
    apply: set({ localShell: true }),
  },
  { names: ['--tty', '--term'], about: 'read and write /dev/tty', apply: set({ terminal: true }) },
  { names: ['--yes', '-y'], about: 'answer every question with yes', apply: set({ yes: true }) },
  {
    names: ['--kernel', '-k'],
    value: 'name',
    about: 'a version X.Y[.Z], aws, caisson, or a file; default: whichever is there',
    apply: (settings, text) => ({ ...settings, kernel: text }),
  },
  { names: ['--user', '-u'], value: 'name', about: 'no effect', idle: 'kernels carry one name whoever builds them' },
  { names: ['--host'], value: 'name', about: 'no effect', idle: 'kernels carry one host whoever builds them' },
  {
    names: ['--memory', '-m'],
    value: 'MiB',
    about: 'memory of enclaves; default: what fits the machine',
    apply: (settings, text) => ({ ...settings, memoryMiB: integer('--memory', text, 64, 16_777_216) }),
  },
  {
    names: ['--cpus'],
    value: 'count',
    about: 'processors of enclaves; default: what fits the machine',
    apply: (settings, text) => ({ ...settings, cpus: integer('--cpus', text, 1, 1_024) }),
  },
  {
    names: ['--cid'],
    value: 'cid',
    about: 'CID of the enclave; default 127',
    // Given: docs/wire/addresses.md.
    apply: (settings, text) => ({ ...settings, cid: integer('--cid', text, FIRST_ENCLAVE_CID, LAST_ENCLAVE_CID) }),
  },
  {
    names: ['--dockerfile', '-d'],
    value: 'file',
    about: 'what the image is made of; default ./pipeline-al2023.dockerfile, else /apps alone',
    apply: (settings, text) => ({ ...settings, dockerfile: text }),
  },
  {
    names: ['--config'],
    value: 'file',
    about: 'caisson.yaml with ways in and out, services, policy; default: the one in this folder',
    apply: (settings, text) => ({ ...settings, config: text }),
  },
  {
    names: ['--runtime'],
    value: 'file',
    about: 'runtime archive (caisson runtime pack); default: from the cache',
    apply: (settings, text) => ({ ...settings, runtime: text }),
  },
  { names: ['--network', '-n'], about: 'listed ways in and out', apply: set({ network: true }) },
  { names: ['--rev-net', '-rn'], about: 'listed ways in', apply: set({ reverseNetwork: true }) },
  {
    names: ['--fw-net', '-fn'],
    about: 'transparent ways out and DNS: fails until they exist',
    apply: set({ forwardNetwork: true }),
  },
  { names: ['--init-c'], about: 'our PID 1, which is C (default)', apply: set({ init: 'c' }) },
  { names: ['--init-go'], about: 'our PID 1, and says so', apply: set({ init: 'go' }) },
  { names: ['--init-rs'], about: 'our PID 1, and says so', apply: set({ init: 'rs' }) },
  {
    names: ['--cmd', '-c'],
    value: 'line',
    about: 'run one command with the options before it; may stand more than once',
  },
];

/** Throws PolicyError RBUILDS_OPTION. */
export function parseRbuildsWords(words: readonly string[]): RbuildsOrder {
  const steps: RbuildsOrder['steps'][number][] = [];
  const notes: string[] = [];
  let settings = DEFAULT_RBUILDS_SETTINGS;
  let help: string | undefined;
  let last: string | undefined;
  for (let at = 0; at < words.length; at += 1) {
    const word = words[at]!;
    if (!word.startsWith('-') && word.endsWith('.dockerfile')) {
      settings = { ...settings, dockerfile: word };
      last = word;
      continue;
    }
    const [name, inline] = splitWord(word);
    const option = RBUILDS_OPTIONS.find(({ names }) => names.includes(name));
    if (option === undefined) throw refuse(`there is no option ${JSON.stringify(word)}`);
    if (option.value === undefined && inline !== undefined) throw refuse(`${name} takes no value, got ${inline}`);
    const value = option.value === undefined ? '' : (inline ?? words[at + 1]);
    if (option.value !== undefined && inline === undefined) at += 1;
    if (value === undefined || (option.value !== undefined && value === '')) {
      throw refuse(`${name} must be followed by a ${option.value}`);
    }
    if (option.command !== undefined) help ??= option.command;
    else if (option.names.includes('--cmd')) steps.push({ line: value, settings });
    else if (option.idle !== undefined) notes.push(`${name} has no effect: ${option.idle}`);
    else settings = option.apply!(settings, value);
    last = option.names.includes('--cmd') || option.command !== undefined ? undefined : word;
  }
  if (help !== undefined) return { steps: [{ line: help, settings }], settings, notes };
  if (steps.length > 0 && last !== undefined) {
    throw refuse(
      `${last} stands after the last --cmd and would have no effect`,
      'options go before the --cmd they are for',
    );
  }
  return { steps, settings, notes };
}

function splitWord(word: string): [name: string, value: string | undefined] {
  const at = word.startsWith('--') ? word.indexOf('=') : -1;
  return at < 0 ? [word, undefined] : [word.slice(0, at), word.slice(at + 1)];
}

function integer(name: string, text: string, least: number, most: number): number {
  const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= least && value <= most) return value;
  throw refuse(`${name} must be an integer in ${least}..${most}, got ${JSON.stringify(text)}`);
}

function refuse(message: string, hint = 'rbuilds --help lists the options'): PolicyError<RbuildsErrorCode> {
  return new PolicyError('RBUILDS_OPTION', message, { hint });
}
