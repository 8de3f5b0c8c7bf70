// The examples that are written in TypeScript, each as one file in the folder that becomes its image: examples/NAME/src/main.ts into
// examples/NAME/app/main.mjs. Plain node runs them inside; there is neither npm nor node_modules.
import { globSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { build } from 'esbuild';

const root = join(import.meta.dirname, '..');

await Promise.all(
  globSync('examples/*/src/main.ts', { cwd: root }).map((entry) =>
    build({
      absWorkingDir: root,
      entryPoints: [entry],
      outfile: join(dirname(dirname(entry)), 'app/main.mjs'),
      bundle: true,
      platform: 'node',
      format: 'esm',
      target: 'node22.18',
      conditions: ['caisson-source'],
      legalComments: 'none',
      logLevel: 'warning',
    }),
  ),
);
