// The verifier as one module for pages and workers: dist/caisson-verify.js. Tests hold its size and run it in a browser.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';

const root = join(import.meta.dirname, '..');

export interface BrowserBundle {
  readonly code: Uint8Array;
  /** Paths of the modules in it, sorted. */
  readonly modules: readonly string[];
}

/** @caisson/verify and its policies; minified, with nothing from outside of this house in it. */
export async function buildBrowserBundle(): Promise<BrowserBundle> {
  const { metafile, outputFiles } = await build({
    absWorkingDir: root,
    stdin: {
      contents: "export * from '@caisson/verify'; export * from '@caisson/verify/policy';",
      resolveDir: join(root, 'packages/host'),
      sourcefile: 'all-of-verify.js',
    },
    bundle: true,
    write: false,
    minify: true,
    platform: 'browser',
    format: 'esm',
    target: ['chrome110', 'firefox115', 'safari17'],
    conditions: ['caisson-source'],
    metafile: true,
    legalComments: 'none',
    logLevel: 'warning',
  });
  const modules = Object.keys(metafile.inputs).filter((path) => !path.endsWith('/all-of-verify.js'));
  return { code: outputFiles[0]!.contents, modules: modules.sort() };
}

if (import.meta.main) {
  const { code } = await buildBrowserBundle();
  mkdirSync(join(root, 'dist'), { recursive: true });
  writeFileSync(join(root, 'dist/caisson-verify.js'), code);
}
