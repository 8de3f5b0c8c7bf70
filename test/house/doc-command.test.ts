// A page that shows a command the program does not take is worse than none: whoever copies it learns that the pages lie. Every command line
// of a fenced block, every mention in running text and in what errors advise is parsed by the program's own command tree; nothing is run. Words in capitals stand
// for what a reader puts there and are held to no form.
import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { test } from 'node:test';
import type { Command, Option } from 'commander';
import { createProgram, isSingleCommand, PROGRAM_NAMES } from '../../packages/cli/src/program.ts';
import { files, read, shipped } from './tree.ts';

interface Line {
  readonly place: string;
  readonly words: readonly string[];
}

// What a page writes where the reader has a word of his own: HEX, NAME:VERSION, $NONCE, <cid>, [DIR], alternatives and what is left out.
const PLACEHOLDER = /[A-Z]{2,}|^[A-Z]$|[$<>[\]|…]|\.\.\./;
const trees = new Map<string, Command>();
for (const name of PROGRAM_NAMES) trees.set(name, await growTree(name));
const pages = files(
  /^(README|ARCHITECTURE|SECURITY|CONTRIBUTING|docs\/([^/]+|wire\/[^/]+)|examples\/[^/]+\/README)\.md$|^docs\/README\.md$/,
);

test('every command line in a fenced block of a page is one that the program takes', () => {
  const lines = pages.flatMap((page) => fenced(page));
  assert.ok(lines.length > 100, `only ${lines.length} command lines found: this test looks in the wrong place`);
  assert.deepEqual(
    lines.flatMap((line) => faultsOf(line, true)),
    [],
  );
});

test('every command in running text has words and options that the program knows', () => {
  const lines = pages.flatMap((page) => mentioned(page));
  assert.ok(lines.length > 100, `only ${lines.length} mentions found: this test looks in the wrong place`);
  assert.deepEqual(
    lines.flatMap((line) => faultsOf(line, false)),
    [],
  );
});

test('every command that an error or its hint names has words and options that the program knows', () => {
  const lines = shipped().flatMap((file) => said(file));
  assert.ok(lines.length > 100, `only ${lines.length} commands found: this test looks in the wrong place`);
  assert.deepEqual(
    lines.flatMap((line) => faultsOf(line, false)),
    [],
  );
});

test('a command line that the program does not take is found', () => {
  const line = (text: string): Line[] => commandsIn(text, 'here');
  assert.deepEqual(line('A=1 npx -- caisson up -f x && sudo caisson ps | jq # caisson'), [
    { place: 'here', words: ['caisson', 'up', '-f', 'x'] },
    { place: 'here', words: ['caisson', 'ps'] },
  ]);
  for (const wrong of [
    'caisson fly',
    'caisson ps --fly',
    'caisson image tag x',
    'caisson up --backend ec2',
    'caisson up -f',
  ])
    assert.equal(line(wrong).flatMap((one) => faultsOf(one, true)).length, 1, wrong);
  for (const right of [
    'caisson exec hello -- ls --fly',
    'caisson pcr --signing-certificate "a b.pem"',
    'initctl ps kill 42 -s HUP',
  ])
    assert.deepEqual(
      line(right).flatMap((one) => faultsOf(one, true)),
      [],
      right,
    );
});

/** Lines of blocks in no language or a shell's, and of blocks that are indented; `\` at an end goes on in the next. */
function fenced(page: string): Line[] {
  const found: Line[] = [];
  let block: string | undefined;
  let number = 0;
  let before = '';
  for (const text of read(page).split('\n')) {
    number += 1;
    const fence = /^\s*```(\w*)/.exec(text);
    if (fence !== null) {
      block = block === undefined ? fence[1] : undefined;
      before = '';
    } else if (block === undefined ? /^ {4}\S/.test(text) : /^(sh|bash|console)?$/.test(block)) {
      if (text.endsWith('\\')) before += text.slice(0, -1);
      else {
        found.push(...commandsIn(before + text, `${page}:${number}`));
        before = '';
      }
    }
  }
  return found;
}

/** Code in running text that begins with a name of ours and a blank. */
function mentioned(page: string): Line[] {
  const text = read(page).replace(/^\s*```.*?^\s*```/gms, (block) => block.replace(/[^\n]/g, ' '));
  return [...text.matchAll(/`([^`\n]+)`/g)].flatMap(({ 1: code = '', index }) =>
    commandsIn(code, `${page}:${text.slice(0, index).split('\n').length}`),
  );
}

/** What a text of the program tells people to type: from `caisson` and a verb to where words cannot be a command's any more. */
function said(file: string): Line[] {
  return read(file)
    .split('\n')
    .flatMap((text, at) => {
      if (/^\s*(\/\/|\*|\/\*)/.test(text)) return [];
      const plain = text.replace(/\$\{[^}]*\}/g, 'WORD').replaceAll('\\`', '`');
      return [
        ...plain.matchAll(
          /(?<![\w/@.-])caisson ((?:[a-z]+(?:-[a-z]+)*|--?[a-z][a-z-]*|[A-Z]+[\w:./-]*)(?: |(?=[`'",;:)?]|$)))+/g,
        ),
      ]
        .map(([code]) => code.trim())
        .flatMap((code) => commandsIn(code, `${file}:${at + 1}`));
    })
    .filter(({ words }) => treeOf('caisson').commands.some((one) => one.name() === words[1]));
}

function commandsIn(text: string, place: string): Line[] {
  const found: Line[] = [];
  for (const words of pipelinesOf(text.replace(/^\s*\$ /, ''))) {
    let rest = words;
    while (/^([A-Za-z_]\w*=.*|sudo|npx|--|exec|time|if|!)$/.test(rest[0] ?? '')) rest = rest.slice(1);
    const name = (rest[0] ?? '').replace(/^(.*\/bin\/|\.\/rbuilds\/)/, '').replace(/\.(js|sh)$/, '');
    if (PROGRAM_NAMES.includes(name) && rest.length > 1) found.push({ place, words: [name, ...rest.slice(1)] });
  }
  return found;
}

/** Words as a shell cuts them, one list for each command of a line; without redirections and what follows `#`. */
function pipelinesOf(text: string): string[][] {
  const commands: string[][] = [[]];
  for (const [token] of text.matchAll(
    /(?:'[^']*'|"[^"]*"|\$\([^)]*\)|<[\w-]+>|[^\s'"|;&<>])+|\|\|?|&&?|;|\d?>>?&?\s*\S+|<\s*\S+|<<?\S*/g,
  )) {
    if (token.startsWith('#')) break;
    if (/^(\|\|?|&&?|;)$/.test(token)) commands.push([]);
    else if (!/^(\d?>|<[^\w]|<\s)/.test(token))
      commands.at(-1)?.push(token.replace(/^(--?[\w-]+=)?(['"])(.*)\2$/s, '$1$3'));
  }
  return commands;
}

function faultsOf({ place, words }: Line, whole: boolean): string[] {
  const [name = '', ...args] = words;
  const fault = faultOf(treeOf(name), args, whole);
  return fault === undefined ? [] : [`${place}: ${words.join(' ')}: ${fault}`];
}

function faultOf(program: Command, args: readonly string[], whole: boolean): string | undefined {
  let command = program;
  let rest = [...args];
  for (;;) {
    let parsed: { operands: string[]; unknown: string[] };
    try {
      parsed = command.parseOptions(rest);
    } catch (error) {
      // Running text may name an option without its value.
      return whole ? (error as Error).message : undefined;
    }
    const [word] = parsed.operands;
    const next = command.commands.find(
      (one) => one.name() === word || (word !== undefined && one.aliases().includes(word)),
    );
    if (next !== undefined) {
      rest = [...parsed.operands.slice(1), ...parsed.unknown];
      command = next;
      continue;
    }
    if (command.commands.length > 0) {
      if (word === undefined || PLACEHOLDER.test(word)) return undefined;
      // Behind a command that can be run by itself running text goes on.
      const isRunnable = (command as unknown as { _actionHandler: unknown })._actionHandler !== null;
      if (command.registeredArguments.length === 0 && (whole || !isRunnable)) return `no command ${word}`;
    }
    return endFault(command, parsed, whole);
  }
}

function endFault(
  command: Command,
  parsed: { operands: string[]; unknown: string[] },
  whole: boolean,
): string | undefined {
  const unknown = parsed.unknown.find((word) => /^-./.test(word));
  const open = (command as unknown as { _allowUnknownOption: boolean })._allowUnknownOption;
  if (unknown !== undefined && !open && !/^(--help|-h)$/.test(unknown)) {
    // `--` ends the options of whoever takes the words behind it.
    const end = parsed.unknown.indexOf('--');
    if (end < 0 || parsed.unknown.indexOf(unknown) < end) return `no option ${unknown}`;
  }
  if (!whole || open) return undefined;
  const taken = command.registeredArguments;
  const operands = [...parsed.operands, ...parsed.unknown].filter((word) => word !== '--');
  const least = taken.filter((one) => one.required).length;
  if (operands.length < least) return `${operands.length} words, wants ${least}`;
  if (
    !taken.some((one) => one.variadic) &&
    operands.length > taken.length &&
    !operands.some((word) => PLACEHOLDER.test(word))
  )
    return `${operands.length} words, takes ${taken.length}`;
  return undefined;
}

function treeOf(name: string): Command {
  const tree = trees.get(name);
  assert.ok(tree !== undefined, name);
  return tree;
}

async function growTree(name: string): Promise<Command> {
  const sink = new PassThrough();
  const program: Command = await createProgram({
    name,
    stdin: sink,
    stdout: sink,
    stderr: sink,
    env: {},
    stop: new AbortController().signal,
    onReload: () => {},
  });
  const only = program.commands[0];
  const tree = isSingleCommand(name) && only !== undefined ? only : program;
  prepare(tree);
  return tree;
}

/** Throws instead of ending, and holds values to their form only where a page gives one. */
function prepare(command: Command): void {
  command.exitOverride();
  command.configureOutput({ writeErr: () => {} });
  for (const option of command.options as Option[]) {
    const parse = option.parseArg;
    if (parse === undefined) continue;
    option.parseArg = <T>(value: string, previous: T): T =>
      PLACEHOLDER.test(value) ? previous : (parse.call(option, value, previous) as T);
  }
  for (const child of command.commands) prepare(child);
}
