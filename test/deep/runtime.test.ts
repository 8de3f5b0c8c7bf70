// The real runtime archive: packed from npm and a Debian mirror (or their cache), equal to the ledger, and alive in an empty root.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, test } from 'node:test';
import { CaissonError } from '@caisson/core/errors';
import { linkRuntime, openRuntime, packRuntime, readArchitecture, runtimeArgv } from '@caisson/host/runtime';
import type { RootTree } from '@caisson/host/tree';

const folder = mkdtempSync(join(tmpdir(), 'caisson-runtime-'));
after(() => rmSync(folder, { recursive: true, force: true }));

let unreachable: string | false = false;
const packed = join(folder, 'a.tar');
try {
  await packRuntime(readArchitecture(), packed);
} catch (error) {
  if (!(error instanceof CaissonError) || !['RUNTIME_FETCH', 'RUNTIME_NODE', 'RUNTIME_TOOL'].includes(error.code))
    throw error;
  unreachable = `the inputs cannot be had here: ${error.message}`;
}

async function writeTree(tree: RootTree, root: string): Promise<void> {
  for (const [path, entry] of tree) {
    const at = join(root, path);
    mkdirSync(dirname(at), { recursive: true });
    if (entry.kind === 'directory') mkdirSync(at, { recursive: true });
    if (entry.kind === 'symlink') symlinkSync(entry.target, at);
    if (entry.kind !== 'file') continue;
    const file = await open(at, 'wx');
    for await (const piece of entry.content.open()) await file.writeFile(piece);
    await file.close();
    chmodSync(at, entry.mode);
  }
}

test('the archive of the other machine is packed here as well, equal to the ledger', {
  skip: unreachable,
}, async () => {
  const other = readArchitecture() === 'x86_64' ? 'aarch64' : 'x86_64';
  const { name } = await packRuntime(other, join(folder, 'b.tar'));
  assert.match(name, new RegExp(other));
});

test('node, its libraries and busybox run from the archive alone', {
  skip: unreachable || (process.getuid?.() !== 0 && 'chroot needs root'),
}, async () => {
  const root = join(folder, 'root');
  const runtime = await openRuntime(packed, { profile: 'development' });
  assert.equal(runtime.origin, 'ledger');
  await writeTree(runtime.tree, root);
  const inRoot = (...words: readonly string[]) =>
    spawnSync('chroot', [root, ...words], { env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin' }, encoding: 'utf8' });
  const script =
    'require("node:crypto").createHash("sha384").update(Intl.DateTimeFormat().resolvedOptions().locale).digest("hex").length + process.version';
  const own = inRoot(...runtimeArgv(runtime.architecture), '-p', script);
  assert.equal(own.stdout, `96v${runtime.node}\n`, own.stderr);
  assert.equal(inRoot('/usr/lib/caisson/busybox', 'echo', 'alive').stdout, 'alive\n');
  await writeTree(linkRuntime(runtime), root);
  const linked = inRoot('/usr/bin/node', '-p', '1 + 1');
  assert.equal(linked.stdout, '2\n', linked.stderr);
  await runtime.close();
});
