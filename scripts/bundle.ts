// Makes the bundled programs with esbuild: `caisson` for the host, in pieces, `caisson-enclave` for images, and the development form of
// the latter that also speaks the fabric. `--write-bom` rewrites the checked-in lists of what is in the enclave bundles.
import { copyFileSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { type BuildOptions, type BuildResult, build } from 'esbuild';
import { type ProgramBuild, programBuildPath, programFolder } from './program.ts';

const root = join(import.meta.dirname, '..');
const dist = join(root, 'dist');

interface Bundle {
  readonly name: string;
  readonly entry: string;
}

/** Each has a bill of materials: every module in it, by hand approved. */
export const enclaveBundles: readonly Bundle[] = [
  { name: 'caisson-enclave', entry: 'packages/enclave/src/main/caisson-enclave.ts' },
  { name: 'caisson-enclave-development', entry: 'packages/enclave/src/main/caisson-enclave-development.ts' },
];

const standard = {
  absWorkingDir: root,
  bundle: true,
  platform: 'node',
  format: 'esm',
  target: 'node22.18',
  conditions: ['caisson-source'],
  metafile: true,
  legalComments: 'inline',
  logLevel: 'warning',
} as const satisfies BuildOptions;

/** Builds one bundle and resolves with the paths of its modules, sorted. `write: false` only looks. */
export async function buildBundle({ name, entry }: Bundle, write: boolean): Promise<string[]> {
  const { metafile } = await build({ ...standard, entryPoints: [entry], outfile: join('dist', `${name}.mjs`), write });
  return Object.keys(metafile.inputs).sort();
}

type Built = BuildResult<{ metafile: true; write: false }>;

// Chosen: a command that began with the pieces of an older build may want one more of them.
const keptMs = 24 * 3_600_000;

/**
 * The host program, not yet written. `pieces`: what a command imports when it is run is a file of its own, so that a start reads little. `shim`: one
 * file, since a shim stays for weeks and must not look for a piece then.
 */
export async function buildProgram(): Promise<{ readonly pieces: Built; readonly shim: Built }> {
  const terms = {
    ...standard,
    outdir: programFolder,
    outExtension: { '.js': '.mjs' },
    write: false,
    sourcemap: 'external',
    sourcesContent: false,
    // The addon, the enclave bundles and the ledger lie beside the folder.
    define: { 'import.meta.dirname': 'bundleFolder' },
    banner: { js: banner },
  } as const satisfies BuildOptions;
  const [pieces, shim] = await Promise.all([
    build({
      ...terms,
      // `main` is for the launchers of bin/, which know their name.
      entryPoints: { caisson: 'packages/cli/src/main/bundle.ts', main: 'packages/cli/src/main/caisson.ts' },
      splitting: true,
      chunkNames: '[name]-[hash]',
      plugins: [
        {
          name: 'shim',
          setup: ({ onResolve }) =>
            onResolve({ filter: /^\.\.\/shim-process\.ts$/ }, ({ importer }) =>
              importer.endsWith('/main/caisson.ts') ? { path: './shim.mjs', external: true } : undefined,
            ),
        },
      ],
    }),
    build({ ...terms, entryPoints: { shim: 'packages/cli/src/shim-process.ts' } }),
  ]);
  return { pieces, shim };
}

// yaml's build for Node is CommonJS and asks for builtins by require, which a module has none of. Nothing third-party is in the enclave's.
const banner = [
  `import { createRequire as createBundleRequire } from 'node:module';`,
  `import { dirname as folderAbove } from 'node:path';`,
  'const require = createBundleRequire(import.meta.url);',
  'const bundleFolder = folderAbove(import.meta.dirname);',
].join('\n');

/** Entries last, and each beside its old one and renamed: whoever starts the program meanwhile has the old one or the new. */
async function writeProgram(): Promise<void> {
  const startedMs = Date.now();
  const { pieces, shim } = await buildProgram();
  mkdirSync(programFolder, { recursive: true });
  const isEntry = (path: string): boolean => /^(caisson|main)\.mjs$/.test(basename(path));
  const files = [...pieces.outputFiles, ...shim.outputFiles].sort(
    (left, right) => Number(isEntry(left.path)) - Number(isEntry(right.path)),
  );
  for (const { path, contents } of files) {
    const fresh = join(programFolder, `.${process.pid}-${basename(path)}`);
    writeFileSync(fresh, contents);
    renameSync(fresh, path);
  }
  const names = files.map(({ path }) => basename(path)).sort();
  for (const name of readdirSync(programFolder).filter((one) => !names.includes(one))) {
    const path = join(programFolder, name);
    // A map is only looked into when an error is shown, which does without.
    if (name.endsWith('.map') || statSync(path).mtimeMs < startedMs - keptMs) rmSync(path, { force: true });
  }
  const inputs = new Set([pieces, shim].flatMap(({ metafile }) => Object.keys(metafile.inputs)));
  const made: ProgramBuild = { pieces: names, inputs: [...inputs].sort(), startedMs };
  writeFileSync(programBuildPath, `${JSON.stringify(made, undefined, 1)}\n`);
}

if (import.meta.main) {
  mkdirSync(dist, { recursive: true });
  await writeProgram();
  for (const bundle of enclaveBundles) {
    const modules = await buildBundle(bundle, true);
    if (!process.argv.includes('--write-bom')) continue;
    mkdirSync(join(root, 'packages/enclave/bom'), { recursive: true });
    writeFileSync(join(root, `packages/enclave/bom/${bundle.name}.txt`), `${modules.join('\n')}\n`);
  }
  // The loader looks beside the running bundle first.
  const addon = join(root, `packages/sys/build/linux-${process.arch}/caisson.node`);
  if (existsSync(addon)) {
    // Beside and renamed: a running program may have the old file mapped, and writing into that would crash it.
    copyFileSync(addon, join(dist, '.caisson.node'));
    renameSync(join(dist, '.caisson.node'), join(dist, 'caisson.node'));
  }
}
