// Instructions that change what an image says about itself and nothing in its tree.
import type { ImageConfig } from '../tree/index.ts';
import { form, type Instruction } from './parse.ts';
import { expandText, parseJsonWords, splitWords, type WordRules } from './words.ts';

export interface State {
  entrypoint: readonly string[] | null;
  cmd: readonly string[] | null;
  env: Map<string, string>;
  workingDir: string;
  user: string | null;
  shell: readonly string[];
}

export function stateOf(config: ImageConfig | null): State {
  const pairs = (config?.env ?? []).map((pair): [string, string] => {
    const at = pair.indexOf('=');
    return [pair.slice(0, at), pair.slice(at + 1)];
  });
  return {
    entrypoint: config?.entrypoint ?? null,
    cmd: config?.cmd ?? null,
    env: new Map(pairs),
    workingDir: config?.workingDir ?? '/',
    user: config?.user ?? null,
    shell: ['/bin/sh', '-c'],
  };
}

export function applySetting({ keyword, text, line }: Instruction, words: WordRules, state: State): void {
  if (keyword === 'ENV') {
    for (const [name, value] of parsePairs(text, line, words)) state.env.set(name, value);
  } else if (keyword === 'USER') state.user = expandText(text, words) || null;
  else if (keyword === 'CMD') state.cmd = commandWords(text, state);
  else if (keyword === 'ENTRYPOINT') {
    state.entrypoint = commandWords(text, state);
    // "If CMD is defined from the base image, setting ENTRYPOINT will reset CMD to an empty value."
    state.cmd = null;
  } else if (keyword === 'SHELL') {
    const shell = parseJsonWords(text);
    if (shell === undefined || shell.length === 0) throw form(line, 'SHELL must be a list in JSON');
    state.shell = shell;
  }
}

function commandWords(text: string, { shell }: State): readonly string[] {
  return parseJsonWords(text) ?? [...shell, text];
}

export function declareArg(
  { text, line }: Instruction,
  into: Map<string, string>,
  given: ReadonlyMap<string, string>,
  words: WordRules,
  globals: ReadonlyMap<string, string> = new Map(),
): void {
  for (const word of splitWords(text, words)) {
    const [, name = '', , value] = /^([A-Za-z_][A-Za-z0-9_]*)(=([\s\S]*))?$/.exec(word) ?? [];
    if (name === '') throw form(line, `ARG must be NAME or NAME=VALUE, got ${JSON.stringify(word.slice(0, 40))}`);
    const known = given.get(name) ?? value ?? globals.get(name);
    if (known !== undefined) into.set(name, known);
  }
}

/** `NAME=VALUE ...`, or the old `NAME VALUE`. */
function parsePairs(text: string, line: number, words: WordRules): [string, string][] {
  const old = /^([A-Za-z_][^\s=]*)\s+([\s\S]+)$/.exec(text);
  if (old !== null) return [[old[1]!, expandText(old[2]!, words)]];
  return splitWords(text, words).map((word) => {
    const at = word.indexOf('=');
    if (at <= 0) throw form(line, `ENV must be NAME=VALUE, got ${JSON.stringify(word.slice(0, 40))}`);
    return [word.slice(0, at), word.slice(at + 1)];
  });
}
