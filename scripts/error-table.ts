// The table of docs/errors.md as source, so that the program can say of each code where it comes from and what to do. Written by scripts/docs.ts; a house
// test compares it with the page, which is where it is changed.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..');

// Files stay short enough to be looked into.
const parts = [
  { file: 'caisson-code-a-to-k.ts', name: 'caissonCodesAToK', has: (code: string) => code < 'L' },
  { file: 'caisson-code-l-to-z.ts', name: 'caissonCodesLToZ', has: (code: string) => code >= 'L' },
];

/** Path of each file, relative to the root, and its text. */
export function renderErrorTable(): Map<string, string> {
  const page = readFileSync(join(root, 'docs/errors.md'), 'utf8');
  const rows = [...page.matchAll(/^\| `([A-Z0-9_]+)` \| ([^|]+) \| ([^|]+) \|$/gm)].map(
    ([, code = '', cause = '', fix = '']) => [code, cause.trim(), fix.trim()] as const,
  );
  return new Map(
    parts.map(({ file, name, has }) => {
      const lines = rows
        .filter(([code]) => has(code))
        .map((row) => `  [${row.map((cell) => quoted(cell)).join(', ')}],`);
      const text = [
        '// Written by scripts/docs.ts from docs/errors.md: change it there.',
        "import type { CaissonCodeRow } from './caisson-code.ts';",
        '',
        '// biome-ignore format: one code a line',
        `export const ${name}: readonly CaissonCodeRow[] = [`,
        ...lines,
        '];',
      ];
      return [`packages/host/src/explain/${file}`, `${text.join('\n')}\n`] as const;
    }),
  );
}

export function writeErrorTable(): void {
  for (const [path, text] of renderErrorTable()) writeFileSync(join(root, path), text);
}

function quoted(text: string): string {
  return text.includes("'") ? JSON.stringify(text) : `'${text.replaceAll('\\', '\\\\')}'`;
}
