// Dockerfile text as a list of instructions (docs.docker.com/reference/dockerfile, "Format"): comments, the escape directive, lines that go on.
// What each instruction means is not known here.
import { LimitError, ParseError } from '@caisson/core/errors';
import type { DockerfileErrorCode } from './error-code.ts';

export interface Instruction {
  /** From 1, where it begins. */
  readonly line: number;
  /** Upper case. */
  readonly keyword: string;
  /** `--name=value` in front; a flag without a value has ''. */
  readonly flags: ReadonlyMap<string, string>;
  /** The rest, variables and quotes as they stand. */
  readonly text: string;
}

export interface ParsedDockerfile {
  /** `\` unless a directive says that it is a backtick. */
  readonly escapeChar: '\\' | '`';
  readonly instructions: readonly Instruction[];
}

// Chosen.
export const MAX_DOCKERFILE_BYTES = 262_144;

/** Throws ParseError DOCKERFILE_FORM, LimitError DOCKERFILE_FORM. */
export function parseDockerfile(text: string): ParsedDockerfile {
  if (Buffer.byteLength(text) > MAX_DOCKERFILE_BYTES) {
    throw new LimitError<DockerfileErrorCode>(
      'DOCKERFILE_FORM',
      `Dockerfile must have at most ${MAX_DOCKERFILE_BYTES} bytes, got ${Buffer.byteLength(text)}`,
    );
  }
  const lines = text.replace(/^\ufeff/, '').split(/\r?\n/);
  const escapeChar = escapeOf(lines);
  const instructions: Instruction[] = [];
  for (let at = 0; at < lines.length; at += 1) {
    if (isBlank(lines[at]!)) continue;
    const line = at + 1;
    let whole = lines[at]!.trim();
    while (whole.endsWith(escapeChar) && at + 1 < lines.length) {
      whole = whole.slice(0, -1);
      at += 1;
      // Comments and empty lines inside of an instruction are no part of it.
      while (at < lines.length && isBlank(lines[at]!)) at += 1;
      whole += lines[at]?.trimEnd() ?? '';
    }
    instructions.push(parseInstruction(whole, line));
  }
  return { escapeChar, instructions };
}

function parseInstruction(whole: string, line: number): Instruction {
  const [, word = '', rest = ''] = /^([A-Za-z]+)(?:\s+([\s\S]*))?$/.exec(whole.trim()) ?? [];
  if (word === '') throw form(line, `an instruction must begin with a word, got ${JSON.stringify(whole.slice(0, 40))}`);
  const flags = new Map<string, string>();
  let text = rest.trim();
  for (let found = flagAt(text); found !== null; found = flagAt(text)) {
    const [all, name = '', value = ''] = found;
    if (flags.has(name)) throw form(line, `--${name} must stand once`);
    flags.set(name, value);
    text = text.slice(all.length).trimStart();
  }
  return { line, keyword: word.toUpperCase(), flags, text };
}

function flagAt(text: string): RegExpExecArray | null {
  return /^--([a-z][a-z-]*)(?:=(\S*))?(?=\s|$)/.exec(text);
}

/** Directives stand before everything else; only `escape` changes how the file is read. */
function escapeOf(lines: readonly string[]): '\\' | '`' {
  for (const [index, line] of lines.entries()) {
    const [, name = '', value = ''] = /^#\s*([A-Za-z]+)\s*=\s*(.*?)\s*$/.exec(line) ?? [];
    if (name === '') break;
    if (name.toLowerCase() !== 'escape') continue;
    if (value === '`' || value === '\\') return value;
    throw form(index + 1, `the escape directive must be \\ or a backtick, got ${JSON.stringify(value.slice(0, 20))}`);
  }
  return '\\';
}

function isBlank(line: string): boolean {
  return /^\s*(?:#|$)/.test(line);
}

export function form(line: number, what: string, hint?: string): ParseError<DockerfileErrorCode> {
  return new ParseError('DOCKERFILE_FORM', `Dockerfile line ${line}: ${what}`, hint === undefined ? {} : { hint });
}
