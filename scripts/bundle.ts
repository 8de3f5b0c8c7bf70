// Makes the single-file programs with esbuild: `caisson` for the host, `caisson-enclave` for images, and the development form of
// the latter that also speaks the fabric. `--write-bom` rewrites the checked-in lists of what is in the enclave bundles.
import { copyFileSync, existsSync, mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';

const root = join(import.meta.dirname, '..');
const dist = join(root, 'dist');

interface Bundle {
  readonly name: string;
  readonly entry: string;
  /** Enclave bundles have a bill of materials: every module in them, by hand approved. */
  readonly bom: boolean;
}

export const bundles: readonly Bundle[] = [
  { name: 'caisson', entry: 'packages/cli/src/main/bundle.ts', bom: false },
  { name: 'caisson-enclave', entry: 'packages/enclave/src/main/caisson-enclave.ts', bom: true },
  { name: 'caisson-enclave-development', entry: 'packages/enclave/src/main/caisson-enclave-development.ts', bom: true },
];

const requireBanner = [
  `import { createRequire as createBundleRequire } from 'node:module';`,
  'const require = createBundleRequire(import.meta.url);',
].join('\n');

/** Builds one bundle and resolves with the paths of its modules, sorted. `write: false` only looks. */
export async function buildBundle(bundle: Bundle, write: boolean): Promise<string[]> {
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints: [bundle.entry],
    outfile: join('dist', `${bundle.name}.mjs`),
    bundle: true,
    write,
    platform: 'node',
    format: 'esm',
    target: 'node22.18',
    conditions: ['caisson-source'],
    metafile: true,
    legalComments: 'inline',
    // yaml's build for Node is CommonJS and asks for builtins by require, which a module has none of. Nothing third-party is in the others.
    ...(!bundle.bom && { banner: { js: requireBanner } }),
    logLevel: 'warning',
  });
  return Object.keys(metafile.inputs).sort();
}

if (import.meta.main) {
  mkdirSync(dist, { recursive: true });
  for (const bundle of bundles) {
    const modules = await buildBundle(bundle, true);
    if (bundle.bom && process.argv.includes('--write-bom')) {
      mkdirSync(join(root, 'packages/enclave/bom'), { recursive: true });
      writeFileSync(join(root, `packages/enclave/bom/${bundle.name}.txt`), `${modules.join('\n')}\n`);
    }
  }
  // The loader looks beside the running bundle first.
  const addon = join(root, `packages/sys/build/linux-${process.arch}/caisson.node`);
  if (existsSync(addon)) {
    // Beside and renamed: a running program may have the old file mapped, and writing into that would crash it.
    copyFileSync(addon, join(dist, '.caisson.node'));
    renameSync(join(dist, '.caisson.node'), join(dist, 'caisson.node'));
  }
}
