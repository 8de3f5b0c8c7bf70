// Writes docs/cli: one page per command, from the command tree itself; docs/schema/caisson-yaml.json, from the form that the program checks by; and, the
// other way round, what the program knows of its codes, from docs/errors.md. Run with --conditions=caisson-source; house tests compare what is written
// with what it comes from.
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { createComposeJsonSchema } from '@caisson/host/compose';
import type { Command } from 'commander';
import { createProgram, PROGRAM_NAMES } from '../packages/cli/src/program.ts';
import { writeErrorTable } from './error-table.ts';

const root = join(import.meta.dirname, '..');

/** Path of each page, relative to the root, and its text. */
export async function renderCommandPages(): Promise<Map<string, string>> {
  const pages = new Map<string, string>();
  for (const name of PROGRAM_NAMES) {
    const sink = new PassThrough();
    const program = await createProgram({
      name,
      stdin: sink,
      stdout: sink,
      stderr: sink,
      env: {},
      stop: new AbortController().signal,
      onReload: () => {},
    });
    for (const [path, text] of pagesOf(program, [name])) pages.set(path, text);
  }
  return pages;
}

export function renderComposeSchema(): string {
  return `${JSON.stringify(createComposeJsonSchema(), null, 2)}\n`;
}

function* pagesOf(command: Command, words: readonly string[]): Generator<[path: string, text: string]> {
  const children = command
    .createHelp()
    .visibleCommands(command)
    .filter((child) => child.name() !== 'help');
  yield [`docs/cli/${words.join('-')}.md`, renderPage(command, words, children)];
  for (const child of children) {
    // A name that is one command has that command once, not twice.
    if (words.length === 1 && child.name() === words[0]) continue;
    yield* pagesOf(child, [...words, child.name()]);
  }
}

function renderPage(command: Command, words: readonly string[], children: readonly Command[]): string {
  const help = command.createHelp();
  const [first] = children;
  const only = first !== undefined && children.length === 1 && first.name() === words[0] ? first : command;
  const usage = words.length === 1 ? `${words[0]} ${only.usage()}` : help.commandUsage(command);
  const parts = [`# ${words.join(' ')}`, only.description(), `\`\`\`\n${usage.trim()}\n\`\`\``];
  const rows = (title: string, list: readonly { term: string; about: string }[]): void => {
    if (list.length === 0) return;
    const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('<', '&lt;');
    const table = list.map(({ term, about }) => `| \`${term.replaceAll('|', '\\|')}\` | ${cell(about)} |`);
    parts.push(`| ${title} | |\n|---|---|\n${table.join('\n')}`);
  };
  rows(
    'argument',
    only.registeredArguments.map((one) => ({ term: one.name(), about: help.argumentDescription(one) })),
  );
  rows(
    'option',
    help
      .visibleOptions(only)
      .filter((one) => one.long !== '--help')
      .map((one) => ({ term: help.optionTerm(one), about: help.optionDescription(one) })),
  );
  const links = only === command ? children : [];
  if (links.length > 0) {
    const list = links.map(
      (child) => `- [${child.name()}](${[...words, child.name()].join('-')}.md): ${child.description()}`,
    );
    parts.push(list.join('\n'));
  }
  return `${parts.filter((part) => part !== '').join('\n\n')}\n`;
}

if (import.meta.main) {
  rmSync(join(root, 'docs/cli'), { recursive: true, force: true });
  mkdirSync(join(root, 'docs/cli'), { recursive: true });
  for (const [path, text] of await renderCommandPages()) writeFileSync(join(root, path), text);
  writeFileSync(join(root, 'docs/schema/caisson-yaml.json'), renderComposeSchema());
  writeErrorTable();
}
