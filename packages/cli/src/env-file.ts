// `--env-file`: variables for caisson.yaml, which those of the environment go before. Read as Node reads such files, and refused where Node would leave a line or a
// part of a value out without a word, or where Docker reads something else: a variable that is missing has a default in the file, and nobody would see why.
import { readFileSync, statSync } from 'node:fs';
import { parseEnv } from 'node:util';
import { UsageError } from './exit-code.ts';

// Chosen.
const maxEnvFileBytes = 1_048_576;
// Given: the names of POSIX.
const nameForm = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** Throws UsageError. */
export function readEnvFile(path: string | undefined): NodeJS.Dict<string> {
  if (path === undefined) return {};
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat?.isFile() !== true || stat.size > maxEnvFileBytes) {
    const got = stat === undefined ? 'none' : stat.isFile() ? `${stat.size}` : 'something else';
    throw new UsageError(`--env-file ${path} must be a file of at most ${maxEnvFileBytes} bytes, got ${got}`);
  }
  const text = readFileSync(path, 'utf8');
  const fault = findFault(text);
  if (fault !== undefined) throw new UsageError(`--env-file ${path}:${fault}`);
  return parseEnv(text);
}

/** With its line, and without a word of a value. */
function findFault(text: string): string | undefined {
  const seen = new Map<string, number>();
  const lines = text.split(/\r?\n/);
  for (let at = 0; at < lines.length; at += 1) {
    // Not trim(), which takes a byte order mark away that would be a part of the name.
    const line = lines[at]!.replace(/^[ \t]+|[ \t]+$/g, '');
    if (line === '' || line.startsWith('#')) continue;
    const number = at + 1;
    const [, name, value = ''] = /^(?:export[ \t]+)?([^= \t]+)[ \t]*=[ \t]*(.*)$/.exec(line) ?? [];
    if (name === undefined) return `${number}: a line must be NAME=VALUE, a comment or empty`;
    if (!nameForm.test(name)) return `${number}: a name must be letters, digits and _, got ${JSON.stringify(name)}`;
    const first = seen.get(name);
    if (first !== undefined) return `${number}: ${name} must stand once, got it in line ${first} too`;
    seen.set(name, number);
    const quote = /^["'`]/.exec(value)?.[0];
    if (quote === undefined) {
      if (/\S#/.test(value)) return `${number}: ${name} must stand in quotes where it has a #`;
      continue;
    }
    let rest = value.slice(1);
    while (!rest.includes(quote) && at + 1 < lines.length) rest = lines[++at]!;
    if (!rest.includes(quote)) return `${number}: the quote of ${name} must be closed`;
    const after = rest.slice(rest.indexOf(quote) + 1).trim();
    if (after !== '' && !after.startsWith('#')) return `${number}: nothing must follow the quote of ${name}`;
  }
  return undefined;
}
