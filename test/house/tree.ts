// How the rules of this folder look at the tree: its files, and who imports whom. Text only; nothing is run.
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';

export const root = join(import.meta.dirname, '../..');

/** Files git tracks or would track, relative to the root, sorted; a copy without git has no rules to check. */
export function files(pattern: RegExp): string[] {
  return execFileSync('git', ['ls-files', '-co', '--exclude-standard'], { cwd: root, encoding: 'utf8' })
    .split('\n')
    .filter((file) => pattern.test(file) && existsSync(join(root, file)))
    .sort();
}

export function read(file: string): string {
  return readFileSync(join(root, file), 'utf8');
}

export interface Import {
  readonly from: string;
  /** As written: `@caisson/core/cbor`, `./frame.ts`, `node:net`, `commander`. */
  readonly to: string;
  readonly typeOnly: boolean;
  /** A dynamic `import()`: loaded later, so it makes no cycle. */
  readonly lazy: boolean;
}

const statement =
  /^(?:import|export)\s+(type\s+)?(?:([\w*\s{},$]+?)\s+from\s+)?'([^']+)'|\bimport\('([^']+)'\)|\bimport\((?:\s*)'([^']+)'/gm;

/** The import and re-export statements of a file. */
export function importsOf(file: string): Import[] {
  return [...read(file).matchAll(statement)].map((match) => {
    // The last one is a dynamic import whose word stands on a line of its own.
    const [, type, names = '', to, lazyTo, brokenTo] = match;
    // `import { type A, type B }` brings no value either (verbatimModuleSyntax keeps the statement, not the binding).
    const allTypes = /^\{(\s*type\s+[\w\s]+,?)+\}$/.test(names.trim());
    return {
      from: file,
      to: to ?? lazyTo ?? brokenTo ?? '',
      typeOnly: type !== undefined || allTypes,
      lazy: to === undefined,
    };
  });
}

/** The file a relative import means. */
export function resolved({ from, to }: Import): string {
  return normalize(join(dirname(from), to));
}

/** `packages/core/src/cbor/decode.ts` -> `core`; undefined outside of packages. */
export function packageOf(file: string): string | undefined {
  return /^packages\/([^/]+)\//.exec(file)?.[1];
}

export const isTest = (file: string): boolean => /\.test\.ts$/.test(file);
export const sources = (): string[] => files(/^packages\/[^/]+\/(src|bin)\/.*\.(ts|js)$/);
export const shipped = (): string[] => sources().filter((file) => !isTest(file) && packageOf(file) !== 'testkit');
