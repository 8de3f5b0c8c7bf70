// Makes one folder that runs on a machine with neither npm nor compiler: the pinned Node, the bundles, the addon, and a
// shell launcher under each name. Needs glibc >= 2.28 there and nothing else.
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..');
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
const { bin } = JSON.parse(readFileSync(join(root, 'packages/cli/package.json'), 'utf8')) as { bin: object };
const folder = join(root, 'dist/pack', `caisson-${version}-linux-${process.arch}`);

// Passes its own name on, so that every other name can be a link to it.
const launcher = `#!/bin/sh
# Caisson ${version}
here=$(dirname "$(readlink -f "$0")")
exec "$here/../lib/node" "$here/../lib/caisson.mjs" --called-as "$(basename "$0")" "$@"
`;

rmSync(folder, { recursive: true, force: true });
mkdirSync(join(folder, 'bin'), { recursive: true });
mkdirSync(join(folder, 'lib'));
copy(join(root, `node_modules/node-linux-${process.arch}/bin/node`), 'lib/node', 0o755);
for (const name of ['caisson.mjs', 'caisson-enclave.mjs', 'caisson-enclave-development.mjs', 'caisson.node']) {
  copy(join(root, 'dist', name), join('lib', name), 0o644);
}
copy(join(root, 'LICENSE'), 'LICENSE', 0o644);
copy(join(root, 'README.md'), 'README.md', 0o644);
copy(join(root, `node_modules/node-linux-${process.arch}/LICENSE`), 'LICENSE.node', 0o644);
writeFileSync(join(folder, 'bin/caisson'), launcher);
chmodSync(join(folder, 'bin/caisson'), 0o755);
for (const name of Object.keys(bin)) if (name !== 'caisson') symlinkSync('caisson', join(folder, 'bin', name));
console.log(folder);

function copy(from: string, to: string, mode: number): void {
  if (!existsSync(from)) {
    console.error(`pack: ${from} is missing; run npm run build first (the addon needs a C compiler)`);
    process.exit(1);
  }
  copyFileSync(from, join(folder, to));
  chmodSync(join(folder, to), mode);
}
