// Makes one folder that runs on a machine with neither npm nor compiler: the pinned Node, the bundles, the addon, and a
// shell launcher under each name. Needs glibc >= 2.28 there and nothing else. Its own ledger says what the parts are that it puts
// into images (docs/runtime.md). The hardware scripts (docs/hardware.md) are with it. `--release`: refuses parts that the checked-in ledger does not have. `--write-ledger`: enters
// these parts there, as those of this version.
import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import {
  type Architecture,
  digestFile,
  parseArchitecture,
  readPartLedger,
} from '../packages/host/src/runtime/index.ts';
import type { PartLedger, PartName } from '../packages/host/src/runtime/parse-ledger.ts';
import { PART_FILES } from '../packages/host/src/runtime/toolchain.ts';
import { findCompiler } from './compile.ts';
import { programFolder, programPath, readProgramBuild } from './program.ts';

const { values } = parseArgs({
  options: { release: { type: 'boolean', default: false }, 'write-ledger': { type: 'boolean', default: false } },
});
const root = join(import.meta.dirname, '..');
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
const { bin } = JSON.parse(readFileSync(join(root, 'packages/cli/package.json'), 'utf8')) as { bin: object };
const folder = join(root, 'dist/pack', `caisson-${version}-linux-${process.arch}`);

// Passes its own name on, so that every other name can be a link to it.
// After -- words such as --env-file are the program's own: Node would take them for its own even behind a script.
const launcher = `#!/bin/sh
# Caisson ${version}
here=$(dirname "$(readlink -f "$0")")
exec "$here/../lib/node" -- "$here/../lib/caisson/caisson.mjs" --called-as "$(basename "$0")" "$@"
`;

rmSync(folder, { recursive: true, force: true });
mkdirSync(join(folder, 'bin'), { recursive: true });
mkdirSync(join(folder, 'lib'));
copy(join(root, `node_modules/node-linux-${process.arch}/bin/node`), 'lib/node', 0o755);
for (const name of ['caisson-enclave.mjs', 'caisson-enclave-development.mjs', 'caisson.node']) {
  copy(join(root, 'dist', name), join('lib', name), 0o644);
}
if (!existsSync(programPath)) fail(programPath);
mkdirSync(join(folder, 'lib/caisson'));
for (const name of readProgramBuild().pieces) copy(join(programFolder, name), join('lib/caisson', name), 0o644);
for (const name of ['caisson-init', 'caisson-launcher', 'caisson-sim']) {
  copy(join(root, `packages/sys/build/linux-${process.arch}`, name), join('lib', name), 0o755);
}
await writeLedger();
copyScripts();
copy(join(root, 'LICENSE'), 'LICENSE', 0o644);
copy(join(root, 'README.md'), 'README.md', 0o644);
copy(join(root, `node_modules/node-linux-${process.arch}/LICENSE`), 'LICENSE.node', 0o644);
writeFileSync(join(folder, 'bin/caisson'), launcher);
chmodSync(join(folder, 'bin/caisson'), 0o755);
for (const name of Object.keys(bin)) if (name !== 'caisson') symlinkSync('caisson', join(folder, 'bin', name));
console.log(folder);

/** Those that run where enclaves do. They import nothing but Node's own, so that they run as they stand. */
function copyScripts(): void {
  mkdirSync(join(folder, 'scripts'));
  const isScript = /^(nitro|aws-spot-nitro)-(smoke|bench)\.sh$/;
  for (const name of readdirSync(join(root, 'scripts')).filter((one) => isScript.test(one))) {
    copy(join(root, 'scripts', name), join('scripts', name), 0o755);
  }
  cpSync(join(root, 'scripts/hardware'), join(folder, 'scripts/hardware'), { recursive: true });
  writeFileSync(join(folder, 'scripts/package.json'), '{ "type": "module" }\n');
}

/** The ledgers as they are checked in, but for the parts: those are what was just copied. */
async function writeLedger(): Promise<void> {
  const from = join(root, 'packages/host/ledger');
  mkdirSync(join(folder, 'lib/ledger'));
  for (const name of readdirSync(from)) copy(join(from, name), join('lib/ledger', name), 0o644);
  const ledger = await describeParts();
  const text = `${JSON.stringify(ledger, undefined, 2)}\n`;
  writeFileSync(join(folder, 'lib/ledger/parts.json'), text);
  if (values['write-ledger']) writeFileSync(join(from, 'parts.json'), text);
  if (!values.release) return;
  const known = readPartLedger();
  const digests = new Set(known.parts.map(({ name, sha384 }) => `${name} ${sha384}`));
  const other = ledger.parts.filter(({ name, sha384 }) => !digests.has(`${name} ${sha384}`)).map(({ name }) => name);
  if (known.version === version && other.length === 0) return;
  console.error(
    `pack: ${other.join(', ') || 'version'} differs from packages/host/ledger/parts.json (${known.version})`,
  );
  process.exit(1);
}

async function describeParts(): Promise<PartLedger> {
  const compiler = findCompiler()?.version ?? 'an unknown compiler';
  const machine = parseArchitecture(process.arch);
  const part = async (
    name: PartName,
    architecture: Architecture | null,
    made: string,
  ): Promise<PartLedger['parts'][number]> => ({
    name,
    architecture,
    made,
    ...(await digestFile(join(folder, 'lib', PART_FILES[name]))),
  });
  return {
    v: 1,
    version,
    parts: [
      await part('init', machine, `scripts/pid1.ts, ${compiler}`),
      await part('launcher', machine, `scripts/pid1.ts, ${compiler}`),
      await part('addon', machine, `scripts/addon.ts, ${compiler}`),
      await part('enclave', null, 'scripts/bundle.ts'),
      await part('enclave-development', null, 'scripts/bundle.ts'),
    ],
  };
}

function copy(from: string, to: string, mode: number): void {
  if (!existsSync(from)) fail(from);
  copyFileSync(from, join(folder, to));
  chmodSync(join(folder, to), mode);
}

function fail(missing: string): never {
  console.error(`pack: ${missing} is missing; run npm run build first (the addon needs a C compiler)`);
  process.exit(1);
}
